// EXP, LOG, SQRT, RSQRT, SQUARE, SIN and COS.
#include <cmath>

#include "ops/lookup_table.h"
#include "ops/unary.h"
#include "quant/inverse_sqrt.h"
#include "quant/requantize.h"

namespace sanderling {
namespace {

[[noreturn]] void fail_quantizable(DType t) { fail_dtype(t, "float32, int8 or int16"); }

// A real function of int8 or int16 values.
template <class F>
void prepare_table(PrepareContext& ctx, const F& f) {
  const TensorInfo &x = ctx.input(0), &y = ctx.output(0);
  if (x.dtype == DType::int8) return run_table8(ctx, make_real_table8(x, y, f));
  if (x.dtype != DType::int16) fail_quantizable(x.dtype);
  run_table16(ctx, Table16::make<float>(x.scale(), x.zero_point(), y.scale(), y.zero_point(), f));
}

// `run` after making sure that no value is below `lowest`: roots of negative numbers are errors, as in the reference.
template <class T>
RunFunction with_domain(PrepareContext& ctx, int32_t lowest, RunFunction run) {
  int64_t n = ctx.input(0).shape.elements();
  return [n, lowest, run = std::move(run)](RunContext& context) {
    const T* x = context.input<T>(0);
    T least = std::numeric_limits<T>::max();
    for (int64_t i = 0; i < n; ++i) least = x[i] < least ? x[i] : least;
    check(n == 0 || least >= lowest, "input has value ", static_cast<int>(least), ", a negative number at zero point ",
          lowest, "; 0 or more expected");
    run(context);
  };
}

void prepare_float(PrepareContext& ctx, double cost, float (*f)(float)) {
  const TensorInfo& x = prepare_unary(ctx);
  expect_same_dtype(ctx);
  switch (x.dtype) {
    case DType::float32: return run_unary<float>(ctx, cost, f);
    case DType::float16: return run_unary_half(ctx, cost + 2, f);
    default: fail_dtype(x.dtype, "float32 or float16");
  }
}

// 1 / sqrt of the value of q > 0 steps, in steps of the output: `m` is one output step for one input step.
int32_t rsqrt_steps(int32_t q, Multiplier m) {
  constexpr int kShift = 20;  // keeps the intermediate value an integer
  Multiplier root = inverse_sqrt_multiplier(q);
  root.shift += kShift;
  m.shift -= kShift;
  return m.shift < -31 ? 0 : requantize(requantize(1, root), m);
}

}  // namespace

void prepare_exp(PrepareContext& ctx) {
  const TensorInfo& x = prepare_unary(ctx);
  expect_same_dtype(ctx);
  auto f = [](float v) { return std::exp(v); };
  if (x.dtype == DType::float32) return run_unary<float>(ctx, 6, f);
  prepare_table(ctx, f);
}

void prepare_log(PrepareContext& ctx) {
  const TensorInfo& x = prepare_unary(ctx);
  expect_same_dtype(ctx);
  if (x.dtype == DType::float32) return run_unary<float>(ctx, 6, [](float v) { return std::log(v); });
  if (x.dtype != DType::int8 && x.dtype != DType::int16) fail_quantizable(x.dtype);
  const TensorInfo& y = ctx.output(0);
  const float lowest = static_cast<float>(dtype_range(y.dtype).low - y.zero_point()) * y.scale();
  prepare_table(ctx, [lowest](float v) { return v <= 0.0f ? lowest : std::log(v); });
}

void prepare_sqrt(PrepareContext& ctx) {
  const TensorInfo& x = prepare_unary(ctx);
  expect_same_dtype(ctx);
  if (x.dtype == DType::float32) return run_unary<float>(ctx, 2, [](float v) { return std::sqrt(v); });
  if (x.dtype != DType::int8 && x.dtype != DType::int16) fail_quantizable(x.dtype);
  const TensorInfo& y = ctx.output(0);
  const float in_scale = x.scale(), out_scale = y.scale();
  const int32_t in_zero = x.zero_point(), out_zero = y.zero_point();
  const Range<int32_t> all = dtype_range(y.dtype);
  auto f = [=](int32_t q) {
    float root = std::sqrt(in_scale * static_cast<float>(q - in_zero));
    int64_t steps = saturate_cast<int32_t>(root / out_scale);  // towards zero, as the reference
    return static_cast<int32_t>(std::min<int64_t>(std::max<int64_t>(steps + out_zero, all.low), all.high));
  };
  if (x.dtype == DType::int8)
    return ctx.on_run(with_domain<int8_t>(ctx, in_zero, table8_function(ctx, make_table8(x.dtype, y.dtype, f))));
  ctx.on_run(with_domain<int16_t>(
      ctx, in_zero, unary_function<int16_t>(ctx, 4, [f](int16_t q) { return static_cast<int16_t>(f(q)); })));
}

void prepare_rsqrt(PrepareContext& ctx) {
  const TensorInfo& x = prepare_unary(ctx);
  expect_same_dtype(ctx);
  if (x.dtype == DType::float32) return run_unary<float>(ctx, 3, [](float v) { return 1.0f / std::sqrt(v); });
  if (x.dtype != DType::int8 && x.dtype != DType::int16) fail_quantizable(x.dtype);
  const TensorInfo& y = ctx.output(0);
  const float in_scale = x.scale(), out_scale = y.scale();
  const int32_t in_zero = x.zero_point(), out_zero = y.zero_point();
  if (x.dtype == DType::int8) {
    const Multiplier m = quantize_multiplier(1.0 / static_cast<double>(std::sqrt(in_scale) * out_scale));
    Table8 table = make_table8(x.dtype, y.dtype, [&](int32_t q) {
      return q <= in_zero ? 127 : wrapping_add(rsqrt_steps(q - in_zero, m), out_zero);
    });
    return ctx.on_run(with_domain<int8_t>(ctx, in_zero, table8_function(ctx, table)));
  }
  Table16 table = Table16::make<float>(in_scale, in_zero, out_scale, out_zero, [out_scale](float v) {
    return v <= 0.0f ? 32767 * out_scale : 1.0f / std::sqrt(v);
  });
  ctx.on_run(with_domain<int16_t>(ctx, in_zero, table16_function(ctx, table)));
}

void prepare_square(PrepareContext& ctx) {
  const TensorInfo& x = prepare_unary(ctx);
  expect_same_dtype(ctx);
  if (x.dtype != DType::float32) fail_dtype(x.dtype, "float32");
  run_unary<float>(ctx, 0.3, [](float v) { return v * v; });
}

void prepare_sin(PrepareContext& ctx) {
  prepare_float(ctx, 8, [](float v) { return std::sin(v); });
}

void prepare_cos(PrepareContext& ctx) {
  prepare_float(ctx, 8, [](float v) { return std::cos(v); });
}

}  // namespace sanderling
