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

// a * b / 2^15 to nearest, ties up; the integer bits of the factors add up. Only kMin * kMin is above kMax.
static inline int32_t multiply(int32_t a, int32_t b) {
  int32_t rounded = (a * b + (1 << 14)) >> 15;
  return rounded > kMax ? kMax : rounded;
}

// x / 2^n to nearest, half away from zero.
static inline int32_t shift_right(int32_t x, int n) {
  int32_t mask = (1 << n) - 1;
  return (x >> n) + ((x & mask) > (mask >> 1) + (x < 0 ? 1 : 0) ? 1 : 0);
}

static inline int32_t saturating_shift_left(int32_t x, int n) {
  const int32_t threshold = (1 << (15 - n)) - 1;
  const int32_t inside = x > threshold ? threshold : (x < -threshold ? -threshold : x);
  const int32_t shifted = inside * (1 << n);
  return x > threshold ? kMax : (x < -threshold ? kMin : shifted);
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

// What exp_negative needs for arguments with 1 <= integer_bits <= 7.
struct Exponential {
  int integer_bits;
  int32_t quarter;
  int32_t bits[7];  // of 2^-2, 2^-1, ... as far as arguments have them, else 0
  int32_t least;    // below it, the result is 0
};

static inline Exponential exponential(int integer_bits) {
  const int fractional_bits = 15 - integer_bits;
  Exponential e = {integer_bits, 1 << (fractional_bits - 2), {}, kMin - 1};
  for (int i = 0; i < 7; ++i) e.bits[i] = i - 2 < integer_bits ? 1 << (fractional_bits + i - 2) : 0;
  if (integer_bits > 5) e.least = -(32 << fractional_bits);
  return e;
}

// exp(a) for a <= 0.
static inline int32_t exp_negative(int32_t a, const Exponential& e) {
  int32_t rest = (a & (e.quarter - 1)) - e.quarter;  // a modulo 1/4, minus 1/4
  int32_t result = exp_quarter(saturating_shift_left(rest, e.integer_bits));
  int32_t remainder = wrap(rest - a);
  // exp(-2^exponent) for each bit of what remains.
  constexpr int32_t kFactors[] = {constant(1672461947), constant(1302514674), constant(790015084), constant(290630308),
                                  constant(39332535),   constant(720401),     constant(242)};
#pragma GCC unroll 7
  for (int i = 0; i < 7; ++i) {
    const int32_t product = multiply(result, kFactors[i]);
    result = (remainder & e.bits[i]) != 0 ? product : result;
  }
  result = a < e.least ? 0 : result;
  return a == 0 ? kMax : result;
}

// 1 / ((1 + a) / 2) with 2 integer bits, for a in [0, 1] (no integer bits).
static inline int32_t reciprocal_half(int32_t a) {
  int32_t half_denominator = (a + kMax + 1) >> 1;
  int32_t x = wrap(constant(1515870810) + multiply(half_denominator, constant(-1010580540)));
#pragma GCC unroll 3
  for (int i = 0; i < 3; ++i) {
    int32_t error = wrap((1 << 13) - multiply(half_denominator, x));
    x = wrap(x + saturating_shift_left(multiply(x, error), 2));
  }
  return x;
}

// 1 / (1 + exp(-x)); e for the integer bits of x, 1 to 6.
static inline int16_t logistic(int16_t x, const Exponential& e) {
  int32_t negative = x > 0 ? -x : x;
  int32_t positive = saturating_shift_left(reciprocal_half(exp_negative(negative, e)), 1);
  int32_t result = x > 0 ? positive : wrap(kMax - positive);
  return static_cast<int16_t>(x == 0 ? 1 << 14 : result);
}

// e for one more than the integer bits of x, which are 0 to 6.
static inline int16_t tanh(int16_t x, const Exponential& e) {
  int32_t negative = x < 0 ? x : -x;
  // exp(2x): the same bits with one integer bit more.
  int32_t t = saturating_shift_left(wrap(reciprocal_half(exp_negative(negative, e)) - (1 << 13)), 2);
  int32_t result = x < 0 ? wrap(-t) : t;
  return static_cast<int16_t>(x == 0 ? 0 : result);
}

// Of one value.
static inline int16_t logistic(int16_t x, int integer_bits) { return logistic(x, exponential(integer_bits)); }
static inline int16_t tanh(int16_t x, int integer_bits) { return tanh(x, exponential(integer_bits + 1)); }

// Of n values, without branches: compilers vectorise it.
static inline void logistic(const int16_t* x, int64_t n, int integer_bits, int16_t* y) {
  const Exponential e = exponential(integer_bits);
  for (int64_t i = 0; i < n; ++i) y[i] = logistic(x[i], e);
}
static inline void tanh(const int16_t* x, int64_t n, int integer_bits, int16_t* y) {
  const Exponential e = exponential(integer_bits + 1);
  for (int64_t i = 0; i < n; ++i) y[i] = tanh(x[i], e);
}

}  // namespace fixed16
}  // namespace sanderling
