// Rows as pieces of 16 bytes, the last of which may overlap the one before.
#ifdef __aarch64__

#include <arm_neon.h>

#include <cstring>

#include "kernels/arg_max_q8/arg_max_q8.h"

namespace sanderling {
namespace {

inline __attribute__((always_inline)) uint8x16_t load(const uint8_t* p, uint8x16_t mask) {
  return veorq_u8(vld1q_u8(p), mask);
}

// Where x is `value` the place, and 255 elsewhere.
inline __attribute__((always_inline)) uint8x16_t places(uint8x16_t x, uint8x16_t value, uint8x16_t place) {
  return vornq_u8(place, vceqq_u8(x, value));
}

// 16 to 32 bytes a row.
void short_rows(const uint8_t* rows, int64_t count, int64_t n, uint8x16_t mask, int32_t* out) {
  static const uint8_t kPlaces[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  const int64_t second = n - 16;
  const uint8x16_t place_a = vld1q_u8(kPlaces);
  const uint8x16_t place_b = vaddq_u8(place_a, vdupq_n_u8(static_cast<uint8_t>(second)));
  for (int64_t r = 0; r < count; ++r, rows += n) {
    const uint8x16_t a = load(rows, mask), b = load(rows + second, mask);
    const uint8x16_t best = vdupq_n_u8(vmaxvq_u8(vmaxq_u8(a, b)));
    out[r] = vminvq_u8(vminq_u8(places(a, best, place_a), places(b, best, place_b)));
  }
}

}  // namespace

void arg_max_q8_neon_across(const uint8_t* rows, int64_t count, int64_t n, uint8_t mask, int32_t* out) {
  if (n < 16) return arg_max_q8_portable_plain(rows, count, n, mask, out);
  const uint8x16_t flip = vdupq_n_u8(mask);
  if (n <= 32) return short_rows(rows, count, n, flip, out);
  for (int64_t r = 0; r < count; ++r, rows += n) {
    uint8x16_t most = load(rows + n - 16, flip);
    for (int64_t k = 0; k + 16 <= n; k += 16) most = vmaxq_u8(most, load(rows + k, flip));
    const void* at = std::memchr(rows, vmaxvq_u8(most) ^ mask, static_cast<size_t>(n));
    out[r] = static_cast<int32_t>(static_cast<const uint8_t*>(at) - rows);
  }
}

}  // namespace sanderling

#endif
