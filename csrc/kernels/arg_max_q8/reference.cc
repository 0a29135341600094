#include <cstring>

#include "kernels/arg_max_q8/arg_max_q8.h"

namespace sanderling {

// Vectors find the value, then memchr its place.
void arg_max_q8_portable_plain(const uint8_t* rows, int64_t count, int64_t n, uint8_t mask, int32_t* out) {
  for (int64_t r = 0; r < count; ++r, rows += n) {
    uint8_t best = 0;
    for (int64_t k = 0; k < n; ++k) {
      const uint8_t x = rows[k] ^ mask;
      best = best > x ? best : x;
    }
    const void* at = std::memchr(rows, best ^ mask, static_cast<size_t>(n));
    out[r] = static_cast<int32_t>(static_cast<const uint8_t*>(at) - rows);
  }
}

}  // namespace sanderling
