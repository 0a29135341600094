// FILL, RANGE, BROADCAST_ARGS: small tensors that follow from a few values.
#include <algorithm>
#include <cmath>
#include <type_traits>
#include <vector>

#include "ops/movement.h"

namespace sanderling {
namespace {

template <class T>
int64_t range_size(T start, T limit, T delta) {
  // A NaN fails both.
  check((start <= limit && delta > 0) || (start >= limit && delta < 0), "cannot count from ", start, " to ", limit,
        " by ", delta);
  if constexpr (std::is_integral_v<T>) {
    // Unsigned differences: the signed ones may overflow.
    using U = std::make_unsigned_t<T>;
    const U a = static_cast<U>(start), b = static_cast<U>(limit), d = static_cast<U>(delta);
    const U span = start <= limit ? b - a : a - b;
    const U step = delta > 0 ? d : U{0} - d;
    const U size = span / step + (span % step != 0);
    check(size <= U{INT32_MAX}, "has ", size, " elements; fewer than 2^31 expected");
    return static_cast<int64_t>(size);
  } else {
    const T size = std::ceil(std::abs((limit - start) / delta));
    check(size < T{2147483648.0f}, "has ", size, " elements; fewer than 2^31 expected");
    return static_cast<int64_t>(size);
  }
}

template <class T>
void plan_range(PrepareContext& ctx) {
  const T start = *ctx.value<T>(0), limit = *ctx.value<T>(1), delta = *ctx.value<T>(2);
  const int64_t n = range_size(start, limit, delta);
  ctx.set_output_shape(0, {n});
  ctx.on_run([n, start, delta](RunContext& run) {
    T* to = run.output<T>(0);
    if constexpr (std::is_integral_v<T>) {
      using U = std::make_unsigned_t<T>;
      U value = static_cast<U>(start);
      for (int64_t i = 0; i < n; ++i, value += static_cast<U>(delta)) to[i] = static_cast<T>(value);
    } else {
      // Sums, not products: as the reference rounds.
      T value = start;
      for (int64_t i = 0; i < n; ++i, value += delta) to[i] = value;
    }
  });
}

template <class T>
void broadcast_extents(const T* a, int64_t na, const T* b, int64_t nb, T* to) {
  const int64_t n = std::max(na, nb);
  for (int64_t i = 1; i <= n; ++i) {
    const T x = i <= na ? a[na - i] : 1, y = i <= nb ? b[nb - i] : 1;
    check(x == 1 || y == 1 || x == y, "extents ", x, " and ", y, " cannot be broadcast together");
    to[n - i] = x == 1 ? y : x;
  }
}

}  // namespace

void prepare_fill(PrepareContext& ctx) {
  ctx.expect_inputs(2, 2);
  ctx.expect_outputs(1);
  expect_movable(ctx, 1);
  expect_same_dtype(ctx, 1, 0);
  check(ctx.input(0).shape.rank() == 1, "the shape (input 0) has shape ", ctx.input(0).shape, "; a vector expected");
  check(ctx.input(1).shape.elements() == 1, "the value (input 1) has shape ", ctx.input(1).shape,
        "; a scalar expected");
  const Shape shape(ctx.int_values(0));
  ctx.set_output_shape(0, shape);
  ctx.on_run([n = shape.elements(), element = dtype_size(ctx.input(1).dtype)](RunContext& run) {
    fill_elements(run.output<char>(0), run.input<char>(1), element, n);
  });
}

void prepare_range(PrepareContext& ctx) {
  ctx.expect_inputs(3, 3);
  ctx.expect_outputs(1);
  for (int i = 0; i < 3; ++i) {
    expect_same_dtype(ctx, i, 0);
    check(ctx.input(i).shape.elements() == 1, "input ", i, " has shape ", ctx.input(i).shape, "; a scalar expected");
  }
  switch (ctx.input(0).dtype) {
    case DType::float32: return plan_range<float>(ctx);
    case DType::int32: return plan_range<int32_t>(ctx);
    case DType::int64: return plan_range<int64_t>(ctx);
    default: fail("input 0 is ", dtype_name(ctx.input(0).dtype), "; float32, int32 or int64 expected");
  }
}

void prepare_broadcast_args(PrepareContext& ctx) {
  ctx.expect_inputs(2, 2);
  ctx.expect_outputs(1);
  const DType type = ctx.input(0).dtype;
  check(type == DType::int32 || type == DType::int64, "input 0 is ", dtype_name(type), "; int32 or int64 expected");
  for (int i = 0; i < 2; ++i) {
    expect_same_dtype(ctx, i, 0);
    check(ctx.input(i).shape.rank() == 1, "input ", i, " has shape ", ctx.input(i).shape, "; a vector expected");
  }
  const int64_t na = ctx.input(0).shape[0], nb = ctx.input(1).shape[0];
  ctx.set_output_shape(0, {std::max(na, nb)});
  ctx.on_run([na, nb, type](RunContext& run) {
    if (type == DType::int64)
      broadcast_extents(run.input<int64_t>(0), na, run.input<int64_t>(1), nb, run.output<int64_t>(0));
    else
      broadcast_extents(run.input<int32_t>(0), na, run.input<int32_t>(1), nb, run.output<int32_t>(0));
  });
}

}  // namespace sanderling
