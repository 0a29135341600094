// RESHAPE, SQUEEZE, EXPAND_DIMS, BITCAST: the same bytes under another shape or type.
#include <cstring>
#include <vector>

#include "ops/movement.h"

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
    // Where zeros leave the free extent open, it is what remains of the other extents, as in TFLite.
    int64_t wanted = 1, given = 1;
    for (int64_t extent : from) wanted *= extent ? extent : 1;
    for (int64_t extent : shape) given *= extent ? extent : 1;
    const bool empty = from.elements() == 0 && shape.elements() != 0;
    shape = shape.with(free, empty ? 0 : wanted / given);
  }
  check(shape.elements() == from.elements(), "cannot reshape ", from, " to ", shape);
  return shape;
}

void pass_on(PrepareContext& ctx, const Shape& shape) {
  ctx.set_output_shape(0, shape);
  ctx.may_alias(0, 0);
  const size_t bytes = ctx.input(0).bytes();
  ctx.on_run([bytes](RunContext& run) {
    const char* from = run.input<char>(0);
    char* to = run.output<char>(0);
    if (from != to && bytes > 0) std::memcpy(to, from, bytes);
  });
}

std::vector<int64_t> reshape_target(PrepareContext& ctx) {
  std::vector<int64_t> option;
  if (ctx.attributes().has("new_shape")) option = ctx.attributes().integers("new_shape");
  // TFLite reads the input only where it is an int32 vector.
  const bool vector = ctx.has_input(1) && ctx.input(1).shape.rank() == 1 && ctx.input(1).dtype == DType::int32;
  if (ctx.has_input(1) && (vector || option.empty())) return ctx.int_values(1);
  // Old converters wrote [0] for a scalar.
  if (option.size() == 1 && option[0] == 0) option.clear();
  return option;
}

}  // namespace

void prepare_reshape(PrepareContext& ctx) {
  ctx.expect_inputs(1, 2);
  ctx.expect_outputs(1);
  expect_movable(ctx, 0);
  expect_same_dtype(ctx, 0, 0);
  pass_on(ctx, resolve_target(reshape_target(ctx), ctx.input(0).shape));
}

void prepare_squeeze(PrepareContext& ctx) {
  ctx.expect_inputs(1, 1);
  ctx.expect_outputs(1);
  expect_movable(ctx, 0);
  expect_same_dtype(ctx, 0, 0);
  const Shape& shape = ctx.input(0).shape;
  std::vector<int64_t> axes;
  if (ctx.attributes().has("squeeze_dims")) axes = ctx.attributes().integers("squeeze_dims");
  bool removed[Shape::kMaxRank] = {};
  for (int d = 0; d < shape.rank(); ++d) removed[d] = axes.empty() && shape[d] == 1;
  for (int64_t a : axes) {
    const int axis = axis_in(a, shape.rank(), "an element of option 'squeeze_dims'");
    check(shape[axis] == 1, "option 'squeeze_dims' names dimension ", axis, " of shape ", shape, ", which is not 1");
    removed[axis] = true;
  }
  std::vector<int64_t> dims;
  for (int d = 0; d < shape.rank(); ++d)
    if (!removed[d]) dims.push_back(shape[d]);
  pass_on(ctx, Shape(dims));
}

void prepare_expand_dims(PrepareContext& ctx) {
  ctx.expect_inputs(2, 2);
  ctx.expect_outputs(1);
  expect_movable(ctx, 0);
  expect_same_dtype(ctx, 0, 0);
  const Shape& shape = ctx.input(0).shape;
  const int axis = axis_in(int_value(ctx, 1, "axis"), shape.rank() + 1);
  std::vector<int64_t> dims(shape.begin(), shape.end());
  dims.insert(dims.begin() + axis, 1);
  pass_on(ctx, Shape(dims));
}

void prepare_bitcast(PrepareContext& ctx) {
  ctx.expect_inputs(1, 1);
  ctx.expect_outputs(1);
  expect_movable(ctx, 0);
  const DType type = ctx.output(0).dtype;
  check(type != DType::int4 && type != DType::resource, "output is ", dtype_name(type));
  const Shape& shape = ctx.input(0).shape;
  const int64_t from = static_cast<int64_t>(dtype_size(ctx.input(0).dtype)),
                to = static_cast<int64_t>(dtype_size(type));
  std::vector<int64_t> dims(shape.begin(), shape.end());
  if (from > to) dims.push_back(from / to);
  if (from < to) {
    check(shape.rank() >= 1 && shape.back(1) == to / from, "input has shape ", shape, "; its last dimension must be ",
          to / from, " to make ", dtype_name(type), " of ", dtype_name(ctx.input(0).dtype));
    dims.pop_back();
  }
  pass_on(ctx, Shape(dims));
}

}  // namespace sanderling
