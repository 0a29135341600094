// What the reducing operators (MEAN, SUM, REDUCE_*) share.
#pragma once

#include <type_traits>

#include "ops/reduction.h"

namespace sanderling {

// Sums and products that wrap, as the reference's hardware does.
template <class T>
T wrap_add(T a, T b) {
  if constexpr (std::is_floating_point_v<T>)
    return a + b;
  else
    return static_cast<T>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}
template <class T>
T wrap_mul(T a, T b) {
  if constexpr (std::is_floating_point_v<T>)
    return a * b;
  else
    return static_cast<T>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
}

// Checks the node's two inputs and types.
inline Reduction prepare_reduction(PrepareContext& ctx) {
  ctx.expect_inputs(2, 2);
  ctx.expect_outputs(1);
  const TensorInfo &x = ctx.input(0), &y = ctx.output(0);
  check(x.dtype == y.dtype, "input is ", dtype_name(x.dtype), " but output is ", dtype_name(y.dtype));
  if (x.dtype == DType::int16) {
    for (const TensorInfo* t : {&x, &y})
      check(!t->quantized() || t->zero_point() == 0, "the zero point of '", t->name, "' (int16) is ",
            t->quantized() ? t->zero_point() : 0, "; 0 expected");
  }
  return Reduction(x.shape, ctx.int_values(1), ctx.attributes().boolean("keep_dims"));
}

// out[i] = acc[i].
template <class T, class Next>
void run_plain_reduction(PrepareContext& ctx, const Reduction& r, T start, const Next& next) {
  run_reduction<T, T, T>(ctx, r, start, start, 0.5, next,
                         [](const T* acc, int64_t n, T* out) { std::copy(acc, acc + n, out); });
}

template <class T>
void sum_of(PrepareContext& ctx, const Reduction& r) {
  run_plain_reduction<T>(ctx, r, T(0), wrap_add<T>);
}

// Truth values, held as bytes (a damaged file may hold others than 0 and 1).
inline void any_of(PrepareContext& ctx, const Reduction& r) {
  run_plain_reduction<uint8_t>(ctx, r, 0, [](uint8_t a, uint8_t x) { return static_cast<uint8_t>((a | x) != 0); });
}
inline void all_of(PrepareContext& ctx, const Reduction& r) {
  run_plain_reduction<uint8_t>(ctx, r, 1,
                               [](uint8_t a, uint8_t x) { return static_cast<uint8_t>((a != 0) & (x != 0)); });
}

}  // namespace sanderling
