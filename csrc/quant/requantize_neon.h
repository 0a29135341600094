// The rescaling of accumulators in NEON: the bits of requantize() (requantize.h), four lanes at a time.
//
// sqrdmulh is the first rounding exactly. srshl rounds halves up where the second rounding goes away from zero, so one
// is taken from negative values first, unless the shift is zero. That matters only for results below zero: where these
// are clamped away anyway (a fused ReLU: low >= zero) the fix is left out.
#pragma once

#include <arm_neon.h>

#include <cstdint>

#include "quant/requantize_neon_kind.h"

namespace sanderling {

// requantize(x, {multiplier, shift}) for each lane; shift as in Multiplier: positive left, negative right.
template <RequantizeNeon kKind>
static inline int32x4_t requantize_neon(int32x4_t x, int32x4_t multiplier, int32x4_t shift) {
  if (kKind == RequantizeNeon::kAny) {
    x = vshlq_s32(x, vmaxq_s32(shift, vdupq_n_s32(0)));
    shift = vminq_s32(shift, vdupq_n_s32(0));
  }
  x = vqrdmulhq_s32(x, multiplier);
  if (kKind == RequantizeNeon::kAny) x = vsraq_n_s32(x, vandq_s32(x, shift), 31);
  if (kKind == RequantizeNeon::kRight) x = vsraq_n_s32(x, x, 31);
  return vrshlq_s32(x, shift);
}

// What follows the rescaling: + zero, clamp to [low, high], and the byte is stored with `flip` applied.
// zero, low and high are int8 values.
struct OutputStageNeon {
  int16x8_t zero;
  int8x16_t low, high;
  uint8x16_t flip;
};

static inline OutputStageNeon output_stage_neon(int32_t zero, int32_t low, int32_t high, uint8_t flip) {
  return {vdupq_n_s16(static_cast<int16_t>(zero)), vdupq_n_s8(static_cast<int8_t>(low)),
          vdupq_n_s8(static_cast<int8_t>(high)), vdupq_n_u8(flip)};
}

// Rescaled lanes + zero, saturated to int16. Saturating before the sum changes nothing unless the sum wraps in int32,
// as the reference lets it: kAny.
template <RequantizeNeon kKind>
static inline int16x8_t add_zero_neon(int32x4_t a, int32x4_t b, int16x8_t zero) {
  if (kKind == RequantizeNeon::kAny) {
    a = vaddw_s16(a, vget_low_s16(zero));
    b = vaddw_s16(b, vget_low_s16(zero));
  }
#ifdef __aarch64__
  int16x8_t both = vqmovn_high_s32(vqmovn_s32(a), b);
#else
  int16x8_t both = vcombine_s16(vqmovn_s32(a), vqmovn_s32(b));
#endif
  return kKind == RequantizeNeon::kAny ? both : vqaddq_s16(both, zero);
}

// Eight and sixteen output bytes from rescaled lanes.
template <RequantizeNeon kKind>
static inline uint8x8_t output_neon(int32x4_t a, int32x4_t b, const OutputStageNeon& stage) {
  int8x8_t y = vqmovn_s16(add_zero_neon<kKind>(a, b, stage.zero));
  y = vmin_s8(vmax_s8(y, vget_low_s8(stage.low)), vget_low_s8(stage.high));
  return veor_u8(vreinterpret_u8_s8(y), vget_low_u8(stage.flip));
}

template <RequantizeNeon kKind>
static inline uint8x16_t output_neon(int32x4_t a, int32x4_t b, int32x4_t c, int32x4_t d, const OutputStageNeon& stage) {
  const int16x8_t ab = add_zero_neon<kKind>(a, b, stage.zero), cd = add_zero_neon<kKind>(c, d, stage.zero);
#ifdef __aarch64__
  int8x16_t y = vqmovn_high_s16(vqmovn_s16(ab), cd);
#else
  int8x16_t y = vcombine_s8(vqmovn_s16(ab), vqmovn_s16(cd));
#endif
  y = vminq_s8(vmaxq_s8(y, stage.low), stage.high);
  return veorq_u8(vreinterpretq_u8_s8(y), stage.flip);
}

// Sixteen bytes, clamped to int8 only, from rescaled lanes that fit int16: all but kAny.
static inline int8x16_t bytes_of_words(int32x4_t a, int32x4_t b, int32x4_t c, int32x4_t d, int16x8_t zero) {
#ifdef __aarch64__
  const int16x8_t ab = vuzp1q_s16(vreinterpretq_s16_s32(a), vreinterpretq_s16_s32(b));
  const int16x8_t cd = vuzp1q_s16(vreinterpretq_s16_s32(c), vreinterpretq_s16_s32(d));
  return vqmovn_high_s16(vqmovn_s16(vqaddq_s16(ab, zero)), vqaddq_s16(cd, zero));
#else
  const int16x8_t ab = vcombine_s16(vmovn_s32(a), vmovn_s32(b)), cd = vcombine_s16(vmovn_s32(c), vmovn_s32(d));
  return vcombine_s8(vqmovn_s16(vqaddq_s16(ab, zero)), vqmovn_s16(vqaddq_s16(cd, zero)));
#endif
}

#ifdef __aarch64__

// Sixteen bytes from four vectors of sums by fused_rescale.h, clamped to int8 only. Of the scales and offsets the last
// two may be the first two. In one piece: a multiply-add among shorter instructions keeps in-order processors waiting.
// Offsets are loaded each time: the multiply-add overwrites them, and a copy between registers takes a multiplier's
// turn.
struct FusedScales {
  float32x4_t a, b, c, d;
  const float *ab, *cd;  // offsets
};
// Of eight channels, for two pixels.
static inline FusedScales fused_scales(const float* scale, const float* offset) {
  const float32x4_t low = vld1q_f32(scale), high = vld1q_f32(scale + 4);
  return {low, high, low, high, offset, offset};
}
static inline __attribute__((always_inline)) int8x16_t bytes_fused(int32x4_t a, int32x4_t b, int32x4_t c, int32x4_t d,
                                                                   const FusedScales& s) {
  int16x8_t y0, y1, y2, y3;
  asm("ldr %q0, [%12]\n\t"
      "ldr %q1, [%12, #16]\n\t"
      "ldr %q2, [%13]\n\t"
      "ldr %q3, [%13, #16]\n\t"
      "fmla %0.4s, %4.4s, %8.4s\n\t"
      "fmla %1.4s, %5.4s, %9.4s\n\t"
      "fmla %2.4s, %6.4s, %10.4s\n\t"
      "fmla %3.4s, %7.4s, %11.4s"
      : "=&w"(y0), "=&w"(y1), "=&w"(y2), "=&w"(y3)
      : "w"(a), "w"(b), "w"(c), "w"(d), "w"(s.a), "w"(s.b), "w"(s.c), "w"(s.d), "r"(s.ab), "r"(s.cd),
        "m"(*reinterpret_cast<const float (*)[8]>(s.ab)), "m"(*reinterpret_cast<const float (*)[8]>(s.cd)));
  return vqmovn_high_s16(vqmovn_s16(vuzp1q_s16(y0, y1)), vuzp1q_s16(y2, y3));
}

#endif

}  // namespace sanderling
