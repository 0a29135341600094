// Sums rescaled in registers: sqrdmulh and srshl are the two roundings (see quant/requantize_neon.h).
#include "kernels/add_q8/add_q8.h"
#include "quant/bytes_neon.h"
#include "quant/requantize_neon.h"

namespace sanderling {
namespace {

using Way = RequantizeNeon;

struct Fours {
  int32x4_t a, b, c, d;
};

struct Scale {
  int32x4_t multiplier, shift;

  explicit Scale(const Multiplier& m) : multiplier(vdupq_n_s32(m.multiplier)), shift(vdupq_n_s32(m.shift)) {}

  template <Way way>
  inline __attribute__((always_inline)) Fours apply(const Fours& x) const {
    return {requantize_neon<way>(x.a, multiplier, shift), requantize_neon<way>(x.b, multiplier, shift),
            requantize_neon<way>(x.c, multiplier, shift), requantize_neon<way>(x.d, multiplier, shift)};
  }
};

// Differences from the zero point have 9 bits; with kInWords more they still are words. A product gives the rest.
constexpr int kInWords = 6, kInFactor = AddQ8::kBits - kInWords;

struct Operand {
  int8x16_t zero;
  Scale scale;

  Operand(const AddQ8& p, int k) : zero(vdupq_n_s8(static_cast<int8_t>(p.input_zero_point[k]))), scale(p.input[k]) {}

  template <Way way>
  inline __attribute__((always_inline)) Fours rescaled(int8x16_t x) const {
    const int16x8_t factor = vdupq_n_s16(1 << kInFactor);
    const int16x8_t low = vshlq_n_s16(subtract_low(x, zero), kInWords);
    const int16x8_t high = vshlq_n_s16(subtract_high(x, zero), kInWords);
    return scale.apply<way>({multiply_low(low, factor), multiply_high(low, factor), multiply_low(high, factor),
                             multiply_high(high, factor)});
  }

