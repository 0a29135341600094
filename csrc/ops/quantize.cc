// QUANTIZE: float to integers, and integers from one quantization to another.
#include <type_traits>

#include "kernels/quantize_q8/quantize_q8.h"
#include "ops/lookup_table.h"
#include "ops/unary.h"
#include "quant/requantize.h"
#include "quant/round_quotient.h"

namespace sanderling {
namespace {

// x / scale to nearest, half away from zero, plus zero_point, saturated.
template <class T>
auto row_quantizer(PrepareContext& ctx) {
  if constexpr (sizeof(T) == 1) {
    constexpr int32_t flip = std::is_signed_v<T> ? 0 : 128;
    const FunctionRow<QuantizeQ8Kernel>& kernel = choose_quantize_q8(ctx.isa());
    ctx.set_kernel(kernel.isa, kernel.name);
    return [quantize = kernel.run](const float* x, T* out, int64_t n, float scale, int32_t zero_point) {
      quantize(x, n, scale, zero_point - flip, static_cast<uint8_t>(flip), reinterpret_cast<uint8_t*>(out));
    };
  } else {
    return [](const float* x, T* __restrict out, int64_t n, float scale, int32_t zero_point) {
      constexpr int32_t low = std::numeric_limits<T>::min(), high = std::numeric_limits<T>::max();
      for (int64_t i = 0; i < n; ++i)
        out[i] = static_cast<T>(clamp(round_quotient(x[i], scale) + zero_point, low, high));
    };
  }
}

// The quantization of a tensor along its axis, as loops: outer x channels x inner.
struct Channels {
  int64_t channels, inner;
  std::vector<float> scale;
  std::vector<int32_t> zero_point;
};

Channels channels_of(const TensorInfo& t, const Shape& shape) {
  const Quantization& q = t.quantization;
  int64_t channels = static_cast<int64_t>(q.scale.size());
  check(q.axis >= 0 && q.axis < shape.rank() && shape[q.axis] == channels, "tensor '", t.name, "' has ", channels,
        " scales along axis ", q.axis, ", but shape ", shape);
  return {channels, shape.elements(q.axis + 1, shape.rank()), q.scale.vector(), q.zero_point.vector()};
}

template <class T>
void prepare_from_float(PrepareContext& ctx) {
  const TensorInfo &x = ctx.input(0), &y = ctx.output(0);
  const auto row_of = row_quantizer<T>(ctx);
  if (y.quantization.scale.size() <= 1) {
    float scale = y.scale();
    int32_t zero_point = y.zero_point();
    return run_unary_rows(ctx, 1.0, sizeof(float), sizeof(T), [=](const void* from, void* to, int64_t count) {
      row_of(static_cast<const float*>(from), static_cast<T*>(to), count, scale, zero_point);
    });
  }
  Channels c = channels_of(y, x.shape);
  int64_t rows = c.inner > 0 ? x.shape.elements() / c.inner : 0;
  ctx.on_run([c, rows, row_of](RunContext& run) {
    const float* from = run.input<float>(0);
    T* to = run.output<T>(0);
    run.parallel_for(rows, 2.0 * static_cast<double>(c.inner), [&](int64_t begin, int64_t end, int) {
      for (int64_t row = begin; row < end; ++row) {
        size_t k = static_cast<size_t>(row % c.channels);
        row_of(from + row * c.inner, to + row * c.inner, c.inner, c.scale[k], c.zero_point[k]);
      }
    });
  });
}

template <class In, class Out>
void prepare_wide(PrepareContext& ctx, Multiplier m, int32_t in_zero, int32_t out_zero) {
  constexpr int32_t low = std::numeric_limits<Out>::min(), high = std::numeric_limits<Out>::max();
  run_unary<In, Out>(ctx, 2.0, [=](In x) {
    int32_t y = wrapping_add(requantize(wrapping_sub(x, in_zero), m), out_zero);
    return static_cast<Out>(clamp(y, low, high));
  });
}

// 8 bits to 16 through a table.
void prepare_widening(PrepareContext& ctx, DType in, Multiplier m, int32_t in_zero, int32_t out_zero) {
  std::array<int16_t, 256> table;
  Range<int32_t> from = dtype_range(in);
  for (int32_t q = from.low; q <= from.high; ++q)
    table[static_cast<uint8_t>(q)] =
        static_cast<int16_t>(clamp(wrapping_add(requantize(q - in_zero, m), out_zero), -32768, 32767));
  run_unary<uint8_t, int16_t>(ctx, 0.7, [table](uint8_t x) { return table[x]; });
}

[[noreturn]] void fail_pair(DType in, DType out) {
  fail("from ", dtype_name(in), " to ", dtype_name(out),
       " is not supported; float32 to int8, uint8 or int16, int8 or uint8 to int8, uint8 or int16, int16 to int8, "
       "int16 or int32, int32 to int8 or int16 expected");
}

}  // namespace

void prepare_quantize(PrepareContext& ctx) {
  const TensorInfo& x = prepare_unary(ctx);
  const TensorInfo& y = ctx.output(0);
  const DType in = x.dtype, out = y.dtype;
  if (in == DType::float32) {
    switch (out) {
      case DType::int8: return prepare_from_float<int8_t>(ctx);
      case DType::uint8: return prepare_from_float<uint8_t>(ctx);
      case DType::int16: return prepare_from_float<int16_t>(ctx);
      default: fail_pair(in, out);
    }
  }
  const bool eight = in == DType::int8 || in == DType::uint8;
  if (!eight && in != DType::int16 && in != DType::int32) fail_pair(in, out);
  const Multiplier m = quantize_multiplier(static_cast<double>(x.scale()) / static_cast<double>(y.scale()));
  const int32_t in_zero = x.zero_point(), out_zero = y.zero_point();
  if (eight) {
    if (out == DType::int8 || out == DType::uint8)
      return run_table8(
          ctx, make_table8(in, out, [&](int32_t q) { return int64_t{requantize(q - in_zero, m)} + out_zero; }));
    if (out == DType::int16) return prepare_widening(ctx, in, m, in_zero, out_zero);
    fail_pair(in, out);
  }
  if (in == DType::int16) {
    switch (out) {
      case DType::int8: return prepare_wide<int16_t, int8_t>(ctx, m, in_zero, out_zero);
      case DType::int16: return prepare_wide<int16_t, int16_t>(ctx, m, in_zero, out_zero);
      case DType::int32: return prepare_wide<int16_t, int32_t>(ctx, m, in_zero, out_zero);
      default: fail_pair(in, out);
    }
  }
  switch (out) {
    case DType::int8: return prepare_wide<int32_t, int8_t>(ctx, m, in_zero, out_zero);
    case DType::int16: return prepare_wide<int32_t, int16_t>(ctx, m, in_zero, out_zero);
    default: fail_pair(in, out);
  }
}

}  // namespace sanderling
