#include <arm_neon.h>

#include "kernels/bilinear_u8/bilinear_u8.h"

namespace sanderling {
namespace {

struct Column {
  const float *top_low, *bottom_low, *top_high, *bottom_high;
  float below, above;

  // Channels c to c + 3, as the low 16 bits of the results.
  inline __attribute__((always_inline)) int16x4_t four(int64_t c) const {
    float32x4_t v = vmulq_n_f32(vld1q_f32(top_low + c), below);
    v = vaddq_f32(v, vmulq_n_f32(vld1q_f32(bottom_low + c), below));
    v = vaddq_f32(v, vmulq_n_f32(vld1q_f32(top_high + c), above));
    v = vaddq_f32(v, vmulq_n_f32(vld1q_f32(bottom_high + c), above));
    return vmovn_s32(vcvtq_s32_f32(vaddq_f32(v, vdupq_n_f32(0.5f))));
  }
  inline __attribute__((always_inline)) uint8x8_t eight(int64_t c) const {
    return vreinterpret_u8_s8(vmovn_s16(vcombine_s16(four(c), four(c + 4))));
  }
};

}  // namespace

void bilinear_u8_neon_channels(const float* top, const float* bottom, const BilinearColumn* columns, int64_t n,
                               int64_t channels, uint8_t* out) {
  if (channels < 8) return bilinear_u8_portable_channels(top, bottom, columns, n, channels, out);
  for (int64_t x = 0; x < n; ++x, out += channels) {
    const int64_t low = columns[x].low * channels, high = columns[x].high * channels;
    const Column column = {top + low, bottom + low, top + high, bottom + high, columns[x].below, columns[x].above};
    int64_t c = 0;
    for (; c + 16 <= channels; c += 16) vst1q_u8(out + c, vcombine_u8(column.eight(c), column.eight(c + 8)));
    if (c + 8 <= channels) vst1_u8(out + c, column.eight(c)), c += 8;
    if (c < channels) vst1_u8(out + channels - 8, column.eight(channels - 8));  // some channels again
  }
}

}  // namespace sanderling
