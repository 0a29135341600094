// ABS, NEG and SIGN.
#include <cmath>
#include <type_traits>

#include "ops/lookup_table.h"
#include "ops/unary.h"
#include "quant/requantize.h"

namespace sanderling {
namespace {

// -x; the lowest integer stays as it is.
template <class T>
T negate(T x) {
  if constexpr (std::is_integral_v<T>) {
    using Unsigned = std::make_unsigned_t<T>;
    return static_cast<T>(Unsigned{0} - static_cast<Unsigned>(x));
  } else {
    return -x;
  }
}

template <class T>
T sign(T x) {
  if (x > 0) return 1;
  if (x < 0) return -1;
  return x != x ? x : T{0};  // NaN stays
}

void prepare_quantized_abs(PrepareContext& ctx) {
  const TensorInfo &x = ctx.input(0), &y = ctx.output(0);
  const bool rescale = x.scale() != y.scale();
  const Multiplier m = quantize_multiplier(static_cast<double>(x.scale() / y.scale()));
  const int32_t in_zero = x.zero_point(), out_zero = y.zero_point();
  const Range<int32_t> all = dtype_range(y.dtype);
  auto f = [=](int32_t q) {
    int32_t value = std::abs(q - in_zero);
    return clamp(wrapping_add(rescale ? requantize(value, m) : value, out_zero), all.low, all.high);
  };
  if (x.dtype == DType::int8) return run_table8(ctx, make_table8(x.dtype, y.dtype, f));
  run_unary<int16_t>(ctx, 2, [f](int16_t q) { return static_cast<int16_t>(f(q)); });
}

}  // namespace

void prepare_abs(PrepareContext& ctx) {
  const TensorInfo& x = prepare_unary(ctx);
  expect_same_dtype(ctx);
  auto integer = [](auto v) { return v < 0 ? negate(v) : v; };
  switch (x.dtype) {
    case DType::float32: return run_unary<float>(ctx, 0.3, [](float v) { return std::fabs(v); });
    case DType::int32: return run_unary<int32_t>(ctx, 0.3, integer);
    case DType::int8: return prepare_quantized_abs(ctx);
    case DType::int16:
      if (x.quantized()) return prepare_quantized_abs(ctx);
      return run_unary<int16_t>(ctx, 0.3, integer);
    default: fail_dtype(x.dtype, "float32, int8, int16 or int32");
  }
}

void prepare_neg(PrepareContext& ctx) {
  const TensorInfo& x = prepare_unary(ctx);
  expect_same_dtype(ctx);
  switch (x.dtype) {
    case DType::float32: return run_unary<float>(ctx, 0.3, [](float v) { return negate(v); });
    case DType::float16:
      return run_unary<uint16_t>(ctx, 0.3, [](uint16_t v) { return static_cast<uint16_t>(v ^ 0x8000); });
    // Quantized or not: the reference negates the integers as they are.
    case DType::int8: return run_unary<int8_t>(ctx, 0.3, [](int8_t v) { return negate(v); });
    case DType::int16: return run_unary<int16_t>(ctx, 0.3, [](int16_t v) { return negate(v); });
    case DType::int32: return run_unary<int32_t>(ctx, 0.3, [](int32_t v) { return negate(v); });
    case DType::int64: return run_unary<int64_t>(ctx, 0.5, [](int64_t v) { return negate(v); });
    default: fail_dtype(x.dtype, "float32, float16, int8, int16, int32 or int64");
  }
}

void prepare_sign(PrepareContext& ctx) {
  const TensorInfo& x = prepare_unary(ctx);
  expect_same_dtype(ctx);
  switch (x.dtype) {
    case DType::float32: return run_unary<float>(ctx, 0.5, [](float v) { return sign(v); });
    case DType::float64: return run_unary<double>(ctx, 0.7, [](double v) { return sign(v); });
    case DType::int32: return run_unary<int32_t>(ctx, 0.5, [](int32_t v) { return sign(v); });
    default: fail_dtype(x.dtype, "float32, float64 or int32");
  }
}

}  // namespace sanderling
