// MEAN and SUM of numbers and of quantized values.
#include <algorithm>
#include <limits>

#include "ops/reduce.h"
#include "quant/requantize.h"

namespace sanderling {
namespace {

// MEAN in plain numbers; Acc: float, or int64 for integers (division truncates).
template <class T, class Acc>
void mean_of(PrepareContext& ctx, const Reduction& r) {
  Acc count = static_cast<Acc>(r.count);
  run_reduction<Acc, T, T>(
      ctx, r, Acc(0), std::numeric_limits<T>::quiet_NaN(), 0.5,
      [](Acc a, T x) { return wrap_add<Acc>(a, static_cast<Acc>(x)); },
      [count](const Acc* acc, int64_t n, T* out) {
        for (int64_t i = 0; i < n; ++i) out[i] = static_cast<T>(acc[i] / count);
      });
}

// Sums as int32 and one rescaling. A mean folds 1 / count into the multiplier, truncating it.
template <class T>
void rescaled_sum(PrepareContext& ctx, const Reduction& r, int32_t zero_point, bool mean) {
  const TensorInfo &x = ctx.input(0), &y = ctx.output(0);
  Multiplier m = quantize_multiplier(static_cast<double>(x.scale()) / static_cast<double>(y.scale()));
  if (mean && r.count > 0) {
    int shift = 0;
    while (shift < 32 && r.count >> (shift + 1) > 0) ++shift;
    shift = std::min(shift, 31 + m.shift);
    m.multiplier = static_cast<int32_t>((static_cast<int64_t>(m.multiplier) << shift) / r.count);
    m.shift -= shift;
  }
  int32_t offset = static_cast<int32_t>(x.zero_point() * r.count);
  run_reduction<int32_t, T, T>(
      ctx, r, 0, T(0), 0.3, [](int32_t a, T x) { return wrapping_add(a, x); },
      [=](const int32_t* acc, int64_t n, T* out) {
        for (int64_t i = 0; i < n; ++i) {
          int32_t q = wrapping_add(requantize(wrapping_sub(acc[i], offset), m), zero_point);
          out[i] = static_cast<T>(clamp(q, std::numeric_limits<T>::min(), std::numeric_limits<T>::max()));
        }
      });
}

}  // namespace

void prepare_mean(PrepareContext& ctx) {
  Reduction r = prepare_reduction(ctx);
  int32_t zero_point = is_quantized_int(ctx.output(0).dtype) ? ctx.output(0).zero_point() : 0;
  switch (ctx.input(0).dtype) {
    case DType::float32: return mean_of<float, float>(ctx, r);
    case DType::int32: return mean_of<int32_t, int64_t>(ctx, r);
    case DType::int64: return mean_of<int64_t, int64_t>(ctx, r);
    case DType::int8: return rescaled_sum<int8_t>(ctx, r, zero_point, true);
    case DType::uint8: return rescaled_sum<uint8_t>(ctx, r, zero_point, true);
    case DType::int16: return rescaled_sum<int16_t>(ctx, r, zero_point, true);
    default:
      fail("input is ", dtype_name(ctx.input(0).dtype), "; float32, int8, uint8, int16, int32 or int64 expected");
  }
}

void prepare_sum(PrepareContext& ctx) {
  Reduction r = prepare_reduction(ctx);
  int32_t zero_point = is_quantized_int(ctx.output(0).dtype) ? ctx.output(0).zero_point() : 0;
  switch (ctx.input(0).dtype) {
    case DType::float32: return sum_of<float>(ctx, r);
    case DType::int32: return sum_of<int32_t>(ctx, r);
    case DType::int64: return sum_of<int64_t>(ctx, r);
    case DType::boolean: return any_of(ctx, r);
    // The reference kernel takes the bytes of int8 as uint8, with the zero points of int8.
    case DType::int8:
    case DType::uint8: return rescaled_sum<uint8_t>(ctx, r, zero_point, false);
    case DType::int16: return rescaled_sum<int16_t>(ctx, r, zero_point, false);
    default:
      fail("input is ", dtype_name(ctx.input(0).dtype), "; float32, int8, uint8, int16, int32, int64 or bool expected");
  }
}

}  // namespace sanderling
