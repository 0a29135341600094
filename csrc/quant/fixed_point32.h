// Exponential, logarithm and reciprocal of int32 fixed-point numbers: the normative definition.
//
// A value with `I` integer bits is raw / 2^(31 - I). The series, the Newton-Raphson divisions and every rounding are
// those of gemmlowp's fixedpoint.h for int32, whose bits the reference kernels of SOFTMAX and LOG_SOFTMAX have.
#pragma once

#include <cstdint>
#include <limits>

#include "quant/requantize.h"

namespace sanderling {
namespace fixed32 {

static constexpr int32_t kMax = std::numeric_limits<int32_t>::max(), kMin = std::numeric_limits<int32_t>::min();

// The integer bits of the factors add up.
static inline int32_t multiply(int32_t a, int32_t b) { return saturating_rounding_doubling_high_mul(a, b); }

// x * 2^n, 0 <= n <= 31, saturated.
static inline int32_t saturating_shift_left(int32_t x, int n) {
  int64_t threshold = (int64_t{1} << (31 - n)) - 1;
  if (x > threshold) return kMax;
  if (x < -threshold) return kMin;
  return static_cast<int32_t>(int64_t{x} * (int64_t{1} << n));
}

// exp(a) for -1/4 <= a < 0 (no integer bits): a Taylor series around -1/8.
static inline int32_t exp_quarter(int32_t a) {
  constexpr int32_t kExpMinusEighth = 1895147668, kThird = 715827883;
  int32_t x = a + (1 << 28);
  int32_t x2 = multiply(x, x);
  int32_t x3 = multiply(x2, x);
  int32_t x4_over_4 = rounding_divide_by_pot(multiply(x2, x2), 2);
  int32_t higher = rounding_divide_by_pot(multiply(x4_over_4 + x3, kThird) + x2, 1);
  return wrapping_add(kExpMinusEighth, multiply(kExpMinusEighth, x + higher));
}

// exp(a) for a <= 0 with 5 integer bits; the result has none.
static inline int32_t exp_negative(int32_t a) {
  if (a == 0) return kMax;
  constexpr int kIntegerBits = 5, kFractionalBits = 31 - kIntegerBits;
  constexpr int32_t quarter = 1 << (kFractionalBits - 2);
  int32_t rest = (a & (quarter - 1)) - quarter;  // a modulo 1/4, minus 1/4
  int32_t result = exp_quarter(saturating_shift_left(rest, kIntegerBits));
  int32_t remainder = wrapping_sub(rest, a);
  // exp(-2^exponent) for each bit of what remains.
  constexpr int32_t kFactors[] = {1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242};
  for (int exponent = -2; exponent < kIntegerBits; ++exponent)
    if (remainder & (1 << (kFractionalBits + exponent))) result = multiply(result, kFactors[exponent + 2]);
  return result;
}

// 1 / (1 + a) for a in [0, 1), without integer bits.
static inline int32_t reciprocal_one_plus(int32_t a) {
  int32_t half_denominator = static_cast<int32_t>((int64_t{a} + kMax + 1) / 2);
  int32_t x = wrapping_add(1515870810, multiply(half_denominator, -1010580540));  // 48/17 - 32/17 d, 2 integer bits
  for (int i = 0; i < 3; ++i) {
    int32_t error = wrapping_sub(1 << 29, multiply(half_denominator, x));
    x = wrapping_add(x, saturating_shift_left(multiply(x, error), 2));
  }
  return saturating_shift_left(x, 1);
}

// Leading zero bits; 32 of 0.
static inline int leading_zeros(uint32_t x) { return x == 0 ? 32 : __builtin_clz(x); }

// log(a) for a >= 1 with 12 integer bits; the result has 5.
static inline int32_t log(int32_t a) {
  constexpr int kInBits = 12, kOutBits = 5, kAccumBits = kOutBits + 1;
  constexpr int32_t kLog2 = 1488522236, kRootRootHalf = 1805811301, kRootHalf = 1518500250;
  // Of the rational approximation around 2^(-1/4).
  constexpr int32_t kAlphaN = 117049297, kAlphaD = 127690142, kAlphaI = 1057819769, kAlphaF = 638450708;
  constexpr int32_t quarter = (1 << 29) >> kAccumBits;
  auto shift = [](int32_t x, int n) {  // either way
    return n >= 0 ? saturating_shift_left(x, n) : rounding_divide_by_pot(x, -n);
  };
  auto saturate = [](int64_t x) { return static_cast<int32_t>(x < kMin ? kMin : (x > kMax ? kMax : x)); };
  // The power of two is taken out of a, and out of a / sqrt(2); the better centred remainder is used.
  int zeros = leading_zeros(static_cast<uint32_t>(a));
  int32_t r_a = shift(multiply(shift(a, zeros - 1), kRootHalf), 1);
  int32_t pow_a = saturate(int64_t{shift(kInBits - zeros, 31 - kAccumBits)} + quarter);
  int headroom = leading_zeros(static_cast<uint32_t>(multiply(a, kRootHalf))) - 1;
  int32_t r_b = shift(a, headroom);
  int32_t pow_b = saturate(int64_t{shift(kInBits - headroom, 31 - kAccumBits)} - quarter);
  int32_t r = r_a < r_b ? r_a : r_b, pow = pow_a > pow_b ? pow_a : pow_b;

  int64_t sum = int64_t{r} + kRootRootHalf;
  int32_t p = static_cast<int32_t>((sum + (sum >= 0 ? 1 : -1)) / 2);
  int32_t q = wrapping_sub(r, kRootRootHalf);
  q = wrapping_add(q, q);
  int32_t square = multiply(q, q);
  int32_t numerator = wrapping_add(multiply(q, r), multiply(multiply(q, square), kAlphaN));
  int32_t inner = wrapping_add(wrapping_add(kAlphaI, q), multiply(kAlphaD, square));
  int32_t denominator = wrapping_add(multiply(p, inner), multiply(kAlphaF, q));
  int32_t ratio = multiply(rounding_divide_by_pot(numerator, kAccumBits), reciprocal_one_plus(denominator));
  return saturating_shift_left(wrapping_add(multiply(pow, kLog2), ratio), kAccumBits - kOutBits);
}

}  // namespace fixed32
}  // namespace sanderling
