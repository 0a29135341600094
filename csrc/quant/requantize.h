// Integer rescaling: the normative definition. Every vector form is tested against these functions.
//
// A real multiplier m >= 0 is held as multiplier * 2^(shift - 31) with multiplier in [2^30, 2^31).
// Derivation: gemmlowp doc/quantization.md; the roundings are those of TFLite's reference kernels, which round
// twice (to 31 bits, half away from zero after the truncating division; then by the right shift, half away from zero).
//
// `static` gives each object its own copy: no weak symbol may be shared between instruction sets.
#pragma once

#include <cstdint>
#include <cstring>
#include <limits>

namespace sanderling {

struct Multiplier {
  int32_t multiplier = 0;
  int32_t shift = 0;  // positive: left
};

// Real multiplier to fixed point. Values below about 2^-32 become 0, as in the reference.
// A multiplier that no int32 shift can hold (or a NaN, from a damaged scale) saturates at shift 31.
Multiplier quantize_multiplier(double real);

// x * y / 2^31, rounded to nearest, half away from zero for positive products and towards zero for negative ones
// as gemmlowp does it; INT32_MIN * INT32_MIN saturates.
static inline int32_t saturating_rounding_doubling_high_mul(int32_t x, int32_t y) {
  if (x == y && x == std::numeric_limits<int32_t>::min()) return std::numeric_limits<int32_t>::max();
  int64_t product = static_cast<int64_t>(x) * y;
  int64_t nudge = product >= 0 ? (int64_t{1} << 30) : (1 - (int64_t{1} << 30));
  return static_cast<int32_t>((product + nudge) / (int64_t{1} << 31));
}

// x / 2^exponent, to nearest, half away from zero; 0 <= exponent <= 31.
static inline int32_t rounding_divide_by_pot(int32_t x, int exponent) {
  int32_t mask = static_cast<int32_t>((int64_t{1} << exponent) - 1);
  int32_t remainder = x & mask;
  int32_t threshold = (mask >> 1) + (x < 0 ? 1 : 0);
  return (x >> exponent) + (remainder > threshold ? 1 : 0);
}

// Wrapping left shift: the reference multiplies in int32, and hardware wraps.
static inline int32_t shift_left(int32_t x, int shift) {
  return static_cast<int32_t>(static_cast<uint32_t>(x) << shift);
}

// Wrapping int32 sums: what the reference's hardware does on overflow, without undefined behaviour.
static inline int32_t wrapping_add(int32_t a, int32_t b) {
  return static_cast<int32_t>(static_cast<uint32_t>(a) + static_cast<uint32_t>(b));
}
static inline int32_t wrapping_sub(int32_t a, int32_t b) {
  return static_cast<int32_t>(static_cast<uint32_t>(a) - static_cast<uint32_t>(b));
}
static inline int32_t wrapping_mul(int32_t a, int32_t b) {
  return static_cast<int32_t>(static_cast<uint32_t>(a) * static_cast<uint32_t>(b));
}

// TFLite's MultiplyByQuantizedMultiplier for int32.
static inline int32_t requantize(int32_t x, Multiplier m) {
  int left = m.shift > 0 ? m.shift : 0;
  int right = m.shift > 0 ? 0 : -m.shift;
  return rounding_divide_by_pot(saturating_rounding_doubling_high_mul(shift_left(x, left), m.multiplier), right);
}

// TFLite's MultiplyByQuantizedMultiplier for int64 accumulators (16x8): one rounding, 15-bit multiplier, shift <= 14.
static inline int32_t requantize(int64_t x, Multiplier m) {
  int64_t reduced = m.multiplier < 0x7FFF0000 ? (m.multiplier + (1 << 15)) >> 16 : 0x7FFF;
  int total = 15 - (m.shift < 14 ? m.shift : 14);
  uint64_t product = static_cast<uint64_t>(x) * static_cast<uint64_t>(reduced) + (uint64_t{1} << (total - 1));
  return static_cast<int32_t>(static_cast<int64_t>(product) >> total);
}

static inline int32_t clamp(int32_t x, int32_t low, int32_t high) { return x < low ? low : (x > high ? high : x); }

}  // namespace sanderling