  // The operand with the larger scale is halved, which is exact: a factor does it all. +- by its sign.
  inline __attribute__((always_inline)) Fours add_half(const Fours& sums, int8x16_t x, int16x8_t factor) const {
    const int16x8_t low = vshlq_n_s16(subtract_low(x, zero), kInWords);
    const int16x8_t high = vshlq_n_s16(subtract_high(x, zero), kInWords);
    return {add_multiple_low(sums.a, low, factor), add_multiple_high(sums.b, low, factor),
            add_multiple_low(sums.c, high, factor), add_multiple_high(sums.d, high, factor)};
  }
};

bool is_half(const Multiplier& m) { return m.multiplier == 1 << 30 && m.shift == 0; }

int16x8_t half_factor(bool negative) {
  return vdupq_n_s16(static_cast<int16_t>(negative ? -(1 << (kInFactor - 1)) : 1 << (kInFactor - 1)));
}

SANDERLING_INLINE Fours add(const Fours& x, const Fours& y) {
  return {vaddq_s32(x.a, y.a), vaddq_s32(x.b, y.b), vaddq_s32(x.c, y.c), vaddq_s32(x.d, y.d)};
}
SANDERLING_INLINE Fours subtract(const Fours& x, const Fours& y) {
  return {vsubq_s32(x.a, y.a), vsubq_s32(x.b, y.b), vsubq_s32(x.c, y.c), vsubq_s32(x.d, y.d)};
}
SANDERLING_INLINE Fours splat(int32_t x) {
  const int32x4_t v = vdupq_n_s32(x);
  return {v, v, v, v};
}

// Fours f(const uint8_t* a, const uint8_t* b) gives the sums.
template <Way way, class F>
SANDERLING_INLINE void rows(const uint8_t* a, const uint8_t* b, uint8_t* out, int64_t n, const AddQ8& p, const F& f) {
  const Scale scale(p.output);
  const OutputStageNeon stage = output_stage_neon(p.zero_point, p.low, p.high, p.flip);
  byte_rows(a, b, out, n, [&](const uint8_t* x, const uint8_t* y) __attribute__((always_inline)) {
    const Fours q = scale.apply<way>(f(x, y));
    return output_neon<way>(q.a, q.b, q.c, q.d, stage);
  });
}

// Operand `half` is halved, the other and the sums are shifted to the right.
template <int half, bool subtracts>
void one_half(const uint8_t* a, const uint8_t* b, uint8_t* out, int64_t n, const AddQ8& p) {
  const uint8x16_t flip = vdupq_n_u8(p.flip);
  const Operand halved(p, half), other(p, 1 - half);
  const int16x8_t factor = half_factor(half == 1 && subtracts);
  rows<Way::kRight>(a, b, out, n, p, [&](const uint8_t* x, const uint8_t* y) __attribute__((always_inline)) {
    Fours sums = other.rescaled<Way::kRight>(load_flipped(half == 0 ? y : x, flip));
    if (half == 0 && subtracts) sums = subtract(splat(0), sums);
    return halved.add_half(sums, load_flipped(half == 0 ? x : y, flip), factor);
  });
}

template <bool subtracts>
void any_two(const uint8_t* a, const uint8_t* b, uint8_t* out, int64_t n, const AddQ8& p) {
  const uint8x16_t flip = vdupq_n_u8(p.flip);
  const Operand first(p, 0), second(p, 1);
  rows<Way::kAny>(a, b, out, n, p, [&](const uint8_t* x, const uint8_t* y) __attribute__((always_inline)) {
    const Fours u = first.rescaled<Way::kAny>(load_flipped(x, flip));
    const Fours v = second.rescaled<Way::kAny>(load_flipped(y, flip));
    return subtracts ? subtract(u, v) : add(u, v);
  });
}

// `moving` is operand k, `other` the same for all, rescaled and with its sign.
template <bool negated, Way way>
void one_moves(const uint8_t* moving, int k, int32_t other, uint8_t* out, int64_t n, const AddQ8& p) {
  const uint8x16_t flip = vdupq_n_u8(p.flip);
  const Operand operand(p, k);
  const Fours term = splat(other);
  rows<way>(moving, moving, out, n, p, [&](const uint8_t* x, const uint8_t*) __attribute__((always_inline)) {
    const Fours u = operand.rescaled<way>(load_flipped(x, flip));
    return negated ? subtract(term, u) : add(term, u);
  });
}

template <bool negated>
void half_moves(const uint8_t* moving, int k, int32_t other, uint8_t* out, int64_t n, const AddQ8& p) {
  const uint8x16_t flip = vdupq_n_u8(p.flip);
  const Operand operand(p, k);
  const Fours term = splat(other);
  const int16x8_t factor = half_factor(negated);
  rows<Way::kRight>(moving, moving, out, n, p, [&](const uint8_t* x, const uint8_t*) __attribute__((always_inline)) {
    return operand.add_half(term, load_flipped(x, flip), factor);
  });
}

template <bool negated>
void one(const uint8_t* moving, int k, int32_t other, uint8_t* out, int64_t n, const AddQ8& p) {
  if (p.output.shift < 0) {
    if (is_half(p.input[k])) return half_moves<negated>(moving, k, other, out, n, p);
    if (p.input[k].shift < 0) return one_moves<negated, Way::kRight>(moving, k, other, out, n, p);
  }
  one_moves<negated, Way::kAny>(moving, k, other, out, n, p);
}

template <bool subtracts>
void run(const uint8_t* a, int64_t step_a, const uint8_t* b, int64_t step_b, uint8_t* out, int64_t n, const AddQ8& p) {
  if (!step_b) return one<false>(a, 0, p.rescaled[1][*b], out, n, p);
  if (!step_a) return one<subtracts>(b, 1, p.rescaled[0][*a], out, n, p);
  if (p.output.shift < 0) {
    if (is_half(p.input[0]) && p.input[1].shift < 0) return one_half<0, subtracts>(a, b, out, n, p);
    if (is_half(p.input[1]) && p.input[0].shift < 0) return one_half<1, subtracts>(a, b, out, n, p);
  }
  any_two<subtracts>(a, b, out, n, p);
}

}  // namespace

void add_q8_neon_sqrdmulh(const uint8_t* a, int64_t step_a, const uint8_t* b, int64_t step_b, uint8_t* out, int64_t n,
                          const AddQ8& p) {
  p.subtract ? run<true>(a, step_a, b, step_b, out, n, p) : run<false>(a, step_a, b, step_b, out, n, p);
}

}  // namespace sanderling
