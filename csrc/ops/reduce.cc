// REDUCE_MAX, REDUCE_MIN, REDUCE_PROD, REDUCE_ANY, REDUCE_ALL.
#include "ops/reduce.h"

#include <cmath>
#include <limits>

#include "quant/requantize.h"

namespace sanderling {
namespace {

constexpr const char* kPlainTypes = "float32, int8, uint8, int16, int32, int64 or bool expected";

// Values pass through unchanged, so that input and output must be quantized alike.
void check_same_quantization(PrepareContext& ctx) {
  const TensorInfo &x = ctx.input(0), &y = ctx.output(0);
  if (!is_quantized_int(x.dtype)) return;
  float from = x.quantized() ? x.scale() : 0, to = y.quantized() ? y.scale() : 0;
  int32_t from_zero = x.quantized() ? x.zero_point() : 0, to_zero = y.quantized() ? y.zero_point() : 0;
  check(from == to && from_zero == to_zero, "input has scale ", from, " and zero point ", from_zero, " but output has ",
        to, " and ", to_zero, "; the same expected");
}

// Over the whole tensor the reference starts from the first element instead (infinities, NaN).
template <bool largest>
void extreme_of_all(PrepareContext& ctx, const Reduction& r) {
  ctx.set_output_shape(0, r.output);
  ctx.on_run([n = r.count](RunContext& run) {
    const float* in = run.input<float>(0);
    float best = in[0];
    for (int64_t i = 1; i < n; ++i) best = (largest ? in[i] > best : in[i] < best) ? in[i] : best;
    run.output<float>(0)[0] = best;
  });
}

template <bool largest, class T>
void extreme_of(PrepareContext& ctx, const Reduction& r) {
  using Limits = std::numeric_limits<T>;
  T start = largest ? Limits::lowest() : Limits::max();
  if (std::is_floating_point_v<T> && r.all && r.count > 0) return extreme_of_all<largest>(ctx, r);
  run_plain_reduction<T>(ctx, r, start, [](T a, T x) { return (largest ? x > a : x < a) ? x : a; });
}

template <bool largest>
void prepare_extreme(PrepareContext& ctx) {
  Reduction r = prepare_reduction(ctx);
  check_same_quantization(ctx);
  switch (ctx.input(0).dtype) {
    case DType::float32: return extreme_of<largest, float>(ctx, r);
    case DType::int8: return extreme_of<largest, int8_t>(ctx, r);
    case DType::uint8: return extreme_of<largest, uint8_t>(ctx, r);
    case DType::int16: return extreme_of<largest, int16_t>(ctx, r);
    case DType::int32: return extreme_of<largest, int32_t>(ctx, r);
    case DType::int64: return extreme_of<largest, int64_t>(ctx, r);
    case DType::boolean: return largest ? any_of(ctx, r) : all_of(ctx, r);
    default: fail("input is ", dtype_name(ctx.input(0).dtype), "; ", kPlainTypes);
  }
}

template <class T>
void product_of(PrepareContext& ctx, const Reduction& r) {
  run_plain_reduction<T>(ctx, r, T(1), [](T a, T x) { return wrap_mul(a, x); });
}

// Each factor is rescaled so that the accumulator keeps the output's scale in the end.
template <class T>
void rescaled_product(PrepareContext& ctx, const Reduction& r) {
  const TensorInfo &x = ctx.input(0), &y = ctx.output(0);
  double root = std::pow(static_cast<double>(y.scale()), 1.0 / static_cast<double>(std::max<int64_t>(1, r.count)));
  Multiplier m = quantize_multiplier(static_cast<double>(x.scale()) / root);
  int32_t x_zero = x.zero_point(), y_zero = y.zero_point();
  constexpr int64_t kNothingYet = std::numeric_limits<int64_t>::min();
  run_reduction<int64_t, T, T>(
      ctx, r, kNothingYet, T(0), 3,
      [=](int64_t a, T value) {
        int64_t factor = value - x_zero;
        return a == kNothingYet ? factor : int64_t{requantize(a * factor, m)};
      },
      [=](const int64_t* acc, int64_t n, T* out) {
        for (int64_t i = 0; i < n; ++i) {
          int32_t q = wrapping_add(requantize(acc[i], m), y_zero);
          out[i] = static_cast<T>(clamp(q, std::numeric_limits<T>::min(), std::numeric_limits<T>::max()));
        }
      });
}

Reduction prepare_logical(PrepareContext& ctx) {
  Reduction r = prepare_reduction(ctx);
  check(ctx.input(0).dtype == DType::boolean, "input is ", dtype_name(ctx.input(0).dtype), "; bool expected");
  return r;
}

}  // namespace

Reduction prepare_reduction(PrepareContext& ctx) {
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

void any_of(PrepareContext& ctx, const Reduction& r) {
  run_plain_reduction<uint8_t>(ctx, r, 0, [](uint8_t a, uint8_t x) { return static_cast<uint8_t>((a | x) != 0); });
}

void all_of(PrepareContext& ctx, const Reduction& r) {
  run_plain_reduction<uint8_t>(ctx, r, 1,
                               [](uint8_t a, uint8_t x) { return static_cast<uint8_t>((a != 0) & (x != 0)); });
}

void prepare_reduce_max(PrepareContext& ctx) { prepare_extreme<true>(ctx); }
void prepare_reduce_min(PrepareContext& ctx) { prepare_extreme<false>(ctx); }
void prepare_reduce_any(PrepareContext& ctx) { any_of(ctx, prepare_logical(ctx)); }
void prepare_reduce_all(PrepareContext& ctx) { all_of(ctx, prepare_logical(ctx)); }

void prepare_reduce_prod(PrepareContext& ctx) {
  Reduction r = prepare_reduction(ctx);
  const TensorInfo& x = ctx.input(0);
  if (x.quantized()) {
    if (x.dtype == DType::int8) return rescaled_product<int8_t>(ctx, r);
    if (x.dtype == DType::int16) return rescaled_product<int16_t>(ctx, r);
    fail("quantized input is ", dtype_name(x.dtype), "; int8 or int16 expected");
  }
  check_same_quantization(ctx);
  switch (x.dtype) {
    case DType::float32: return product_of<float>(ctx, r);
    case DType::int8: return product_of<int8_t>(ctx, r);
    case DType::uint8: return product_of<uint8_t>(ctx, r);
    case DType::int16: return product_of<int16_t>(ctx, r);
    case DType::int32: return product_of<int32_t>(ctx, r);
    case DType::int64: return product_of<int64_t>(ctx, r);
    case DType::boolean: return all_of(ctx, r);
    default: fail("input is ", dtype_name(x.dtype), "; ", kPlainTypes);
  }
}

}  // namespace sanderling
