// ELU, GELU and HARD_SWISH.
#include <algorithm>
#include <cmath>

#include "ops/lookup_table.h"
#include "ops/unary.h"
#include "quant/requantize.h"

namespace sanderling {
namespace {

float elu(float x) { return x < 0.0f ? std::expm1(x) : x; }

constexpr float kRootHalf = 0.70710678118654752440f, kRootTwoOverPi = 0.79788456080286535588f;

float gelu(float x) { return 0.5f * x * std::erfc(x * -kRootHalf); }

float gelu_by_tanh(float x) { return 0.5f * x * (1.0f + std::tanh(kRootTwoOverPi * (x + 0.044715f * x * x * x))); }

// HARD_SWISH of 8-bit values is defined in 16-bit fixed point.
class HardSwish8 {
 public:
  HardSwish8(const TensorInfo& x, const TensorInfo& y) : in_zero_(x.zero_point()), out_zero_(y.zero_point()) {
    const float fine = (1.0f / 128.0f) * x.scale();
    output_ = narrow(fine / y.scale());
    check(output_.shift <= 0, "input scale ", x.scale(), " is too large for output scale ", y.scale(),
          "; at most 128 times as large expected");
    gate_ = narrow(fine / (3.0f / 32768.0f));
  }

  int32_t operator()(int32_t q) const {
    const int32_t fine = (q - in_zero_) * 128;
    // The gate clamp(x + 3, 0, 6) / 6 in [0, 1]. Of a left shift the last bit comes after the multiplier, so that
    // saturation before it is of no consequence.
    int32_t gate = fine;
    if (gate_.shift > 0) gate = saturate(gate * (int64_t{1} << std::min(gate_.shift - 1, 31)));
    gate = multiply_rounding(gate, gate_.multiplier);
    if (gate_.shift > 0) gate = saturate(int64_t{gate} * 2);
    if (gate_.shift < 0) gate = divide_by_pot(gate, -gate_.shift);
    gate = (gate + 32768) >> 1;
    const int32_t product = gate * multiply_rounding(fine, output_.multiplier) / 32768;
    return divide_by_pot(product, -output_.shift) + out_zero_;
  }

 private:
  // A multiplier with 16 bits.
  static Multiplier narrow(float real) {
    Multiplier m = quantize_multiplier(static_cast<double>(real));
    constexpr int32_t half = 1 << 15;
    m.multiplier = m.multiplier >= std::numeric_limits<int32_t>::max() - half ? 32767 : (m.multiplier + half) >> 16;
    return m;
  }
  static int32_t saturate(int64_t x) {
    return static_cast<int32_t>(std::min<int64_t>(std::max<int64_t>(x, -32768), 32767));
  }
  // Neither factor is -32768 together with the other: multipliers are not negative.
  static int32_t multiply_rounding(int32_t a, int32_t b) {
    const int32_t product = a * b;
    return (product + (product >= 0 ? 1 << 14 : 1 - (1 << 14))) / 32768;
  }

  // rounding_divide_by_pot() with a mask of 16 bits, as the reference has it: beyond 2^15 the result is 1 or -1.
  static int32_t divide_by_pot(int32_t x, int exponent) {
    const int32_t mask = static_cast<int16_t>((int64_t{1} << exponent) - 1);
    return (x >> exponent) + ((x & mask) > (mask >> 1) + (x < 0 ? 1 : 0) ? 1 : 0);
  }

  int32_t in_zero_, out_zero_;
  Multiplier output_, gate_;
};

}  // namespace

void prepare_elu(PrepareContext& ctx) {
  const TensorInfo& x = prepare_unary(ctx);
  expect_same_dtype(ctx);
  switch (x.dtype) {
    case DType::float32: return run_unary<float>(ctx, 6, elu);
    case DType::int8: return run_table8(ctx, make_real_table8(x, ctx.output(0), &elu));
    default: fail_dtype(x.dtype, "float32 or int8");
  }
}

void prepare_gelu(PrepareContext& ctx) {
  const TensorInfo& x = prepare_unary(ctx);
  const TensorInfo& y = ctx.output(0);
  expect_same_dtype(ctx);
  float (*f)(float) = ctx.attributes().boolean("approximate") ? gelu_by_tanh : gelu;
  switch (x.dtype) {
    case DType::float32: return run_unary<float>(ctx, 15, f);
    case DType::float16: return run_unary_half(ctx, 17, f);
    case DType::int8:
    case DType::uint8: return run_table8(ctx, make_real_table8(x, y, f));
    case DType::int16:
      return run_table16(ctx, Table16::make<float>(x.scale(), x.zero_point(), y.scale(), y.zero_point(), f));
    default: fail_dtype(x.dtype, "float32, float16, int8, uint8 or int16");
  }
}

void prepare_hard_swish(PrepareContext& ctx) {
  const TensorInfo& x = prepare_unary(ctx);
  expect_same_dtype(ctx);
  switch (x.dtype) {
    case DType::float32:
      return run_unary<float>(ctx, 1, [](float v) { return v * std::min(6.0f, std::max(0.0f, v + 3)) / 6; });
    case DType::int8:
    case DType::uint8: return run_table8(ctx, make_table8(x.dtype, x.dtype, HardSwish8(x, ctx.output(0))));
    default: fail_dtype(x.dtype, "float32, int8 or uint8");
  }
}

}  // namespace sanderling
