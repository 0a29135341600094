// SQUARED_DIFFERENCE.
#include "ops/elementwise.h"
#include "ops/rescaling.h"
#include "quant/right_rescale.h"

namespace sanderling {
namespace {

void prepare_int8(PrepareContext& ctx, const Broadcast& loops) {
  constexpr int kBits = 7;
  const TensorInfo& y = ctx.output(0);
  const Rescaling scales = rescaling(ctx);
  const double real = scales.common * scales.common / (static_cast<float>(1 << 2 * kBits) * y.scale());
  const RightRescale to_y = right_rescale(multiplier_below_one(real, "squared difference"));
  struct Tables {
    int32_t rescaled[2][256];
  } tables;
  for (int k = 0; k < 2; ++k)
    for (int q = -128; q < 128; ++q)
      tables.rescaled[k][q + 128] = requantize((q - ctx.input(k).zero_point()) * (1 << kBits), scales.input[k]);
  ctx.on_run(run_binary<int8_t>(loops, 2, [tables, to_y, zero_point = y.zero_point()](int8_t a, int8_t b) {
    const int32_t difference = tables.rescaled[0][a + 128] - tables.rescaled[1][b + 128];
    return static_cast<int8_t>(clamp(requantize(difference * difference, to_y) + zero_point, -128, 127));
  }));
}

}  // namespace

void prepare_squared_difference(PrepareContext& ctx) {
  const Broadcast loops = prepare_binary(ctx);
  const DType type = ctx.input(0).dtype;
  expect_output_dtype(ctx, type);
  switch (type) {
    case DType::int8: return prepare_int8(ctx, loops);
    case DType::int32:
      return ctx.on_run(run_binary<int32_t>(loops, 0.5, [](int32_t a, int32_t b) {
        const int32_t difference = wrapping_sub(a, b);
        return wrapping_mul(difference, difference);
      }));
    case DType::float32:
      return ctx.on_run(run_binary<float>(loops, 0.5, [](float a, float b) { return (a - b) * (a - b); }));
    default: fail("inputs are ", dtype_name(type), "; int8, int32 or float32 expected");
  }
}

}  // namespace sanderling
