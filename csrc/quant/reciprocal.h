// Reciprocals in fixed point, as gemmlowp computes them (Newton's method, three steps).
#pragma once

#include <cstdint>

#include "quant/requantize.h"

namespace sanderling {

// 1 / (1 + a): a and the result have 31 fractional bits, 0 <= a < 1.
static inline int32_t reciprocal_of_one_plus(int32_t a) {
  const int32_t half = static_cast<int32_t>((int64_t{a} + std::numeric_limits<int32_t>::max() + 1) / 2);
  // x, with 29 fractional bits, goes to 1 / half; the first guess is 48/17 - 32/17 * half.
  int32_t x = 1515870810 + saturating_rounding_doubling_high_mul(half, -1010580540);
  for (int i = 0; i < 3; ++i) {
    const int32_t error = (1 << 29) - saturating_rounding_doubling_high_mul(half, x);
    // Four integer bits to two; the correction is small, so nothing is shifted out.
    x += saturating_rounding_doubling_high_mul(x, error) * 4;
  }
  // x / 2 in 31 fractional bits.
  return x > (1 << 30) - 1 ? std::numeric_limits<int32_t>::max() : x * 2;
}

struct Reciprocal {
  int32_t value;  // between 1/2 and 1, 31 fractional bits
  int shift;      // 1 / x = value / 2^shift
};

// x > 0.
static inline Reciprocal reciprocal(int32_t x) {
  const int zeros = __builtin_clz(static_cast<uint32_t>(x));
  const uint32_t fraction = (static_cast<uint32_t>(x) << zeros) - (uint32_t{1} << 31);
  return {reciprocal_of_one_plus(static_cast<int32_t>(fraction)), 31 - zeros};
}

}  // namespace sanderling
