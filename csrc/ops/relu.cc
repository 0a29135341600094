// RELU, RELU6, RELU_N1_TO_1, RELU_0_TO_1 and LEAKY_RELU.
#include <cmath>
#include <limits>

#include "ops/lookup_table.h"
#include "ops/unary.h"
#include "quant/requantize.h"

namespace sanderling {
namespace {

constexpr float kUnbounded = std::numeric_limits<float>::infinity();

// A bound of the clamp in the output's quantization.
int32_t quantized_bound(float bound, const TensorInfo& y) {
  return wrapping_add(y.zero_point(), saturate_cast<int32_t>(std::round(bound / y.scale())));
}

void prepare_clamp(PrepareContext& ctx, float low, float high) {
  const TensorInfo& x = prepare_unary(ctx);
  const TensorInfo& y = ctx.output(0);
  expect_same_dtype(ctx);
  if (x.dtype == DType::float32)
    return run_unary<float>(ctx, 0.4, [low, high](float v) {
      v = v < low ? low : v;
      return v > high ? high : v;
    });
  // int16 is in the reference for these two only; the arithmetic is the same for all.
  if (!is_quantized_int(x.dtype)) fail_dtype(x.dtype, "float32, int8, uint8 or int16");
  const Range<int32_t> all = dtype_range(y.dtype);
  const int32_t least = std::max(all.low, quantized_bound(low, y));
  const int32_t most = high == kUnbounded ? all.high : std::min(all.high, quantized_bound(high, y));
  const Multiplier m = quantize_multiplier(static_cast<double>(x.scale() / y.scale()));
  const int32_t in_zero = x.zero_point(), out_zero = y.zero_point();
  auto f = [=](int32_t q) {
    return std::min(most, std::max(least, wrapping_add(out_zero, requantize(q - in_zero, m))));
  };
  if (x.dtype != DType::int16) return run_table8(ctx, make_table8(x.dtype, y.dtype, f));
  run_unary<int16_t>(ctx, 2, [f](int16_t q) { return static_cast<int16_t>(f(q)); });
}

}  // namespace

void prepare_relu(PrepareContext& ctx) { prepare_clamp(ctx, 0, kUnbounded); }
void prepare_relu6(PrepareContext& ctx) { prepare_clamp(ctx, 0, 6); }
void prepare_relu_n1_to_1(PrepareContext& ctx) { prepare_clamp(ctx, -1, 1); }
void prepare_relu_0_to_1(PrepareContext& ctx) { prepare_clamp(ctx, 0, 1); }

void prepare_leaky_relu(PrepareContext& ctx) {
  const TensorInfo& x = prepare_unary(ctx);
  const TensorInfo& y = ctx.output(0);
  expect_same_dtype(ctx);
  const float alpha = static_cast<float>(ctx.attributes().real("alpha"));
  if (x.dtype == DType::float32) return run_unary<float>(ctx, 0.4, [alpha](float v) { return v > 0 ? v : v * alpha; });
  if (!is_quantized_int(x.dtype)) fail_dtype(x.dtype, "float32, int8, uint8 or int16");
  const double negative_side = static_cast<double>(x.scale() * alpha / y.scale());
  const bool flips = negative_side < 0;
  const Multiplier slope = quantize_multiplier(std::fabs(negative_side));
  const Multiplier identity = quantize_multiplier(static_cast<double>(x.scale() / y.scale()));
  const Range<int32_t> all = dtype_range(y.dtype);
  const int32_t in_zero = x.zero_point(), out_zero = y.zero_point();
  auto f = [=](int32_t q) {
    q -= in_zero;
    int32_t v = requantize(q, q >= 0 ? identity : slope);
    if (q < 0 && flips) v = wrapping_sub(0, v);
    return clamp(wrapping_add(out_zero, v), all.low, all.high);
  };
  if (x.dtype != DType::int16) return run_table8(ctx, make_table8(x.dtype, y.dtype, f));
  run_unary<int16_t>(ctx, 2, [f](int16_t q) { return static_cast<int16_t>(f(q)); });
}

}  // namespace sanderling
