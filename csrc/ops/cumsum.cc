// CUMSUM: running sums along an axis.
#include <cstdint>

#include "ops/axis_view.h"
#include "ops/op.h"
#include "ops/reduce.h"

namespace sanderling {
namespace {

template <class T>
void sum_along(const AxisView& v, bool exclusive, bool reverse, const T* in, T* out) {
  int64_t step = reverse ? -v.inner : v.inner;
  int64_t at = reverse ? (v.axis - 1) * v.inner : 0;
  for (int64_t i = 0; i < v.inner; ++i) out[at + i] = exclusive ? T(0) : in[at + i];
  for (int64_t k = 1; k < v.axis; ++k) {
    const T *previous = out + at, *value = in + (exclusive ? at : at + step);
    at += step;
    for (int64_t i = 0; i < v.inner; ++i) out[at + i] = wrap_add(previous[i], value[i]);
  }
}

template <class T>
void run_cumsum(PrepareContext& ctx, const AxisView& v) {
  bool exclusive = ctx.attributes().boolean("exclusive"), reverse = ctx.attributes().boolean("reverse");
  int64_t rows = v.axis * v.inner == 0 ? 0 : v.outer;
  ctx.on_run([=](RunContext& run) {
    const T* in = run.input<T>(0);
    T* out = run.output<T>(0);
    run.parallel_for(rows, static_cast<double>(v.axis * v.inner), [&](int64_t begin, int64_t end, int) {
      for (int64_t o = begin; o < end; ++o)
        sum_along(v, exclusive, reverse, in + o * v.axis * v.inner, out + o * v.axis * v.inner);
    });
  });
}

}  // namespace

void prepare_cumsum(PrepareContext& ctx) {
  ctx.expect_inputs(2, 2);
  ctx.expect_outputs(1);
  const TensorInfo& x = ctx.input(0);
  check(x.dtype == ctx.output(0).dtype, "input is ", dtype_name(x.dtype), " but output is ",
        dtype_name(ctx.output(0).dtype));
  check(ctx.input(1).shape.elements() == 1, "the axis has shape ", ctx.input(1).shape, "; one number expected");
  int64_t given = ctx.int_values(1)[0], wanted = given < 0 ? given + x.shape.rank() : given;
  check(wanted >= 0 && wanted < x.shape.rank(), "axis ", given, " is outside of shape ", x.shape);
  int axis = static_cast<int>(wanted);
  ctx.set_output_shape(0, x.shape);
  const AxisView v(x.shape, axis);
  switch (x.dtype) {
    case DType::float32: return run_cumsum<float>(ctx, v);
    case DType::int32: return run_cumsum<int32_t>(ctx, v);
    case DType::int64: return run_cumsum<int64_t>(ctx, v);
    default: fail("input is ", dtype_name(x.dtype), "; float32, int32 or int64 expected");
  }
}

}  // namespace sanderling
