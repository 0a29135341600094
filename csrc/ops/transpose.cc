// TRANSPOSE, REVERSE_V2, TILE, BROADCAST_TO, SPACE_TO_DEPTH, DEPTH_TO_SPACE: one strided copy each.
#include <vector>

#include "ops/movement.h"

namespace sanderling {
namespace {

void expect_one_to_one(PrepareContext& ctx, int inputs) {
  ctx.expect_inputs(inputs, inputs);
  ctx.expect_outputs(1);
  expect_movable(ctx, 0);
  expect_same_dtype(ctx, 0, 0);
}

void run_copy(PrepareContext& ctx, StridedCopy copy) {
  copy.simplify();
  ctx.on_run([copy](RunContext& run) { copy.run(run, run.input<char>(0), run.output<char>(0)); });
}

// Height and width in blocks of b x b, and the depth that one place has when blocks are opened up.
struct Blocks {
  int64_t batch, rows, columns, b, depth;
};

// Between [batch, rows * b, columns * b, depth] and [batch, rows, columns, b * b * depth].
void rearrange_blocks(PrepareContext& ctx, const Blocks& k, bool to_depth) {
  const int64_t space[] = {k.rows * k.b * k.columns * k.b * k.depth,
                           k.b * k.columns * k.b * k.depth,
                           k.b * k.depth,
                           k.columns * k.b * k.depth,
                           k.depth,
                           1};
  const int64_t depth[] = {k.rows * k.columns * k.b * k.b * k.depth,
                           k.columns * k.b * k.b * k.depth,
                           k.b * k.b * k.depth,
                           k.b * k.depth,
                           k.depth,
                           1};
  const int64_t counts[] = {k.batch, k.rows, k.columns, k.b, k.b, k.depth};
  // The order of the output.
  const int order_to_depth[] = {0, 1, 2, 3, 4, 5}, order_to_space[] = {0, 1, 3, 2, 4, 5};
  StridedCopy copy(dtype_size(ctx.input(0).dtype));
  for (int i : to_depth ? order_to_depth : order_to_space)
    copy.add(counts[i], (to_depth ? space : depth)[i], (to_depth ? depth : space)[i]);
  run_copy(ctx, copy);
}

int64_t block_size(PrepareContext& ctx) {
  const Shape& shape = ctx.input(0).shape;
  check(shape.rank() == 4, "input has shape ", shape, "; 4 dimensions expected");
  return ctx.attributes().integer_in("block_size", 1, INT32_MAX);
}

}  // namespace

void prepare_transpose(PrepareContext& ctx) {
  expect_one_to_one(ctx, 2);
  const Shape& shape = ctx.input(0).shape;
  check(ctx.input(1).shape == Shape({shape.rank()}), "the permutation (input 1) has shape ", ctx.input(1).shape, "; ",
        Shape({shape.rank()}), " expected");
  const std::vector<int64_t> from = strides_of(shape);
  std::vector<int64_t> dims;
  std::vector<int> order;
  uint32_t seen = 0;
  for (int64_t p : ctx.int_values(1)) {
    const int axis = axis_in(p, shape.rank(), "an element of the permutation");
    check(!(seen >> axis & 1), "the permutation names dimension ", axis, " twice");
    seen |= 1u << axis;
    order.push_back(axis);
    dims.push_back(shape[axis]);
  }
  const Shape result(dims);
  ctx.set_output_shape(0, result);
  const std::vector<int64_t> to = strides_of(result);
  StridedCopy copy(dtype_size(ctx.input(0).dtype));
  for (size_t i = 0; i < order.size(); ++i) copy.add(dims[i], from[static_cast<size_t>(order[i])], to[i]);
  run_copy(ctx, copy);
}

void prepare_reverse_v2(PrepareContext& ctx) {
  expect_one_to_one(ctx, 2);
  const Shape& shape = ctx.input(0).shape;
  check(ctx.input(1).shape.rank() == 1, "the axes (input 1) have shape ", ctx.input(1).shape, "; a vector expected");
  uint32_t reversed = 0;
  for (int64_t a : ctx.int_values(1)) {
    const int axis = axis_in(a, shape.rank());
    check(!(reversed >> axis & 1), "axis ", axis, " is named twice");
    reversed |= 1u << axis;
  }
  ctx.set_output_shape(0, shape);
  const std::vector<int64_t> strides = strides_of(shape);
  StridedCopy copy(dtype_size(ctx.input(0).dtype));
  for (int d = 0; d < shape.rank(); ++d) {
    const int64_t stride = strides[static_cast<size_t>(d)];
    const bool back = reversed >> d & 1;
    copy.add(shape[d], back ? -stride : stride, stride);
    if (back && shape[d] > 0) copy.offset((shape[d] - 1) * stride, 0);
  }
  run_copy(ctx, copy);
}

void prepare_tile(PrepareContext& ctx) {
  expect_one_to_one(ctx, 2);
  const Shape& shape = ctx.input(0).shape;
  check(ctx.input(1).shape.elements() == shape.rank(), "the multiples (input 1) have shape ", ctx.input(1).shape,
        " for an input of rank ", shape.rank());
  const std::vector<int64_t> multiples = ctx.int_values(1);
  std::vector<int64_t> dims;
  for (int d = 0; d < shape.rank(); ++d) {
    const int64_t m = multiples[static_cast<size_t>(d)];
    check(m >= 0 && m <= INT32_MAX, "multiple ", d, " is ", m, "; values from 0 to 2^31 - 1 expected");
    dims.push_back(extent_product(shape[d], m));
  }
  const Shape result(dims);
  ctx.set_output_shape(0, result);
  const std::vector<int64_t> from = strides_of(shape), to = strides_of(result);
  StridedCopy copy(dtype_size(ctx.input(0).dtype));
  for (size_t i = 0; i < multiples.size(); ++i) {
    const int64_t extent = shape[static_cast<int>(i)];
    copy.add(multiples[i], 0, extent * to[i]);
    copy.add(extent, from[i], to[i]);
  }
  run_copy(ctx, copy);
}

void prepare_broadcast_to(PrepareContext& ctx) {
  expect_one_to_one(ctx, 2);
  check(ctx.input(1).shape.rank() == 1, "the target (input 1) has shape ", ctx.input(1).shape, "; a vector expected");
  const Shape result(ctx.int_values(1));
  const Shape shape = ctx.input(0).shape.extended(result.rank());
  ctx.set_output_shape(0, result);
  const std::vector<int64_t> from = strides_of(shape), to = strides_of(result);
  StridedCopy copy(dtype_size(ctx.input(0).dtype));
  for (int d = 0; d < result.rank(); ++d) {
    const size_t i = static_cast<size_t>(d);
    check(shape[d] == result[d] || shape[d] == 1, "shape ", ctx.input(0).shape, " cannot be broadcast to ", result);
    copy.add(result[d], shape[d] == 1 ? 0 : from[i], to[i]);
  }
  run_copy(ctx, copy);
}

void prepare_space_to_depth(PrepareContext& ctx) {
  expect_one_to_one(ctx, 1);
  const int64_t b = block_size(ctx);
  const Shape& s = ctx.input(0).shape;
  check(s[1] % b == 0 && s[2] % b == 0, "input has shape ", s, "; height and width must be multiples of block_size ",
        b);
  const int64_t depth = extent_product(extent_product(s[3], b), b);
  ctx.set_output_shape(0, s.with(1, s[1] / b).with(2, s[2] / b).with(3, depth));
  rearrange_blocks(ctx, {s[0], s[1] / b, s[2] / b, b, s[3]}, true);
}

void prepare_depth_to_space(PrepareContext& ctx) {
  expect_one_to_one(ctx, 1);
  const int64_t b = block_size(ctx);
  const Shape& s = ctx.input(0).shape;
  check(s[3] % (b * b) == 0, "input has shape ", s, "; its depth must be a multiple of the square of block_size ", b);
  const int64_t depth = s[3] / (b * b);
  ctx.set_output_shape(0, s.with(3, depth).with(1, extent_product(s[1], b)).with(2, extent_product(s[2], b)));
  rearrange_blocks(ctx, {s[0], s[1], s[2], b, depth}, false);
}

}  // namespace sanderling
