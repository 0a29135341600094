// Products rescaled in registers (see quant/requantize_neon.h).
#include "kernels/mul_q8/mul_q8.h"
#include "quant/bytes_neon.h"
#include "quant/requantize_neon.h"

namespace sanderling {
namespace {

using Way = RequantizeNeon;

// int8x16_t first(const uint8_t* a), second(const uint8_t* b) give the operands.
template <Way way, class First, class Second>
SANDERLING_INLINE void rows(const uint8_t* a, const uint8_t* b, uint8_t* out, int64_t n, const MulQ8& p,
                            const First& first, const Second& second) {
  const int8x16_t zero_a = vdupq_n_s8(static_cast<int8_t>(p.input_zero_point[0]));
  const int8x16_t zero_b = vdupq_n_s8(static_cast<int8_t>(p.input_zero_point[1]));
  const int32x4_t multiplier = vdupq_n_s32(p.output.multiplier), shift = vdupq_n_s32(p.output.shift);
  const OutputStageNeon stage = output_stage_neon(p.zero_point, p.low, p.high, p.flip);
  byte_rows(a, b, out, n, [&](const uint8_t* from_a, const uint8_t* from_b) __attribute__((always_inline)) {
    const int8x16_t x = first(from_a), y = second(from_b);
    const int16x8_t x0 = subtract_low(x, zero_a), x1 = subtract_high(x, zero_a);
    const int16x8_t y0 = subtract_low(y, zero_b), y1 = subtract_high(y, zero_b);
    return output_neon<way>(requantize_neon<way>(multiply_low(x0, y0), multiplier, shift),
                            requantize_neon<way>(multiply_high(x0, y0), multiplier, shift),
                            requantize_neon<way>(multiply_low(x1, y1), multiplier, shift),
                            requantize_neon<way>(multiply_high(x1, y1), multiplier, shift), stage);
  });
}

template <Way way>
void run(const uint8_t* a, int64_t step_a, const uint8_t* b, int64_t step_b, uint8_t* out, int64_t n, const MulQ8& p) {
  const uint8x16_t flip = vdupq_n_u8(p.flip);
  const auto load = [flip](const uint8_t* q) __attribute__((always_inline)) { return load_flipped(q, flip); };
  if (step_a && step_b) return rows<way>(a, b, out, n, p, load, load);
  const uint8_t* moving = step_a ? a : b;
  const int8x16_t other = vdupq_n_s8(static_cast<int8_t>((step_a ? *b : *a) ^ p.flip));
  const auto same = [other](const uint8_t*) __attribute__((always_inline)) { return other; };
  step_a ? rows<way>(moving, moving, out, n, p, load, same) : rows<way>(moving, moving, out, n, p, same, load);
}

}  // namespace

void mul_q8_neon_sqrdmulh(const uint8_t* a, int64_t step_a, const uint8_t* b, int64_t step_b, uint8_t* out, int64_t n,
                          const MulQ8& p) {
  p.output.shift < 0 ? run<Way::kRight>(a, step_a, b, step_b, out, n, p)
                     : run<Way::kAny>(a, step_a, b, step_b, out, n, p);
}

}  // namespace sanderling
