// FLOOR, CEIL and ROUND.
#include <cmath>

#include "ops/unary.h"

namespace sanderling {

void prepare_floor(PrepareContext& ctx) {
  const TensorInfo& x = prepare_unary(ctx);
  expect_same_dtype(ctx);
  auto f = [](float v) { return std::floor(v); };
  switch (x.dtype) {
    case DType::float32: return run_unary<float>(ctx, 1, f);
    case DType::float16: return run_unary_half(ctx, 3, f);
    default: fail_dtype(x.dtype, "float32 or float16");
  }
}

void prepare_ceil(PrepareContext& ctx) {
  const TensorInfo& x = prepare_unary(ctx);
  expect_same_dtype(ctx);
  if (x.dtype != DType::float32) fail_dtype(x.dtype, "float32");
  run_unary<float>(ctx, 1, [](float v) { return std::ceil(v); });
}

void prepare_round(PrepareContext& ctx) {
  const TensorInfo& x = prepare_unary(ctx);
  expect_same_dtype(ctx);
  auto f = [](float v) { return std::nearbyint(v); };  // ties to even
  switch (x.dtype) {
    case DType::float32: return run_unary<float>(ctx, 1, f);
    case DType::float16: return run_unary_half(ctx, 3, f);
    default: fail_dtype(x.dtype, "float32 or float16");
  }
}

}  // namespace sanderling
