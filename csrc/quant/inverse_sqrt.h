// 1 / sqrt(x) of an integer as a fixed-point multiplier: the normative definition (gemmlowp's Newton-Raphson form, as
// the reference kernels of layer normalization and L2_NORMALIZATION use it).
#pragma once

#include <cstdint>
#include <limits>

#include "quant/requantize.h"

namespace sanderling {

// The multiplier that requantize() applies to divide by sqrt(x); x <= 1 counts as 1.
static inline Multiplier inverse_sqrt_multiplier(int32_t x) {
  if (x <= 1) return {std::numeric_limits<int32_t>::max(), 0};
  int right = 11;
  while (x >= 1 << 29) {
    x /= 4;
    ++right;
  }
  // Into [2^27, 2^29) by powers of 4.
  while (x < 1 << 27) {
    x *= 4;
    --right;
  }
  // Fixed point with 3 integer bits; the products have more, and are brought back with saturating shifts.
  auto multiply = saturating_rounding_doubling_high_mul;
  auto shift_left_saturating = [](int32_t v, int n) {
    int64_t wide = static_cast<int64_t>(v) << n;
    int64_t threshold = (int64_t{1} << 31) - (int64_t{1} << n);
    if (wide > threshold) return std::numeric_limits<int32_t>::max();
    if (wide < -threshold) return std::numeric_limits<int32_t>::min();
    return static_cast<int32_t>(wide);
  };
  const int32_t input = x >> 1, half_input = rounding_divide_by_pot(input, 1);
  constexpr int32_t kHalfThree = (1 << 28) + (1 << 27), kHalfSqrt2 = 1518500250;
  int32_t y = 1 << 28;
  for (int i = 0; i < 5; ++i) {
    int32_t cube = shift_left_saturating(multiply(multiply(y, y), y), 6);
    y = shift_left_saturating(wrapping_sub(multiply(kHalfThree, y), multiply(half_input, cube)), 3);
  }
  y = multiply(y, kHalfSqrt2);
  if (right < 0) {
    y = shift_left(y, -right);
    right = 0;
  }
  return {y, -right};
}

}  // namespace sanderling
