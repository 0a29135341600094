// GATHER, GATHER_ND and EMBEDDING_LOOKUP: pieces of a tensor, by index. SCATTER_ND: sums of pieces, by index.
#include <cstring>
#include <vector>

#include "ops/movement.h"

namespace sanderling {
namespace {

// f(pointer to int16_t, int32_t or int64_t) on the indices, input `input`.
template <class F>
void with_indices(const RunContext& run, int input, DType type, const F& f) {
  switch (type) {
    case DType::int16: return f(run.input<int16_t>(input));
    case DType::int64: return f(run.input<int64_t>(input));
    default: return f(run.input<int32_t>(input));
  }
}

void expect_indices(PrepareContext& ctx, int i) {
  DType t = ctx.input(i).dtype;
  check(t == DType::int16 || t == DType::int32 || t == DType::int64, "indices (input ", i, ") are ", dtype_name(t),
        "; int16, int32 or int64 expected");
}

template <class I>
void check_index(I index, int64_t extent, int64_t at) {
  check(index >= 0 && static_cast<int64_t>(index) < extent, "index ", index, " (number ", at, ") is not in [0, ",
        extent, ")");
}

// Rows of one shape, to be found by an index of `depth` coordinates.
struct Rows {
  std::vector<int64_t> extents, strides;  // of the indexed dimensions; strides in bytes
  int64_t bytes = 1;                      // of one row

  Rows(const Shape& shape, int depth, DType type) {
    const int64_t element = static_cast<int64_t>(dtype_size(type));
    bytes = shape.elements(depth, shape.rank()) * element;
    for (int d = 0; d < depth; ++d) {
      extents.push_back(shape[d]);
      strides.push_back(shape.elements(d + 1, shape.rank()) * element);
    }
  }
  template <class I>
  int64_t offset(const I* index) const {
    int64_t at = 0;
    for (size_t d = 0; d < strides.size(); ++d) at += static_cast<int64_t>(index[d]) * strides[d];
    return at;
  }
  template <class I>
  void check_all(const I* indices, int64_t count) const {
    const size_t depth = strides.size();
    for (int64_t i = 0; i < count; ++i)
      for (size_t d = 0; d < depth; ++d) check_index(indices[static_cast<size_t>(i) * depth + d], extents[d], i);
  }
};

// Depth of the indices of GATHER_ND and SCATTER_ND into a tensor of `rank` dimensions.
int index_depth(const TensorInfo& indices, int rank) {
  check(indices.shape.rank() >= 1, "indices have shape ", indices.shape, "; a vector at least expected");
  check(indices.shape.back(1) <= rank, "indices have ", indices.shape.back(1), " coordinates for a tensor of rank ",
        rank);
  return static_cast<int>(indices.shape.back(1));
}

// output[i] = rows[index i], where consecutive groups of indices address consecutive blocks of the input.
template <class I>
void copy_rows(const RunContext& run, const I* indices, int64_t count, const Rows& rows, const char* from, char* to) {
  rows.check_all(indices, count);
  if (rows.bytes == 0) return;
  const int64_t depth = static_cast<int64_t>(rows.strides.size());
  run.parallel_for(count, 3 + static_cast<double>(rows.bytes) / 20, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i)
      std::memcpy(to + i * rows.bytes, from + rows.offset(indices + i * depth), static_cast<size_t>(rows.bytes));
  });
}

}  // namespace

void prepare_gather_nd(PrepareContext& ctx) {
  ctx.expect_inputs(2, 2);
  ctx.expect_outputs(1);
  expect_movable(ctx, 0);
  expect_same_dtype(ctx, 0, 0);
  expect_indices(ctx, 1);
  const TensorInfo &x = ctx.input(0), &indices = ctx.input(1);
  check(x.shape.rank() >= 1, "input 0 is a scalar");
  const int depth = index_depth(indices, x.shape.rank());
  std::vector<int64_t> dims(indices.shape.begin(), indices.shape.end() - 1);
  dims.insert(dims.end(), x.shape.begin() + depth, x.shape.end());
  ctx.set_output_shape(0, Shape(dims));
  const Rows rows(x.shape, depth, x.dtype);
  ctx.on_run([rows, count = indices.shape.outer(), type = indices.dtype](RunContext& run) {
    with_indices(run, 1, type,
                 [&](auto* index) { copy_rows(run, index, count, rows, run.input<char>(0), run.output<char>(0)); });
  });
}

}  // namespace sanderling
