// The end of a NEON tile: from int32 sums to bytes, exactly.
#pragma once

#include <arm_neon.h>

#include "kernels/conv2d_q8/neon_tiles.h"

#define SANDERLING_INLINE static inline __attribute__((always_inline))

namespace sanderling {
namespace {

// requantize() of a multiplier whose right shift is at least 1: `shift` is minus that.
SANDERLING_INLINE int32x4_t rescale_narrowing(int32x4_t sum, int32x4_t multiplier, int32x4_t shift) {
  int32x4_t x = vqrdmulhq_s32(sum, multiplier);
  x = vsraq_n_s32(x, x, 31);  // the shift below rounds half up, so half away from zero needs -1 below zero
  return vrshlq_s32(x, shift);
}

// requantize() of any multiplier.
SANDERLING_INLINE int32x4_t rescale_any(int32x4_t sum, int32x4_t multiplier, int32x4_t shift) {
  const int32x4_t zero = vdupq_n_s32(0);
  int32x4_t x = vqrdmulhq_s32(vshlq_s32(sum, vmaxq_s32(shift, zero)), multiplier);
  const int32x4_t right = vminq_s32(shift, zero);
  x = vsraq_n_s32(x, vandq_s32(x, right), 31);
  return vrshlq_s32(x, right);
}

struct Output {
  int16x8_t zero;
  int8x16_t low, high, flip;
};
SANDERLING_INLINE Output output_of(const Tile& t) {
  return {vdupq_n_s16(static_cast<int16_t>(t.zero)), vdupq_n_s8(static_cast<int8_t>(t.low)),
          vdupq_n_s8(static_cast<int8_t>(t.high)), vdupq_n_s8(static_cast<int8_t>(t.flip))};
}

// Rescaled values to bytes. They are below 2^30, so that saturation to int16 before the zero point is added changes
// nothing that the clamp would not.
SANDERLING_INLINE int8x16_t to_bytes(int32x4_t a, int32x4_t b, int32x4_t c, int32x4_t d, const Output& out) {
  int16x8_t ab = vqaddq_s16(vcombine_s16(vqmovn_s32(a), vqmovn_s32(b)), out.zero);
  int16x8_t cd = vqaddq_s16(vcombine_s16(vqmovn_s32(c), vqmovn_s32(d)), out.zero);
  int8x16_t y = vcombine_s8(vqmovn_s16(ab), vqmovn_s16(cd));
  return veorq_s8(vminq_s8(vmaxq_s8(y, out.low), out.high), out.flip);
}

// Four sums of one pixel, any multiplier: the zero point is added in int32, which may wrap as in the reference.
SANDERLING_INLINE void rescale_four(const Tile& t, int64_t channel, const int32_t* sums, uint8_t* out) {
  int32x4_t x = rescale_any(vld1q_s32(sums + channel), vld1q_s32(t.multiplier + channel), vld1q_s32(t.shift + channel));
  x = vaddq_s32(x, vdupq_n_s32(t.zero));
  x = vminq_s32(vmaxq_s32(x, vdupq_n_s32(t.low)), vdupq_n_s32(t.high));
  const int16x4_t half = vmovn_s32(x);
  const int8x8_t bytes = veor_s8(vmovn_s16(vcombine_s16(half, half)), vdup_n_s8(static_cast<int8_t>(t.flip)));
  vst1_lane_u32(reinterpret_cast<uint32_t*>(out + channel), vreinterpret_u32_s8(bytes), 0);
}

// Compile-time loops: arrays indexed by their counters become registers, even with GCC 12.
template <int n>
struct Index {
  static constexpr int value = n;
  constexpr operator int() const { return n; }
};
template <int n, class F>
SANDERLING_INLINE void unrolled(F&& f) {
  if constexpr (n > 0) {
    unrolled<n - 1>(f);
    f(Index<n - 1>{});
  }
}

}  // namespace
}  // namespace sanderling
