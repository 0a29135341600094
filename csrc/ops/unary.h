// Operators with one operand, element by element: what they share.
#pragma once

#include <initializer_list>
#include <utility>

#include "base/float16.h"
#include "ops/op.h"

namespace sanderling {

// One operand, one result of the same shape; returns the operand.
inline const TensorInfo& prepare_unary(PrepareContext& ctx) {
  ctx.expect_inputs(1, 1);
  ctx.expect_outputs(1);
  const TensorInfo& x = ctx.input(0);
  ctx.set_output_shape(0, x.shape);
  return x;
}

inline void expect_same_dtype(PrepareContext& ctx) {
  DType x = ctx.input(0).dtype, y = ctx.output(0).dtype;
  check(x == y, "input is ", dtype_name(x), " but output is ", dtype_name(y));
}

[[noreturn]] inline void fail_dtype(DType t, const char* supported) {
  fail("input is ", dtype_name(t), "; ", supported, " expected");
}

// out[i] = f(x[i]). Not inlined: the run function would have the loop twice, for one thread and for several.
template <class T, class Out, class F>
__attribute__((noinline)) void unary_loop(const T* x, Out* __restrict out, int64_t n, const F& f) {
  const F g = f;
  for (int64_t i = 0; i < n; ++i) out[i] = g(x[i]);
}

// The run function of out[i] = f(x[i]); `cost`: nanoseconds of one element.
template <class T, class Out = T, class F>
RunFunction unary_function(PrepareContext& ctx, double cost, F f) {
  int64_t n = ctx.input(0).shape.elements();
  return [n, cost, f = std::move(f)](RunContext& run) {
    const T* x = run.input<T>(0);
    Out* out = run.output<Out>(0);
    run.parallel_for(n, cost,
                     [&](int64_t begin, int64_t end, int) { unary_loop(x + begin, out + begin, end - begin, f); });
  };
}

// The work by rows of run(x, out, n), which is elementwise, where the operand is a picture; `cost` as above.
template <class T, class Out, class Run>
void offer_unary_rows(PrepareContext& ctx, double cost, Run run) {
  const Shape& shape = ctx.input(0).shape;
  if (shape.rank() != 4 || shape[0] != 1 || shape.elements() == 0) return;
  const int64_t row = shape.elements(2, 4);
  RowWork rows;
  rows.in_rows = rows.out_rows = shape[1];
  rows.cost = cost * static_cast<double>(row);
  rows.inputs = {0};
  rows.run = [row, run = std::move(run)](const RunContext&, int, const void* in, void* out, int64_t begin, int64_t end,
                                         int) {
    run(static_cast<const T*>(in) + begin * row, static_cast<Out*>(out) + begin * row, (end - begin) * row);
  };
  ctx.on_rows(std::move(rows));
}

// Both.
template <class T, class Out = T, class F>
void run_unary(PrepareContext& ctx, double cost, F f) {
  ctx.on_run(unary_function<T, Out>(ctx, cost, f));
  offer_unary_rows<T, Out>(ctx, cost,
                           [f = std::move(f)](const T* x, Out* out, int64_t n) { unary_loop(x, out, n, f); });
}

// The same for float16: computed in float.
template <class F>
void run_unary_half(PrepareContext& ctx, double cost, F f) {
  run_unary<uint16_t>(ctx, cost, [f = std::move(f)](uint16_t x) { return float_to_half(f(half_to_float(x))); });
}

}  // namespace sanderling
