// TOPK_V2: the k largest values of each row, best first; of equal values the earlier one. NaN comes last.
#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/op.h"

namespace sanderling {
namespace {

template <class T, class Index>
void top_of_row(const T* row, int64_t n, int64_t k, T* values, Index* indices) {
  auto before = [row](Index a, Index b) {
    T x = row[a], y = row[b];
    if constexpr (std::is_floating_point_v<T>) {
      if (std::isnan(x) != std::isnan(y)) return std::isnan(y);
    }
    return y < x || (!(x < y) && a < b);
  };
  // A heap of the best k so far, the worst of them in front.
  Index* end = indices + k;
  for (int64_t i = 0; i < k; ++i) indices[i] = static_cast<Index>(i);
  std::make_heap(indices, end, before);
  for (int64_t i = k; i < n; ++i) {
    if (!before(static_cast<Index>(i), indices[0])) continue;
    std::pop_heap(indices, end, before);
    end[-1] = static_cast<Index>(i);
    std::push_heap(indices, end, before);
  }
  std::sort_heap(indices, end, before);
  for (int64_t i = 0; i < k; ++i) values[i] = row[indices[i]];
}

template <class T, class Index>
void run_top(PrepareContext& ctx, int64_t k) {
  const Shape& shape = ctx.input(0).shape;
  int64_t n = shape.back(1), rows = k == 0 ? 0 : shape.outer();
  check(rows == 0 || n <= std::numeric_limits<Index>::max(), "rows of ", n, " elements exceed the type of the indices");
  double cost = 2.0 * static_cast<double>(n) + 20.0 * static_cast<double>(k);
  ctx.on_run([=](RunContext& run) {
    const T* in = run.input<T>(0);
    T* values = run.output<T>(0);
    Index* indices = run.output<Index>(1);
    run.parallel_for(rows, cost, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) top_of_row(in + i * n, n, k, values + i * k, indices + i * k);
    });
  });
}

template <class T>
void run_top_of(PrepareContext& ctx, int64_t k) {
  DType index = ctx.output(1).dtype;
  if (index == DType::int32) return run_top<T, int32_t>(ctx, k);
  if (index == DType::int16) return run_top<T, int16_t>(ctx, k);
  fail("output 1 is ", dtype_name(index), "; int32 or int16 expected");
}

int64_t read_k(PrepareContext& ctx) {
  check(ctx.input(1).shape.elements() == 1, "k has shape ", ctx.input(1).shape, "; one number expected");
  if (ctx.input(1).dtype == DType::int16) return ctx.value<int16_t>(1)[0];
  return ctx.int_values(1)[0];
}

}  // namespace

void prepare_topk_v2(PrepareContext& ctx) {
  ctx.expect_inputs(2, 2);
  ctx.expect_outputs(2);
  const TensorInfo& x = ctx.input(0);
  check(x.dtype == ctx.output(0).dtype, "input is ", dtype_name(x.dtype), " but output is ",
        dtype_name(ctx.output(0).dtype));
  check(x.shape.rank() >= 1, "input is a scalar; at least one dimension expected");
  int64_t k = std::max<int64_t>(0, read_k(ctx));
  check(k <= x.shape.back(1), "k is ", k, ", more than the ", x.shape.back(1), " elements of a row");
  Shape out = x.shape.with(x.shape.rank() - 1, k);
  ctx.set_output_shape(0, out);
  ctx.set_output_shape(1, out);
  switch (x.dtype) {
    case DType::float32: return run_top_of<float>(ctx, k);
    case DType::int8: return run_top_of<int8_t>(ctx, k);
    case DType::uint8: return run_top_of<uint8_t>(ctx, k);
    case DType::int16: return run_top_of<int16_t>(ctx, k);
    case DType::int32: return run_top_of<int32_t>(ctx, k);
    case DType::int64: return run_top_of<int64_t>(ctx, k);
    default: fail("input is ", dtype_name(x.dtype), "; float32, int8, uint8, int16, int32 or int64 expected");
  }
}

}  // namespace sanderling
