// Operators with one operand, element by element: what they share.
#pragma once

#include <initializer_list>
#include <utility>

#include "base/float16.h"
#include "ops/op.h"

namespace sanderling {

// One operand, one result of the same shape; returns the operand.
const TensorInfo& prepare_unary(PrepareContext&);
void expect_same_dtype(PrepareContext&);
[[noreturn]] void fail_dtype(DType, const char* supported);

// n elements of x. All but this loop is one function for all types.
using UnaryRow = Function<void(const void* x, void* out, int64_t n)>;

// out[i] = f(x[i]).
template <class T, class Out = T, class F>
UnaryRow unary_row_of(F f) {
  return [f = std::move(f)](const void* from, void* to, int64_t n) {
    const F g = f;
    const T* x = static_cast<const T*>(from);
    Out* __restrict out = static_cast<Out*>(to);
    for (int64_t i = 0; i < n; ++i) out[i] = g(x[i]);
  };
}

// The run function of `row` on elements of these sizes; `cost`: nanoseconds of one element.
RunFunction unary_rows_function(PrepareContext&, double cost, int64_t bytes, int64_t out_bytes, UnaryRow row);
// The work by rows, where the operand is a picture.
void offer_unary_rows(PrepareContext&, double cost, int64_t bytes, int64_t out_bytes, UnaryRow row);
// Both.
void run_unary_rows(PrepareContext&, double cost, int64_t bytes, int64_t out_bytes, UnaryRow row);

template <class T, class Out = T, class F>
RunFunction unary_function(PrepareContext& ctx, double cost, F f) {
  return unary_rows_function(ctx, cost, sizeof(T), sizeof(Out), unary_row_of<T, Out>(std::move(f)));
}

template <class T, class Out = T, class F>
void run_unary(PrepareContext& ctx, double cost, F f) {
  run_unary_rows(ctx, cost, sizeof(T), sizeof(Out), unary_row_of<T, Out>(std::move(f)));
}

// The same for float16: computed in float.
template <class F>
void run_unary_half(PrepareContext& ctx, double cost, F f) {
  run_unary<uint16_t>(ctx, cost, [f = std::move(f)](uint16_t x) { return float_to_half(f(half_to_float(x))); });
}

}  // namespace sanderling
