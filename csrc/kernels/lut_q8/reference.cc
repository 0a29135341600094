#include "kernels/lut_q8/lut_q8.h"

namespace sanderling {

void lut_q8_portable_plain(const uint8_t* x, uint8_t* out, int64_t n, const uint8_t* table) {
  if (is_flip(table, n)) {
    const uint8_t flip = table[0];
    for (int64_t i = 0; i < n; ++i) out[i] = x[i] ^ flip;
    return;
  }
  for (int64_t i = 0; i < n; ++i) out[i] = table[x[i]];
}

}  // namespace sanderling
