// SPLIT, SPLIT_V, UNPACK: runs of one axis as outputs; PACK, which undoes UNPACK.
#include <vector>

#include "ops/movement.h"

namespace sanderling {
namespace {

// Output o takes sizes[o] places along the axis of input `input`.
void cut(PrepareContext& ctx, int input, int axis, const std::vector<int64_t>& sizes) {
  const TensorInfo& x = ctx.input(input);
  const int64_t inner = x.shape.elements(axis + 1, x.shape.rank());
  std::vector<StridedCopy> copies;
  int64_t start = 0;
  for (int64_t size : sizes) {
    StridedCopy copy(dtype_size(x.dtype));
    copy.add(x.shape.elements(0, axis), x.shape[axis] * inner, size * inner);
    copy.add(size * inner, 1, 1);
    copy.offset(start * inner, 0);
    copy.simplify();
    copies.push_back(copy);
    start += size;
  }
  ctx.on_run([copies = std::move(copies), input](RunContext& run) {
    for (size_t o = 0; o < copies.size(); ++o)
      copies[o].run(run, run.input<char>(input), run.output<char>(static_cast<int>(o)));
  });
}

void split_into(PrepareContext& ctx, int input, int axis, const std::vector<int64_t>& sizes) {
  for (int o = 0; o < ctx.num_outputs(); ++o) {
    expect_same_dtype(ctx, input, o);
    ctx.set_output_shape(o, ctx.input(input).shape.with(axis, sizes[static_cast<size_t>(o)]));
  }
  cut(ctx, input, axis, sizes);
}

void expect_count(const char* option, int64_t given, int64_t actual, const char* what) {
  check(given == actual, "option '", option, "' is ", given, " but there are ", actual, " ", what);
}

}  // namespace

void prepare_split(PrepareContext& ctx) {
  ctx.expect_inputs(2, 2);
  expect_movable(ctx, 1);
  const int64_t parts = ctx.num_outputs();
  check(parts > 0, "has no outputs");
  expect_count("num_splits", ctx.attributes().integer("num_splits"), parts, "outputs");
  const Shape& shape = ctx.input(1).shape;
  const int axis = axis_in(int_value(ctx, 0, "axis"), shape.rank());
  check(shape[axis] % parts == 0, "axis ", axis, " of shape ", shape, " cannot be split evenly in ", parts);
  split_into(ctx, 1, axis, std::vector<int64_t>(static_cast<size_t>(parts), shape[axis] / parts));
}

void prepare_split_v(PrepareContext& ctx) {
  ctx.expect_inputs(3, 3);
  expect_movable(ctx, 0);
  const int64_t parts = ctx.num_outputs();
  expect_count("num_splits", ctx.attributes().integer("num_splits"), parts, "outputs");
  const Shape& shape = ctx.input(0).shape;
  check(ctx.input(1).shape.rank() == 1 && ctx.input(1).shape[0] == parts, "the sizes (input 1) have shape ",
        ctx.input(1).shape, "; [", parts, "] expected");
  const int axis = axis_in(int_value(ctx, 2, "axis"), shape.rank());
  std::vector<int64_t> sizes = ctx.int_values(1);
  int free = -1;
  int64_t rest = shape[axis];
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] == -1) {
      check(free < 0, "more than one size is -1");
      free = static_cast<int>(i);
      continue;
    }
    check(sizes[i] >= 0 && sizes[i] <= rest, "size ", i, " is ", sizes[i], "; axis ", axis, " of shape ", shape,
          " has ", rest, " left");
    rest -= sizes[i];
  }
  if (free >= 0)
    sizes[static_cast<size_t>(free)] = rest;
  else
    check(rest == 0, "the sizes leave ", rest, " of axis ", axis, " of shape ", shape);
  split_into(ctx, 0, axis, sizes);
}

void prepare_unpack(PrepareContext& ctx) {
  ctx.expect_inputs(1, 1);
  expect_movable(ctx, 0);
  const TensorInfo& x = ctx.input(0);
  const int axis = axis_in(ctx.attributes().integer("axis", 0), x.shape.rank());
  expect_count("num", ctx.attributes().integer("num"), ctx.num_outputs(), "outputs");
  check(x.shape[axis] == ctx.num_outputs(), "has ", ctx.num_outputs(), " outputs; axis ", axis, " of shape ", x.shape,
        " needs ", x.shape[axis]);
  for (int o = 0; o < ctx.num_outputs(); ++o) {
    expect_same_dtype(ctx, 0, o);
    expect_same_quantization(x, ctx.output(o));
    ctx.set_output_shape(o, x.shape.without(axis));
  }
  cut(ctx, 0, axis, std::vector<int64_t>(static_cast<size_t>(ctx.num_outputs()), 1));
}

void prepare_pack(PrepareContext& ctx) {
  ctx.expect_outputs(1);
  check(ctx.num_inputs() >= 1, "has no inputs");
  expect_count("values_count", ctx.attributes().integer("values_count"), ctx.num_inputs(), "inputs");
  expect_movable(ctx, 0);
  const TensorInfo& first = ctx.input(0);
  const int axis = axis_in(ctx.attributes().integer("axis", 0), first.shape.rank() + 1);
  for (int i = 0; i < ctx.num_inputs(); ++i) {
    check(ctx.input(i).shape == first.shape, "input ", i, " has shape ", ctx.input(i).shape, " but input 0 has ",
          first.shape);
    expect_same_dtype(ctx, i, 0);
    expect_same_quantization(ctx.input(i), ctx.output(0));
  }
  std::vector<int64_t> dims(first.shape.begin(), first.shape.end());
  dims.insert(dims.begin() + axis, ctx.num_inputs());
  ctx.set_output_shape(0, Shape(dims));

  const int64_t inner = first.shape.elements(axis, first.shape.rank());
  StridedCopy copy(dtype_size(first.dtype));
  copy.add(first.shape.elements(0, axis), inner, ctx.num_inputs() * inner);
  copy.add(inner, 1, 1);
  copy.simplify();
  const int64_t bytes = inner * static_cast<int64_t>(dtype_size(first.dtype));
  ctx.on_run([copy, bytes, n = ctx.num_inputs()](RunContext& run) {
    for (int i = 0; i < n; ++i) copy.run(run, run.input<char>(i), run.output<char>(0) + i * bytes);
  });
}

}  // namespace sanderling
