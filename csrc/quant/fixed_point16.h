// Logistic and hyperbolic tangent of int16 fixed-point numbers: the normative definition.
//
// A value with `I` integer bits is raw / 2^(15 - I); results have none. The series, the Newton-Raphson divisions and
// every rounding are those of gemmlowp's fixedpoint.h for int16, whose bits the reference kernels of the integer LSTM
// have.
#pragma once

#include <cstdint>

namespace sanderling {
namespace fixed16 {

static constexpr int32_t kMax = 32767, kMin = -32768;

static inline int32_t wrap(int32_t x) { return static_cast<int16_t>(x); }
static inline int32_t saturate(int32_t x) { return x < kMin ? kMin : (x > kMax ? kMax : x); }

// a * b / 2^15 to nearest; the integer bits of the factors add up.
static inline int32_t multiply(int32_t a, int32_t b) {
  if (a == kMin && b == kMin) return kMax;
  int32_t product = a * b;
  return (product + (product >= 0 ? 1 << 14 : 1 - (1 << 14))) / (1 << 15);
}

// x / 2^n to nearest, half away from zero.
static inline int32_t shift_right(int32_t x, int n) {
  int32_t mask = (1 << n) - 1;
  return (x >> n) + ((x & mask) > (mask >> 1) + (x < 0 ? 1 : 0) ? 1 : 0);
}

static inline int32_t saturating_shift_left(int32_t x, int n) {
  int32_t threshold = (1 << (15 - n)) - 1;
  if (x > threshold) return kMax;
  if (x < -threshold) return kMin;
  return x * (1 << n);
}

// A constant that gemmlowp spells with 31 bits.
static constexpr int32_t constant(int32_t raw31) {
  return (raw31 >> 16) + ((raw31 & 0xFFFF) > 0x7FFF + (raw31 < 0 ? 1 : 0) ? 1 : 0);
}

// exp(x) for -1/4 <= x < 0 (no integer bits): a Taylor series around -1/8.
static inline int32_t exp_quarter(int32_t a) {
  constexpr int32_t kExpMinusEighth = constant(1895147668), kThird = constant(715827883);
  int32_t x = wrap(a + (1 << 12));
  int32_t x2 = multiply(x, x);
  int32_t x3 = multiply(x2, x);
  int32_t x4_over_4 = shift_right(multiply(x2, x2), 2);
  int32_t higher = shift_right(wrap(multiply(wrap(x4_over_4 + x3), kThird) + x2), 1);
  return saturate(kExpMinusEighth + multiply(kExpMinusEighth, wrap(x + higher)));
}

// exp(a) for a <= 0 with 1 <= integer_bits <= 7.
static inline int32_t exp_negative(int32_t a, int integer_bits) {
  if (a == 0) return kMax;
  const int fractional_bits = 15 - integer_bits;
  const int32_t quarter = 1 << (fractional_bits - 2);
  int32_t rest = (a & (quarter - 1)) - quarter;  // a modulo 1/4, minus 1/4
  int32_t result = exp_quarter(saturating_shift_left(rest, integer_bits));
  int32_t remainder = wrap(rest - a);
  // exp(-2^exponent) for each bit of what remains.
  constexpr int32_t kFactors[] = {constant(1672461947), constant(1302514674), constant(790015084), constant(290630308),
                                  constant(39332535),   constant(720401),     constant(242)};
  for (int exponent = -2; exponent < integer_bits && exponent <= 4; ++exponent)
    if (remainder & (1 << (fractional_bits + exponent))) result = multiply(result, kFactors[exponent + 2]);
  if (integer_bits > 5 && a < -(32 << fractional_bits)) return 0;
  return result;
}

// 1 / ((1 + a) / 2) with 2 integer bits, for a in [0, 1] (no integer bits).
static inline int32_t reciprocal_half(int32_t a) {
  int32_t half_denominator = (a + kMax + 1) / 2;
  int32_t x = wrap(constant(1515870810) + multiply(half_denominator, constant(-1010580540)));
  for (int i = 0; i < 3; ++i) {
    int32_t error = wrap((1 << 13) - multiply(half_denominator, x));
    x = wrap(x + saturating_shift_left(multiply(x, error), 2));
  }
  return x;
}

// 1 / (1 + exp(-x)); 1 <= integer_bits <= 6.
static inline int16_t logistic(int16_t x, int integer_bits) {
  if (x == 0) return 1 << 14;
  int32_t magnitude = x > 0 ? x : wrap(-x);
  int32_t positive = saturating_shift_left(reciprocal_half(exp_negative(wrap(-magnitude), integer_bits)), 1);
  return static_cast<int16_t>(x > 0 ? positive : wrap(kMax - positive));
}

// 0 <= integer_bits <= 6.
static inline int16_t tanh(int16_t x, int integer_bits) {
  if (x == 0) return 0;
  int32_t negative = x < 0 ? x : -x;
  // exp(2x): the same bits with one integer bit more.
  int32_t t = saturating_shift_left(wrap(reciprocal_half(exp_negative(negative, integer_bits + 1)) - (1 << 13)), 2);
  return static_cast<int16_t>(x < 0 ? wrap(-t) : t);
}

}  // namespace fixed16
}  // namespace sanderling
