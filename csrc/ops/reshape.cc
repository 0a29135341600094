// RESHAPE: the same elements under another shape.
#include <cstring>

#include "ops/op.h"

namespace sanderling {
namespace {

// The target with its one -1 resolved.
Shape resolve_target(const std::vector<int64_t>& target, const Shape& from) {
  std::vector<int64_t> dims = target;
  int free = -1;
  for (size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] != -1) continue;
    check(free < 0, "the target shape has more than one -1");
    free = static_cast<int>(i);
    dims[i] = 1;
  }
  Shape shape(dims);
  if (free >= 0) {
    int64_t rest = shape.elements();
    check(rest > 0 && from.elements() % rest == 0, "cannot reshape ", from, " to ", Shape(dims), " with dimension ", free,
          " free");
    shape = shape.with(free, from.elements() / rest);
  }
  check(shape.elements() == from.elements(), "cannot reshape ", from, " to ", shape);
  return shape;
}

}  // namespace

void prepare_reshape(PrepareContext& ctx) {
  ctx.expect_inputs(1, 2);
  ctx.expect_outputs(1);
  const TensorInfo& x = ctx.input(0);
  check(x.dtype == ctx.output(0).dtype, "input is ", dtype_name(x.dtype), " but output is ",
        dtype_name(ctx.output(0).dtype));
  std::vector<int64_t> target;
  if (ctx.has_input(1))
    target = ctx.int_values(1);
  else
    target = ctx.attributes().integers("new_shape");
  ctx.set_output_shape(0, resolve_target(target, x.shape));
  ctx.may_alias(0, 0);
  size_t bytes = x.bytes();
  ctx.on_run([bytes](RunContext& run) {
    const char* from = run.input<char>(0);
    char* to = run.output<char>(0);
    if (from != to && bytes > 0) std::memcpy(to, from, bytes);
  });
}

}  // namespace sanderling
