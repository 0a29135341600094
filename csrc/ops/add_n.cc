// ADD_N, ZEROS_LIKE.
#include <cstring>

#include "ops/op.h"
#include "quant/requantize.h"

namespace sanderling {
namespace {

float plus(float a, float b) { return a + b; }
int32_t plus(int32_t a, int32_t b) { return wrapping_add(a, b); }

template <class T>
RunFunction run_sum(int inputs, int64_t n) {
  return [inputs, n](RunContext& run) {
    T* out = run.output<T>(0);
    run.parallel_for(n, 0.4 * inputs, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) out[i] = plus(T{0}, run.input<T>(0)[i]);
      for (int k = 1; k < inputs; ++k) {
        const T* x = run.input<T>(k);
        for (int64_t i = begin; i < end; ++i) out[i] = plus(out[i], x[i]);
      }
    });
  };
}

void expect_output_like(PrepareContext& ctx, const TensorInfo& x) {
  const DType t = ctx.output(0).dtype;
  check(t == x.dtype, "output is ", dtype_name(t), "; ", dtype_name(x.dtype), " expected");
}

}  // namespace

void prepare_add_n(PrepareContext& ctx) {
  const int inputs = ctx.num_inputs();
  check(inputs >= 2, "has ", inputs, " inputs; 2 or more expected");
  ctx.expect_outputs(1);
  const TensorInfo& first = ctx.input(0);
  for (int k = 1; k < inputs; ++k) {
    const TensorInfo& x = ctx.input(k);
    check(x.dtype == first.dtype && x.shape == first.shape, "input 0 is ", dtype_name(first.dtype), first.shape,
          " but input ", k, " is ", dtype_name(x.dtype), x.shape);
  }
  expect_output_like(ctx, first);
  ctx.set_output_shape(0, first.shape);
  const int64_t n = first.shape.elements();
  if (first.dtype == DType::float32) return ctx.on_run(run_sum<float>(inputs, n));
  if (first.dtype == DType::int32) return ctx.on_run(run_sum<int32_t>(inputs, n));
  fail("inputs are ", dtype_name(first.dtype), "; int32 or float32 expected");
}

void prepare_zeros_like(PrepareContext& ctx) {
  ctx.expect_inputs(1, 1);
  ctx.expect_outputs(1);
  const TensorInfo& x = ctx.input(0);
  check(x.dtype == DType::int32 || x.dtype == DType::int64 || x.dtype == DType::float32, "input is ",
        dtype_name(x.dtype), "; int32, int64 or float32 expected");
  expect_output_like(ctx, x);
  ctx.set_output_shape(0, x.shape);
  ctx.on_run([bytes = x.bytes()](RunContext& run) {
    if (bytes > 0) std::memset(run.output<char>(0), 0, bytes);
  });
}

}  // namespace sanderling
