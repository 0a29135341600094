// Elementwise operators with two operands: what they share.
#pragma once

#include <cstring>
#include <utility>

#include "ops/activation.h"
#include "ops/broadcast.h"
#include "ops/op.h"

namespace sanderling {

// Checks of a node with two operands of one dtype, and the shape of its output.
inline Broadcast prepare_binary(PrepareContext& ctx) {
  ctx.expect_inputs(2, 2);
  ctx.expect_outputs(1);
  const TensorInfo &a = ctx.input(0), &b = ctx.input(1);
  check(a.dtype == b.dtype, "input 0 is ", dtype_name(a.dtype), " but input 1 is ", dtype_name(b.dtype));
  Shape shape = broadcast_shape({a.shape, b.shape});
  ctx.set_output_shape(0, shape);
  return Broadcast(shape, {a.shape, b.shape});
}

inline void expect_output_dtype(PrepareContext& ctx, DType wanted) {
  DType t = ctx.output(0).dtype;
  check(t == wanted, "output is ", dtype_name(t), "; ", dtype_name(wanted), " expected");
}

// out[i] = f(a[i], b[i]) for a row in which each operand moves on (step 1) or stays (step 0).
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

// The run function of out = f(a, b); `cost`: nanoseconds of one element.
template <class T, class Out = T, class F>
RunFunction run_binary(const Broadcast& loops, double cost, F f) {
  return [loops, cost, f = std::move(f)](RunContext& run) {
    const T* a = run.input<T>(0);
    const T* b = run.input<T>(1);
    Out* out = run.output<Out>(0);
    run.parallel_for(loops.elements(), cost, [&](int64_t begin, int64_t end, int) {
      loops.walk(begin, end, [&](int64_t to, const int64_t* from, int64_t n) {
        binary_row(a + from[0], loops.step(0), b + from[1], loops.step(1), out + to, n, f);
      });
    });
  };
}

// The work by rows of f(a, b, out, n) on n elements, where operands are pictures of one shape.
template <class T, class F>
void offer_binary_rows(PrepareContext& ctx, double cost, F f) {
  const Shape& shape = ctx.input(0).shape;
  if (shape != ctx.input(1).shape || shape.rank() != 4 || shape[0] != 1 || shape.elements() == 0) return;
  const int64_t row = shape.elements(2, 4);
  RowWork rows;
  rows.in_rows = rows.out_rows = shape[1];
  rows.cost = cost * static_cast<double>(row);
  rows.inputs = {0, 1};
  rows.run = [row, f = std::move(f)](const RunContext& run, int input, const void* in, void* out, int64_t begin,
                                     int64_t end, int) {
    const T* x[2] = {run.input<T>(0), run.input<T>(1)};
    x[input] = static_cast<const T*>(in);
    f(x[0] + begin * row, x[1] + begin * row, static_cast<T*>(out) + begin * row, (end - begin) * row);
  };
  ctx.on_rows(std::move(rows));
}

// Elements of operand k for the output's elements from `begin` on.
inline void expand_bytes(const Broadcast& loops, int k, const uint8_t* x, int64_t begin, int64_t n, uint8_t* out) {
  loops.walk(begin, begin + n, [&](int64_t to, const int64_t* from, int64_t count) {
    if (loops.step(k))
      std::memcpy(out + (to - begin), x + from[k], static_cast<size_t>(count));
    else
      std::memset(out + (to - begin), x[from[k]], static_cast<size_t>(count));
  });
}

// The same of 8-bit values for f(a, step_a, b, step_b, out, n), which is meant for long rows: where the loops have
// short ones, operands are laid out as the output is, part by part.
template <class F>
RunFunction run_binary_bytes(PrepareContext& ctx, const Broadcast& loops, double cost, F f) {
  constexpr int64_t kShort = 64, kPart = 2048;
  if (loops.row() >= kShort || loops.row() >= loops.elements()) {
    return [loops, cost, f = std::move(f)](RunContext& run) {
      const uint8_t *a = run.input<uint8_t>(0), *b = run.input<uint8_t>(1);
      uint8_t* out = run.output<uint8_t>(0);
      run.parallel_for(loops.elements(), cost, [&](int64_t begin, int64_t end, int) {
        loops.walk(begin, end, [&](int64_t to, const int64_t* from, int64_t n) {
          f(a + from[0], loops.step(0), b + from[1], loops.step(1), out + to, n);
        });
      });
    };
  }
  const int64_t part = kPart / loops.row() * loops.row();
  const int parts = ctx.scratch(static_cast<size_t>(2 * kPart * ctx.threads()));
  return [loops, cost, part, parts, f = std::move(f)](RunContext& run) {
    const uint8_t* inputs[2] = {run.input<uint8_t>(0), run.input<uint8_t>(1)};
    uint8_t* out = run.output<uint8_t>(0);
    run.parallel_for(loops.elements(), cost, [&](int64_t begin, int64_t end, int thread) {
      for (int64_t at = begin; at < end; at += part) {
        const int64_t n = end - at < part ? end - at : part;
        const uint8_t* rows[2];
        for (int k = 0; k < 2; ++k) {
          uint8_t* own = run.scratch<uint8_t>(parts) + (2 * thread + k) * kPart;
          rows[k] = loops.contiguous(k) ? inputs[k] + at : own;
          // Every part is whole rows long: what repeats, repeats in all of them alike.
          if (rows[k] == own && (at == begin || !loops.repeats(k))) expand_bytes(loops, k, inputs[k], at, n, own);
        }
        f(rows[0], 1, rows[1], 1, out + at, n);
      }
    });
  };
}

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
