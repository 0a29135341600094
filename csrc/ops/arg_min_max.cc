// ARG_MAX, ARG_MIN: the first index of the largest or smallest value along an axis. NaN never wins.
#include <algorithm>
#include <cstdint>
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
template <bool largest, class T>
int32_t best_index(const T* row, int64_t n) {
  int64_t k = 0;
  // Past the leading NaN plain comparisons are enough.
  while (k < n && row[k] != row[k]) ++k;
  if (k == n) return 0;
  T best = row[k];
  int32_t at = static_cast<int32_t>(k);
  for (++k; k < n; ++k) {
    bool wins = largest ? row[k] > best : row[k] < best;
    best = wins ? row[k] : best;
    at = wins ? static_cast<int32_t>(k) : at;
  }
  return at;
}

// Places of the best along the axis for n <= kColumns columns.
template <bool largest, class T>
void best_of_columns(const AxisView& v, const void* in, int64_t n, int32_t* at) {
  const T* from = static_cast<const T*>(in);
  T best[kColumns];
  for (int64_t c = 0; c < n; ++c) {
    best[c] = from[c];
    at[c] = 0;
  }
  for (int64_t k = 1; k < v.axis; ++k) {
    from += v.inner;
    for (int64_t c = 0; c < n; ++c) {
      bool wins = better<largest>(from[c], best[c]);
      best[c] = wins ? from[c] : best[c];
      at[c] = wins ? static_cast<int32_t>(k) : at[c];
    }
  }
}

// Of n <= kColumns rows.
template <bool largest, class T>
void best_of_rows(const AxisView& v, const void* in, int64_t n, int32_t* at) {
  for (int64_t i = 0; i < n; ++i) at[i] = best_index<largest>(static_cast<const T*>(in) + i * v.axis, v.axis);
}

using FindBest = void (*)(const AxisView&, const void* in, int64_t n, int32_t* at);

template <bool largest, class T>
FindBest find_best_of(const AxisView& v) {
  return v.inner == 1 ? best_of_rows<largest, T> : best_of_columns<largest, T>;
}

template <bool largest>
FindBest find_best(DType type, const AxisView& v) {
  switch (type) {
    case DType::float32: return find_best_of<largest, float>(v);
    case DType::int8: return find_best_of<largest, int8_t>(v);
    case DType::boolean:
    case DType::uint8: return find_best_of<largest, uint8_t>(v);
    case DType::int32: return find_best_of<largest, int32_t>(v);
    default: fail("input is ", dtype_name(type), "; float32, int8, uint8, int32 or bool expected");
  }
}

// Hands on places as the output's type.
void store_places(const RunContext& run, DType index, int64_t begin, const int32_t* at, int64_t n) {
  if (index == DType::int32)
    std::copy_n(at, n, run.output<int32_t>(0) + begin);
  else
    std::copy_n(at, n, run.output<int64_t>(0) + begin);
}

// Rows of bytes, next to each other; mask: see ArgMaxQ8Kernel.
void run_bytes(PrepareContext& ctx, const AxisView& v, uint8_t mask) {
  const FunctionRow<ArgMaxQ8Kernel>& kernel = choose_arg_max_q8(ctx.isa());
  ctx.set_kernel(kernel.isa, kernel.name);
  ctx.on_run([v, mask, find = kernel.run, index = ctx.output(0).dtype](RunContext& run) {
    const uint8_t* in = run.input<uint8_t>(0);
    run.parallel_for(v.outer, 2 + 0.1 * static_cast<double>(v.axis), [&](int64_t begin, int64_t end, int) {
      int32_t places[kColumns];
      for (int64_t o = begin; o < end; o += kColumns) {
        const int64_t n = std::min(kColumns, end - o);
        find(in + o * v.axis, n, v.axis, mask, places);
        store_places(run, index, o, places, n);
      }
    });
  });
}

void run_arg(PrepareContext& ctx, const AxisView& v, FindBest find) {
  const double cost = static_cast<double>(v.axis) * static_cast<double>(v.inner);
  const int64_t rows = v.inner == 0 ? 0 : v.outer;
  ctx.on_run(
      [=, bytes = static_cast<int64_t>(dtype_size(ctx.input(0).dtype)), index = ctx.output(0).dtype](RunContext& run) {
        const char* in = run.input<char>(0);
        run.parallel_for(rows, cost, [&](int64_t begin, int64_t end, int) {
          int32_t places[kColumns];
          const int64_t many = v.inner == 1 ? kColumns : 1;  // rows at a time
          for (int64_t o = begin; o < end; o += many) {
            for (int64_t i = 0; i < v.inner; i += kColumns) {
              const int64_t n = v.inner == 1 ? std::min(kColumns, end - o) : std::min(kColumns, v.inner - i);
              find(v, in + (o * v.axis * v.inner + i) * bytes, n, places);
              store_places(run, index, o * v.inner + i, places, n);
            }
          }
        });
      });
}

void prepare_arg(PrepareContext& ctx, bool largest) {
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
  check(v.axis <= INT32_MAX, "axis ", given, " of shape ", shape, " has more than 2^31 - 1 elements");
  const DType type = ctx.input(0).dtype;
  const FindBest find = largest ? find_best<true>(type, v) : find_best<false>(type, v);
  if (dtype_size(type) == 1 && v.inner == 1)
    run_bytes(ctx, v, static_cast<uint8_t>((type == DType::int8 ? 0x80 : 0) ^ (largest ? 0 : 0xFF)));
  else
    run_arg(ctx, v, find);
}

}  // namespace

void prepare_arg_max(PrepareContext& ctx) { prepare_arg(ctx, true); }
void prepare_arg_min(PrepareContext& ctx) { prepare_arg(ctx, false); }

}  // namespace sanderling
