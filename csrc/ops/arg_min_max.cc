// ARG_MAX, ARG_MIN: the first index of the largest or smallest value along an axis. NaN never wins.
#include <algorithm>
#include <limits>
#include <type_traits>

#include "kernels/arg_max_q8/arg_max_q8.h"
#include "ops/axis_view.h"
#include "ops/op.h"

namespace sanderling {
namespace {

constexpr int64_t kColumns = 64;

// A NaN candidate loses; a NaN that was best so far gives way to anything else.
template <bool largest, class T>
bool better(T candidate, T best) {
  if constexpr (std::is_floating_point_v<T>)
    return !(largest ? candidate <= best : candidate >= best) & (candidate == candidate);
  else
    return largest ? candidate > best : candidate < best;
}

// The first index of the best of n values, without branches.
template <bool largest, class T, class Index>
Index best_index(const T* row, int64_t n) {
  int64_t k = 0;
  // Past the leading NaN plain comparisons are enough.
  while (k < n && row[k] != row[k]) ++k;
  if (k == n) return 0;
  T best = row[k];
  Index at = static_cast<Index>(k);
  for (++k; k < n; ++k) {
    bool wins = largest ? row[k] > best : row[k] < best;
    best = wins ? row[k] : best;
    at = wins ? static_cast<Index>(k) : at;
  }
  return at;
}

template <bool largest, class T, class Index>
void arg_rows(const AxisView& v, const T* in, Index* out, int64_t begin, int64_t end) {
  if (v.inner == 1) {
    for (int64_t o = begin; o < end; ++o) out[o] = best_index<largest, T, Index>(in + o * v.axis, v.axis);
    return;
  }
  for (int64_t o = begin; o < end; ++o) {
    for (int64_t i = 0; i < v.inner; i += kColumns) {
      int64_t n = std::min(kColumns, v.inner - i);
      const T* from = in + o * v.axis * v.inner + i;
      T best[kColumns];
      Index* at = out + o * v.inner + i;
      for (int64_t c = 0; c < n; ++c) {
        best[c] = from[c];
        at[c] = 0;
      }
      for (int64_t k = 1; k < v.axis; ++k) {
        from += v.inner;
        for (int64_t c = 0; c < n; ++c) {
          bool wins = better<largest>(from[c], best[c]);
          best[c] = wins ? from[c] : best[c];
          at[c] = wins ? static_cast<Index>(k) : at[c];
        }
      }
    }
  }
}

// Rows of bytes, next to each other.
template <bool largest, class T, class Index>
void run_bytes(PrepareContext& ctx, const AxisView& v) {
  const FunctionRow<ArgMaxQ8Kernel>& kernel = choose_arg_max_q8(ctx.isa());
  ctx.set_kernel(kernel.isa, kernel.name);
  ctx.on_run([v, find = kernel.run](RunContext& run) {
    constexpr uint8_t mask = (std::is_signed_v<T> ? 0x80 : 0) ^ (largest ? 0 : 0xFF);
    const uint8_t* in = run.input<uint8_t>(0);
    Index* out = run.output<Index>(0);
    run.parallel_for(v.outer, 2 + 0.1 * static_cast<double>(v.axis), [&](int64_t begin, int64_t end, int) {
      int32_t places[kColumns];
      for (int64_t o = begin; o < end; o += kColumns) {
        const int64_t n = std::min(kColumns, end - o);
        find(in + o * v.axis, n, v.axis, mask, places);
        for (int64_t i = 0; i < n; ++i) out[o + i] = places[i];
      }
    });
  });
}

template <bool largest, class T, class Index>
void run_arg(PrepareContext& ctx, const AxisView& v) {
  if constexpr (sizeof(T) == 1)
    if (v.inner == 1 && v.axis <= std::numeric_limits<int32_t>::max()) return run_bytes<largest, T, Index>(ctx, v);
  double cost = static_cast<double>(v.axis) * static_cast<double>(v.inner);
  int64_t rows = v.inner == 0 ? 0 : v.outer;
  ctx.on_run([=](RunContext& run) {
    const T* in = run.input<T>(0);
    Index* out = run.output<Index>(0);
    run.parallel_for(rows, cost,
                     [&](int64_t begin, int64_t end, int) { arg_rows<largest, T, Index>(v, in, out, begin, end); });
  });
}

template <bool largest, class Index>
void run_arg_of(PrepareContext& ctx, const AxisView& v) {
  switch (ctx.input(0).dtype) {
    case DType::float32: return run_arg<largest, float, Index>(ctx, v);
    case DType::int8: return run_arg<largest, int8_t, Index>(ctx, v);
    case DType::boolean:
    case DType::uint8: return run_arg<largest, uint8_t, Index>(ctx, v);
    case DType::int32: return run_arg<largest, int32_t, Index>(ctx, v);
    default: fail("input is ", dtype_name(ctx.input(0).dtype), "; float32, int8, uint8, int32 or bool expected");
  }
}

template <bool largest>
void prepare_arg(PrepareContext& ctx) {
  ctx.expect_inputs(2, 2);
  ctx.expect_outputs(1);
  const Shape& shape = ctx.input(0).shape;
  check(ctx.input(1).shape.elements() == 1, "the axis has shape ", ctx.input(1).shape, "; one number expected");
  DType index = ctx.output(0).dtype;
  check(index == DType::int32 || index == DType::int64, "output is ", dtype_name(index), "; int32 or int64 expected");
  int64_t given = ctx.int_values(1)[0];
  int64_t wanted = given < 0 ? given + shape.rank() : given;
  check(wanted >= 0 && wanted < shape.rank(), "axis ", given, " is outside of shape ", shape);
  int axis = static_cast<int>(wanted);
  check(shape[axis] > 0, "axis ", given, " of shape ", shape, " is empty");
  ctx.set_output_shape(0, shape.without(axis));
  const AxisView v(shape, axis);
  if (index == DType::int32)
    run_arg_of<largest, int32_t>(ctx, v);
  else
    run_arg_of<largest, int64_t>(ctx, v);
}

}  // namespace

void prepare_arg_max(PrepareContext& ctx) { prepare_arg<true>(ctx); }
void prepare_arg_min(PrepareContext& ctx) { prepare_arg<false>(ctx); }

}  // namespace sanderling
