// Vectors of eight fp16 values, for <isa>.cc with fp16 arithmetic.
#pragma once

#include <arm_neon.h>
#include <math.h>

#include <cstdint>

namespace sanderling {
namespace {

using Half = float16_t;

inline float16x8_t convert8(const float* from) noexcept {
  return vcvt_high_f16_f32(vcvt_f16_f32(vld1q_f32(from)), vld1q_f32(from + 4));
}

// The first n of eight values.
__attribute__((always_inline)) inline void store_first(float* to, float32x4_t low, float32x4_t high,
                                                       int64_t n) noexcept {
  if (n == 8) {
    vst1q_f32(to, low);
    vst1q_f32(to + 4, high);
    return;
  }
  float all[8];
  vst1q_f32(all, low);
  vst1q_f32(all + 4, high);
  for (int64_t i = 0; i < n; ++i) to[i] = all[i];
}

// e where the largest magnitude of n weights is in [2^(e-1), 2^e); 0 for zeros, and where one is no number.
inline int largest_exponent(const float* w, int64_t n, int64_t stride) noexcept {
  float largest = 0;
  for (int64_t k = 0; k < n; ++k) largest = fabsf(w[k * stride]) > largest ? fabsf(w[k * stride]) : largest;
  int exponent = 0;
  if (largest > 0 && largest < HUGE_VALF) frexpf(largest, &exponent);
  return exponent;
}

}  // namespace
}  // namespace sanderling
