// SLICE: a block of a tensor. DYNAMIC_UPDATE_SLICE: a tensor with a block replaced.
#include <algorithm>
#include <cstring>
#include <vector>

#include "ops/movement.h"

namespace sanderling {

void prepare_slice(PrepareContext& ctx) {
  ctx.expect_inputs(3, 3);
  ctx.expect_outputs(1);
  expect_movable(ctx, 0);
  expect_same_dtype(ctx, 0, 0);
  const Shape& shape = ctx.input(0).shape;
  for (int i = 1; i < 3; ++i)
    check(ctx.input(i).shape == Shape({shape.rank()}), "input ", i, " has shape ", ctx.input(i).shape, "; ",
          Shape({shape.rank()}), " expected");
  const std::vector<int64_t> begin = ctx.int_values(1);
  std::vector<int64_t> size = ctx.int_values(2);
  for (int d = 0; d < shape.rank(); ++d) {
    const size_t i = static_cast<size_t>(d);
    check(begin[i] >= 0 && begin[i] <= shape[d], "begins at ", begin[i], " in dimension ", d, " of shape ", shape);
    if (size[i] == -1) size[i] = shape[d] - begin[i];
    check(size[i] >= 0 && size[i] <= shape[d] - begin[i], "takes ", size[i], " from ", begin[i], " on in dimension ", d,
          " of shape ", shape);
  }
  const Shape result(size);
  ctx.set_output_shape(0, result);
  const std::vector<int64_t> from = strides_of(shape), to = strides_of(result);
  StridedCopy copy(dtype_size(ctx.input(0).dtype));
  for (size_t i = 0; i < size.size(); ++i) {
    copy.add(size[i], from[i], to[i]);
    copy.offset(begin[i] * from[i], 0);
  }
  copy.simplify();
  ctx.on_run([copy](RunContext& run) { copy.run(run, run.input<char>(0), run.output<char>(0)); });
}

void prepare_dynamic_update_slice(PrepareContext& ctx) {
  ctx.expect_inputs(3, 3);
  ctx.expect_outputs(1);
  expect_movable(ctx, 0);
  expect_same_dtype(ctx, 0, 0);
  expect_same_dtype(ctx, 1, 0);
  const Shape &shape = ctx.input(0).shape, &update = ctx.input(1).shape;
  check(update.rank() == shape.rank(), "the update has shape ", update, " but the operand ", shape);
  const DType type = ctx.input(2).dtype;
  check(type == DType::int32 || type == DType::int64, "start indices (input 2) are ", dtype_name(type),
        "; int32 or int64 expected");
  check(ctx.input(2).shape == Shape({shape.rank()}), "start indices (input 2) have shape ", ctx.input(2).shape, "; ",
        Shape({shape.rank()}), " expected");
  const std::vector<int64_t> from = strides_of(update), to = strides_of(shape);
  const size_t element = dtype_size(ctx.input(0).dtype);
  StridedCopy copy(element);
  std::vector<int64_t> last;  // greatest start of each dimension
  for (int d = 0; d < shape.rank(); ++d) {
    check(update[d] <= shape[d], "the update has shape ", update, ", which is larger than the operand's ", shape);
    last.push_back(shape[d] - update[d]);
    copy.add(update[d], from[static_cast<size_t>(d)], to[static_cast<size_t>(d)]);
  }
  copy.simplify();
  ctx.set_output_shape(0, shape);
  const size_t bytes = ctx.input(0).bytes();
  ctx.on_run([copy, last, to, element, bytes, type](RunContext& run) {
    if (bytes == 0) return;
    std::memcpy(run.output<char>(0), run.input<char>(0), bytes);
    int64_t offset = 0;
    for (size_t d = 0; d < last.size(); ++d) {
      const int64_t start = type == DType::int64 ? run.input<int64_t>(2)[d] : run.input<int32_t>(2)[d];
      offset += std::clamp<int64_t>(start, 0, last[d]) * to[d];
    }
    copy.run(run, run.input<char>(1), run.output<char>(0) + offset * static_cast<int64_t>(element));
  });
}

}  // namespace sanderling
