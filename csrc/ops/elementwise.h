// Elementwise operators with two operands: what they share.
#pragma once

#include <limits>
#include <string>
#include <utility>

#include "ops/activation.h"
#include "ops/broadcast.h"
#include "ops/op.h"

namespace sanderling {

// Checks of a node with two operands of one dtype, and the shape of its output.
Broadcast prepare_binary(PrepareContext&);

void expect_output_dtype(PrepareContext&, DType wanted);

// A row of n elements, in which each operand moves on (step 1) or stays (step 0). The walk over rows is one function
// for all types: an operator's own code is its loops over a row.
using BinaryRow = Function<void(const void* a, int64_t step_a, const void* b, int64_t step_b, void* out, int64_t n)>;

// out[i] = f(a[i], b[i]) for a row.
template <class T, class Out, class F>
void binary_row(const T* a, int64_t step_a, const T* b, int64_t step_b, Out* __restrict out, int64_t n, const F& f) {
  if (step_a && step_b) {
    for (int64_t i = 0; i < n; ++i) out[i] = f(a[i], b[i]);
  } else if (step_a) {
    const T y = *b;
    for (int64_t i = 0; i < n; ++i) out[i] = f(a[i], y);
  } else {
    const T x = *a;
    for (int64_t i = 0; i < n; ++i) out[i] = f(x, b[i]);
  }
}

template <class T, class Out = T, class F>
BinaryRow binary_row_of(F f) {
  return [f = std::move(f)](const void* a, int64_t step_a, const void* b, int64_t step_b, void* out, int64_t n) {
    binary_row(static_cast<const T*>(a), step_a, static_cast<const T*>(b), step_b, static_cast<Out*>(out), n, f);
  };
}

// The run function of `row` on operands with elements of `bytes` and an output with elements of `out_bytes`.
RunFunction run_binary_rows(const Broadcast&, double cost, int64_t bytes, int64_t out_bytes, BinaryRow row);

// The run function of out = f(a, b); `cost`: nanoseconds of one element.
template <class T, class Out = T, class F>
RunFunction run_binary(const Broadcast& loops, double cost, F f) {
  return run_binary_rows(loops, cost, sizeof(T), sizeof(Out), binary_row_of<T, Out>(std::move(f)));
}

// The work by rows, where operands are pictures of one shape; `bytes`: of an element.
void offer_binary_rows(PrepareContext&, double cost, int64_t bytes, BinaryRow row);

// The run function for operands and an output of 8 bits, where `row` is meant for long rows: where the loops have
// short ones, operands are laid out as the output is, part by part.
RunFunction run_binary_bytes(PrepareContext&, const Broadcast&, double cost, BinaryRow row);

// The range of a fused activation in a type that is not quantized; in an unsigned type -1 wraps, as in the reference.
template <class T>
Range<T> plain_activation_range(const std::string& activation) {
  const Range<float> real = activation_range(activation);
  const T lowest = std::numeric_limits<T>::lowest(), most = std::numeric_limits<T>::max();
  if (activation == "NONE") return {lowest, most};
  const T low = static_cast<T>(static_cast<int>(real.low));
  return {low, activation == "RELU" ? most : static_cast<T>(real.high)};
}

template <class T>
T clamp_to(T x, Range<T> range) {
  x = x < range.low ? range.low : x;
  return range.high < x ? range.high : x;
}

}  // namespace sanderling
