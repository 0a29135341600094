#include <arm_neon.h>

#include "kernels/max_pool_q8/max_pool_q8.h"

namespace sanderling {
namespace {

// kVectors * 16 channels.
template <int kVectors>
inline __attribute__((always_inline)) void block(const MaxPoolQ8& p, const uint8_t* in, uint8_t* out) {
  const uint8x16_t flip = vdupq_n_u8(p.flip);
  const int8x16_t high = vdupq_n_s8(static_cast<int8_t>(p.high));
  int8x16_t most[kVectors];
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) most[v] = vdupq_n_s8(static_cast<int8_t>(p.low));
  const uint8_t* row = in;
  for (int64_t y = 0; y < p.rows; ++y, row += p.row_bytes) {
    const uint8_t* pixel = row;
    for (int64_t x = 0; x < p.columns; ++x, pixel += p.pixel_bytes)
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v)
        most[v] = vmaxq_s8(most[v], vreinterpretq_s8_u8(veorq_u8(vld1q_u8(pixel + 16 * v), flip)));
  }
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v)
    vst1q_u8(out + 16 * v, veorq_u8(vreinterpretq_u8_s8(vminq_s8(most[v], high)), flip));
}

}  // namespace

void max_pool_q8_neon_bytes(const MaxPoolQ8& p, const uint8_t* in, int64_t n, uint8_t* out) {
  if (n < 16) return max_pool_q8_portable_plain(p, in, n, out);
  int64_t c = 0;
  for (; c + 64 <= n; c += 64) block<4>(p, in + c, out + c);
  for (; c + 16 <= n; c += 16) block<1>(p, in + c, out + c);
  if (c < n) block<1>(p, in + n - 16, out + n - 16);  // some channels again
}

}  // namespace sanderling
