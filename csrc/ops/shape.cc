// SHAPE and RANK: known as soon as the input's shape is.
#include <vector>

#include "ops/op.h"

namespace sanderling {

void prepare_shape(PrepareContext& ctx) {
  ctx.expect_inputs(1, 1);
  ctx.expect_outputs(1);
  const Shape& shape = ctx.input(0).shape;
  const DType type = ctx.output(0).dtype;
  check(type == DType::int32 || type == DType::int64, "output is ", dtype_name(type), "; int32 or int64 expected");
  const std::string& wanted = ctx.attributes().text("out_type");
  check(wanted == dtype_name(type), "option 'out_type' is ", wanted, " but the output is ", dtype_name(type));
  ctx.set_output_shape(0, {shape.rank()});
  if (type == DType::int64) {
    ctx.set_output_value(0, shape.begin());
    return;
  }
  for (int64_t extent : shape) check(extent <= INT32_MAX, "shape ", shape, " does not fit int32");
  std::vector<int32_t> narrow(shape.begin(), shape.end());
  ctx.set_output_value(0, narrow.data());
}

void prepare_rank(PrepareContext& ctx) {
  ctx.expect_inputs(1, 1);
  ctx.expect_outputs(1);
  check(ctx.output(0).dtype == DType::int32, "output is ", dtype_name(ctx.output(0).dtype), "; int32 expected");
  ctx.set_output_shape(0, Shape());
  int32_t rank = ctx.input(0).shape.rank();
  ctx.set_output_value(0, &rank);
}

}  // namespace sanderling
