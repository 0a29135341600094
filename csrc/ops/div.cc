// DIV, FLOOR_DIV, FLOOR_MOD.
#include <cmath>

#include "ops/elementwise.h"
#include "quant/any_shift.h"
#include "quant/reciprocal.h"

namespace sanderling {
namespace {

template <class T>
void check_divisors(RunContext& run, int64_t n, T zero) {
  const T* b = run.input<T>(1);
  for (int64_t i = 0; i < n; ++i) check(b[i] != zero, "division by zero: element ", i, " of input 1 is 0");
}

// out = f(a, b), where no b may be `zero`.
template <class T, class F>
RunFunction run_division(PrepareContext& ctx, const Broadcast& loops, double cost, T zero, F f) {
  return [n = ctx.input(1).shape.elements(), zero, divide = run_binary<T>(loops, cost, f)](RunContext& run) {
    check_divisors(run, n, zero);
    divide(run);
  };
}

template <class T>
void prepare_quantized(PrepareContext& ctx, const Broadcast& loops, const std::string& activation) {
  const TensorInfo &a = ctx.input(0), &b = ctx.input(1), &y = ctx.output(0);
  check(b.quantization.scale.size() <= 1, "input 1 is quantized per channel; one scale expected");
  const Range<int32_t> range = quantized_activation_range(activation, y);
  const Multiplier m = quantize_multiplier(a.scale() / (b.scale() * y.scale()));
  const int32_t zero_a = a.zero_point(), zero_b = b.zero_point(), zero_y = y.zero_point();
  ctx.on_run(run_division<T>(ctx, loops, 40, static_cast<T>(zero_b), [=](T x1, T x2) {
    int32_t numerator = x1 - zero_a, divisor = x2 - zero_b;
    if (divisor < 0) {
      numerator = -numerator;
      divisor = -divisor;
    }
    const Reciprocal inverse = reciprocal(divisor);
    // The numerator goes to the top of its 32 bits.
    const uint32_t magnitude = static_cast<uint32_t>(numerator ^ (numerator >> 31));
    const int headroom = magnitude == 0 ? 31 : __builtin_clz(magnitude) - 1;
    const int32_t quotient = saturating_rounding_doubling_high_mul(shift_left(numerator, headroom), inverse.value);
    const int right = inverse.shift + headroom - m.shift;
    const int32_t scaled = divide_by_any_pot(saturating_rounding_doubling_high_mul(quotient, m.multiplier), right);
    return static_cast<T>(clamp(wrapping_add(scaled, zero_y), range.low, range.high));
  }));
}

template <class T>
T floor_divide(T a, T b) {
  if constexpr (std::is_floating_point<T>::value) {
    return static_cast<T>(std::floor(static_cast<double>(a) / static_cast<double>(b)));
  } else {
    const int64_t x = a, y = b;
    const int64_t q = x / y;
    return static_cast<T>(q - (x % y != 0 && (x < 0) != (y < 0) ? 1 : 0));
  }
}

template <class T>
T floor_modulo(T a, T b) {
  T rest;
  if constexpr (std::is_floating_point<T>::value)
    rest = std::fmod(a, b);
  else
    rest = b == -1 ? T{0} : static_cast<T>(a % b);  // The lowest value % -1 overflows.
  return rest != 0 && (b < 0) != (rest < 0) ? static_cast<T>(rest + b) : rest;
}

template <class T>
void prepare_floor_div_of(PrepareContext& ctx, const Broadcast& loops) {
  ctx.on_run(run_division<T>(ctx, loops, 5, T{0}, floor_divide<T>));
}

template <class T>
void prepare_floor_mod_of(PrepareContext& ctx, const Broadcast& loops) {
  if (std::is_floating_point<T>::value)
    ctx.on_run(run_binary<T>(loops, 10, floor_modulo<T>));
  else
    ctx.on_run(run_division<T>(ctx, loops, 5, T{0}, floor_modulo<T>));
}

}  // namespace

void prepare_div(PrepareContext& ctx) {
  const Broadcast loops = prepare_binary(ctx);
  const std::string activation = ctx.attributes().text("fused_activation_function");
  const DType type = ctx.input(0).dtype;
  expect_output_dtype(ctx, type);
  switch (type) {
    case DType::int8: return prepare_quantized<int8_t>(ctx, loops, activation);
    case DType::uint8: return prepare_quantized<uint8_t>(ctx, loops, activation);
    case DType::int16: return prepare_quantized<int16_t>(ctx, loops, activation);
    case DType::int32: {
      const Range<int32_t> range = plain_activation_range<int32_t>(activation);
      return ctx.on_run(run_division<int32_t>(ctx, loops, 2, 0, [range](int32_t a, int32_t b) {
        return clamp_to(b == -1 ? wrapping_sub(0, a) : a / b, range);
      }));
    }
    case DType::float32: {
      const Range<float> range = plain_activation_range<float>(activation);
      return ctx.on_run(run_binary<float>(loops, 1, [range](float a, float b) { return clamp_to(a / b, range); }));
    }
    default: fail("inputs are ", dtype_name(type), "; int8, uint8, int16, int32 or float32 expected");
  }
}

void prepare_floor_div(PrepareContext& ctx) {
  const Broadcast loops = prepare_binary(ctx);
  const DType type = ctx.input(0).dtype;
  expect_output_dtype(ctx, type);
  switch (type) {
    case DType::int8: return prepare_floor_div_of<int8_t>(ctx, loops);
    case DType::int16: return prepare_floor_div_of<int16_t>(ctx, loops);
    case DType::int32: return prepare_floor_div_of<int32_t>(ctx, loops);
    case DType::float32: return prepare_floor_div_of<float>(ctx, loops);
    default: fail("inputs are ", dtype_name(type), "; int8, int16, int32 or float32 expected");
  }
}

void prepare_floor_mod(PrepareContext& ctx) {
  const Broadcast loops = prepare_binary(ctx);
  const DType type = ctx.input(0).dtype;
  expect_output_dtype(ctx, type);
  switch (type) {
    case DType::int8: return prepare_floor_mod_of<int8_t>(ctx, loops);
    case DType::int16: return prepare_floor_mod_of<int16_t>(ctx, loops);
    case DType::int32: return prepare_floor_mod_of<int32_t>(ctx, loops);
    case DType::int64: return prepare_floor_mod_of<int64_t>(ctx, loops);
    case DType::float32: return prepare_floor_mod_of<float>(ctx, loops);
    default: fail("inputs are ", dtype_name(type), "; int8, int16, int32, int64 or float32 expected");
  }
}

}  // namespace sanderling
