// SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND: between [batch, height, width, ...] and one batch entry for each place in
// a block. Place i of a dimension of the batch form and shift s in the block are place i * block + s of the padded
// (or not yet cropped) dimension.
#include <cstring>
#include <vector>

#include "ops/movement.h"

namespace sanderling {
namespace {

struct Dimension {
  int64_t block, before, after;  // before, after: padding or crop
  int64_t space, grid;           // extents of the two forms
};

struct Layout {
  std::vector<Dimension> dims;
  int64_t batch = 1;  // of the space form
  int64_t bytes = 1;  // of one place
};

std::vector<Dimension> read_blocks(PrepareContext& ctx, const char* what) {
  ctx.expect_inputs(3, 3);
  ctx.expect_outputs(1);
  expect_movable(ctx, 0);
  expect_same_dtype(ctx, 0, 0);
  if (is_quantized_int(ctx.input(0).dtype)) expect_same_quantization(ctx.input(0), ctx.output(0));
  const Shape &shape = ctx.input(0).shape, &blocks = ctx.input(1).shape;
  check(blocks.rank() == 1 && blocks[0] >= 1 && blocks[0] < shape.rank(), "the block shape (input 1) has shape ",
        blocks, " for an input of shape ", shape);
  const Shape expected{blocks[0], 2};
  check(ctx.input(2).shape == expected, what, " (input 2) have shape ", ctx.input(2).shape, "; ", expected,
        " expected");
  const std::vector<int64_t> sizes = ctx.int_values(1), borders = ctx.int_values(2);
  std::vector<Dimension> dims;
  for (size_t d = 0; d < sizes.size(); ++d) {
    const Dimension k{sizes[d], borders[2 * d], borders[2 * d + 1], 0, 0};
    check(k.block >= 1 && k.block <= INT32_MAX, "block ", d, " is ", k.block, "; values from 1 to 2^31 - 1 expected");
    check(k.before >= 0 && k.after >= 0 && k.before <= INT32_MAX && k.after <= INT32_MAX, what, " of dimension ", d + 1,
          " are ", k.before, " and ", k.after, "; values from 0 to 2^31 - 1 expected");
    dims.push_back(k);
  }
  return dims;
}

int64_t place_bytes(const TensorInfo& x, size_t spatial) {
  return x.shape.elements(static_cast<int>(spatial) + 1, x.shape.rank()) * static_cast<int64_t>(dtype_size(x.dtype));
}

// First i with i * block + shift >= low.
int64_t first_at(int64_t low, const Dimension& k, int64_t shift) {
  const int64_t i = low <= shift ? 0 : (low - shift + k.block - 1) / k.block;
  return i < k.grid ? i : k.grid;
}

struct Place {
  int64_t row;    // of the other form, over all dimensions but the last spatial one; -1: in the padding
  int64_t shift;  // in the block of the last dimension
};

// The row of the space form that holds row r of the batch form.
Place space_row(const Layout& l, int64_t r) {
  int64_t grid[Shape::kMaxRank] = {}, shift[Shape::kMaxRank] = {};
  const size_t last = l.dims.size() - 1;
  for (size_t d = last; d-- > 0; r /= l.dims[d].grid) grid[d] = r % l.dims[d].grid;
  int64_t row = r % l.batch;
  r /= l.batch;
  for (size_t d = last + 1; d-- > 0; r /= l.dims[d].block) shift[d] = r % l.dims[d].block;
  for (size_t d = 0; d < last; ++d) {
    const Dimension& k = l.dims[d];
    const int64_t at = grid[d] * k.block + shift[d] - k.before;
    if (at < 0 || at >= k.space) return {-1, 0};
    row = row * k.space + at;
  }
  return {row, shift[last]};
}

// The row of the batch form that holds, at shift 0 of the last dimension, row r of the space form.
int64_t grid_row(const Layout& l, int64_t r) {
  int64_t at[Shape::kMaxRank] = {};
  const size_t last = l.dims.size() - 1;
  for (size_t d = last; d-- > 0; r /= l.dims[d].space) at[d] = r % l.dims[d].space + l.dims[d].before;
  int64_t row = 0;
  for (size_t d = 0; d < last; ++d) row = row * l.dims[d].block + at[d] % l.dims[d].block;
  row = row * l.dims[last].block * l.batch + r;
  for (size_t d = 0; d < last; ++d) row = row * l.dims[d].grid + at[d] / l.dims[d].block;
  return row;
}

void space_to_batch(const Layout& l, const char* from, char* to, int64_t begin, int64_t end, int pad) {
  const Dimension& k = l.dims.back();
  const size_t bytes = static_cast<size_t>(l.bytes);
  for (int64_t r = begin; r < end; ++r) {
    char* t = to + r * k.grid * l.bytes;
    const Place p = space_row(l, r);
    const int64_t low = p.row < 0 ? k.grid : first_at(k.before, k, p.shift);
    const int64_t high = p.row < 0 ? k.grid : first_at(k.before + k.space, k, p.shift);
    std::memset(t, pad, static_cast<size_t>(low) * bytes);
    for (int64_t i = low; i < high; ++i)
      std::memcpy(t + i * l.bytes, from + (p.row * k.space + i * k.block + p.shift - k.before) * l.bytes, bytes);
    std::memset(t + high * l.bytes, pad, static_cast<size_t>(k.grid - high) * bytes);
  }
}

void batch_to_space(const Layout& l, const char* from, char* to, int64_t begin, int64_t end) {
  const Dimension& k = l.dims.back();
  int64_t rows = 1;  // of the batch form between one shift of the last dimension and the next
  for (size_t d = 0; d + 1 < l.dims.size(); ++d) rows *= l.dims[d].grid;
  const int64_t step = l.batch * rows * k.grid * l.bytes;
  for (int64_t r = begin; r < end; ++r) {
    const char* f = from + grid_row(l, r) * k.grid * l.bytes;
    char* t = to + r * k.space * l.bytes;
    int64_t shift = k.before % k.block, i = k.before / k.block;
    for (int64_t w = 0; w < k.space; ++w, t += l.bytes) {
      std::memcpy(t, f + shift * step + i * l.bytes, static_cast<size_t>(l.bytes));
      if (++shift == k.block) shift = 0, ++i;
    }
  }
}

}  // namespace

void prepare_space_to_batch_nd(PrepareContext& ctx) {
  Layout l;
  l.dims = read_blocks(ctx, "paddings");
  const TensorInfo& x = ctx.input(0);
  Shape result = x.shape;
  l.batch = x.shape[0];
  int64_t rows = l.batch;
  for (size_t d = 0; d < l.dims.size(); ++d) {
    Dimension& k = l.dims[d];
    k.space = x.shape[static_cast<int>(d) + 1];
    const int64_t whole = k.space + k.before + k.after;
    check(whole % k.block == 0, "dimension ", d + 1, " of shape ", x.shape, " is ", whole,
          " with its paddings, which is no multiple of block ", k.block);
    k.grid = whole / k.block;
    result = result.with(static_cast<int>(d) + 1, k.grid).with(0, extent_product(result[0], k.block));
  }
  ctx.set_output_shape(0, result);
  rows = result.elements(0, static_cast<int>(l.dims.size()));
  l.bytes = place_bytes(x, l.dims.size());
  const bool nothing = result.elements() == 0;
  // TFLite pads 8-bit types with the zero point and int16 with 0.
  const bool narrow = x.dtype == DType::int8 || x.dtype == DType::uint8;
  const int pad = narrow ? scale_and_zero(ctx.output(0)).zero_point : 0;
  check(x.dtype != DType::int16 || scale_and_zero(ctx.output(0)).zero_point == 0, "int16 must have zero point 0");
  const double cost = 20 + static_cast<double>(l.dims.back().grid) * (2 + static_cast<double>(l.bytes) / 20);
  ctx.on_run([l, rows, pad, nothing, cost](RunContext& run) {
    if (nothing) return;
    run.parallel_for(rows, cost, [&](int64_t begin, int64_t end, int) {
      space_to_batch(l, run.input<char>(0), run.output<char>(0), begin, end, pad);
    });
  });
}

void prepare_batch_to_space_nd(PrepareContext& ctx) {
  Layout l;
  l.dims = read_blocks(ctx, "crops");
  const TensorInfo& x = ctx.input(0);
  Shape result = x.shape;
  l.batch = x.shape[0];
  for (size_t d = 0; d < l.dims.size(); ++d) {
    Dimension& k = l.dims[d];
    check(l.batch % k.block == 0, "the batch of shape ", x.shape, " cannot be divided by the block shape");
    l.batch /= k.block;
    k.grid = x.shape[static_cast<int>(d) + 1];
    k.space = extent_product(k.grid, k.block) - k.before - k.after;
    check(k.space >= 0, "crops ", k.before, " and ", k.after, " exceed dimension ", d + 1, ", which is ",
          k.grid * k.block);
    result = result.with(0, l.batch).with(static_cast<int>(d) + 1, k.space);
  }
  ctx.set_output_shape(0, result);
  const int64_t rows = result.elements(0, static_cast<int>(l.dims.size()));
  l.bytes = place_bytes(x, l.dims.size());
  const bool nothing = result.elements() == 0;
  const double cost = 20 + static_cast<double>(l.dims.back().space) * (2 + static_cast<double>(l.bytes) / 20);
  ctx.on_run([l, rows, nothing, cost](RunContext& run) {
    if (nothing) return;
    run.parallel_for(rows, cost, [&](int64_t begin, int64_t end, int) {
      batch_to_space(l, run.input<char>(0), run.output<char>(0), begin, end);
    });
  });
}

}  // namespace sanderling
