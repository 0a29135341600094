// POW, ATAN2.
#include <cmath>

#include "ops/elementwise.h"
#include "quant/requantize.h"

namespace sanderling {
namespace {

float multiply(float a, float b) {
  const float most = std::numeric_limits<float>::max();
  return clamp_to(a * b, Range<float>{-most, most});
}
int32_t multiply(int32_t a, int32_t b) { return wrapping_mul(a, b); }

// base^exponent, exponent >= 1, by squaring, from the exponent's highest bit on: the reference's products in its order.
template <class T>
T whole_power(T base, int32_t exponent) {
  T result = base;
  for (int bit = 30 - __builtin_clz(static_cast<uint32_t>(exponent)); bit >= 0; --bit) {
    result = multiply(result, result);
    if (exponent >> bit & 1) result = multiply(base, result);
  }
  return result;
}

float power(float a, float b) { return std::pow(a, b); }
int32_t power(int32_t a, int32_t b) {
  const double y = std::pow(static_cast<double>(a), static_cast<double>(b));
  // What x86 makes of a double that is no int32.
  return std::fabs(y) < 2147483648.0 ? static_cast<int32_t>(y) : std::numeric_limits<int32_t>::min();
}

// The exponent if it is a whole number of 1 or more, or nearly, else 0.
int32_t whole_exponent(float b) {
  const float whole = std::round(b);
  return whole >= 1 && whole < 2147483648.0f && std::fabs(b - whole) < 1e-5f ? static_cast<int32_t>(whole) : 0;
}
int32_t whole_exponent(int32_t b) { return b >= 1 ? b : 0; }

template <class T>
void prepare_power(PrepareContext& ctx, const Broadcast& loops) {
  const int64_t exponents = ctx.input(1).shape.elements();
  // The reference takes products only where it broadcasts one exponent.
  const bool one_exponent = exponents == 1 && ctx.input(0).shape != ctx.input(1).shape;
  ctx.on_run([loops, exponents, one_exponent,
              general = run_binary<T>(loops, 30, [](T a, T b) { return power(a, b); })](RunContext& run) {
    const T* b = run.input<T>(1);
    if (std::is_integral<T>::value)
      for (int64_t i = 0; i < exponents; ++i)
        check(b[i] >= 0, "the exponent is ", b[i], "; negative exponents of int32 are not supported");
    const int32_t exponent = one_exponent ? whole_exponent(b[0]) : 0;
    if (exponent == 0) return general(run);
    const T* a = run.input<T>(0);
    T* out = run.output<T>(0);
    run.parallel_for(loops.elements(), 3, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) out[i] = whole_power(a[i], exponent);
    });
  });
}

}  // namespace

void prepare_pow(PrepareContext& ctx) {
  const Broadcast loops = prepare_binary(ctx);
  const DType type = ctx.input(0).dtype;
  expect_output_dtype(ctx, type);
  if (type == DType::float32) return prepare_power<float>(ctx, loops);
  if (type == DType::int32) return prepare_power<int32_t>(ctx, loops);
  fail("inputs are ", dtype_name(type), "; int32 or float32 expected");
}

void prepare_atan2(PrepareContext& ctx) {
  const Broadcast loops = prepare_binary(ctx);
  check(ctx.input(0).shape == ctx.input(1).shape, "input 0 is ", ctx.input(0).shape, " but input 1 is ",
        ctx.input(1).shape);
  const DType type = ctx.input(0).dtype;
  expect_output_dtype(ctx, type);
  if (type == DType::float32)
    return ctx.on_run(run_binary<float>(loops, 30, [](float y, float x) { return std::atan2(y, x); }));
  if (type == DType::float64)
    return ctx.on_run(run_binary<double>(loops, 60, [](double y, double x) { return std::atan2(y, x); }));
  fail("inputs are ", dtype_name(type), "; float32 or float64 expected");
}

}  // namespace sanderling
