// DEQUANTIZE: integers and half precision to float.
#include <type_traits>

#include "kernels/dequantize_q8/dequantize_q8.h"
#include "ops/unary.h"
#include "quant/requantize.h"

namespace sanderling {
namespace {

// scale * (x - zero_point). The reference multiplies in double, where the product is exact: float rounds it once, too.
template <class T>
auto row_dequantizer(PrepareContext& ctx) {
  if constexpr (sizeof(T) == 1) {
    constexpr int32_t flip = std::is_signed_v<T> ? 0 : 128;
    const FunctionRow<DequantizeQ8Kernel>& kernel = choose_dequantize_q8(ctx.isa());
    ctx.set_kernel(kernel.isa, kernel.name);
    return [dequantize = kernel.run](const T* x, float* out, int64_t n, float scale, int32_t zero_point) {
      dequantize(reinterpret_cast<const uint8_t*>(x), n, scale, zero_point - flip, static_cast<uint8_t>(flip), out);
    };
  } else {
    return [](const T* x, float* __restrict out, int64_t n, float scale, int32_t zero_point) {
      for (int64_t i = 0; i < n; ++i) out[i] = scale * static_cast<float>(wrapping_sub(x[i], zero_point));
    };
  }
}

template <class T>
void prepare_integer(PrepareContext& ctx) {
  const TensorInfo& x = ctx.input(0);
  const Quantization& q = x.quantization;
  int64_t n = x.shape.elements();
  const auto row_of = row_dequantizer<T>(ctx);
  if (q.scale.size() <= 1) {
    float scale = x.scale();
    int32_t zero_point = x.zero_point();
    return run_unary_rows(ctx, 0.4, sizeof(T), sizeof(float), [=](const void* from, void* to, int64_t count) {
      row_of(static_cast<const T*>(from), static_cast<float*>(to), count, scale, zero_point);
    });
  }
  int64_t channels = static_cast<int64_t>(q.scale.size());
  check(q.axis >= 0 && q.axis < x.shape.rank() && x.shape[q.axis] == channels, "tensor '", x.name, "' has ", channels,
        " scales along axis ", q.axis, ", but shape ", x.shape);
  int64_t inner = x.shape.elements(q.axis + 1, x.shape.rank());
  int64_t rows = inner > 0 ? n / inner : 0;
  ctx.on_run(
      [channels, inner, rows, row_of, scale = q.scale.vector(), zero_point = q.zero_point.vector()](RunContext& run) {
        const T* from = run.input<T>(0);
        float* to = run.output<float>(0);
        run.parallel_for(rows, 0.5 * static_cast<double>(inner), [&](int64_t begin, int64_t end, int) {
          for (int64_t row = begin; row < end; ++row) {
            size_t k = static_cast<size_t>(row % channels);
            row_of(from + row * inner, to + row * inner, inner, scale[k], zero_point[k]);
          }
        });
      });
}

}  // namespace

void prepare_dequantize(PrepareContext& ctx) {
  const TensorInfo& x = prepare_unary(ctx);
  DType out = ctx.output(0).dtype;
  check(out == DType::float32, "output is ", dtype_name(out), "; float32 expected");
  switch (x.dtype) {
    case DType::int8: return prepare_integer<int8_t>(ctx);
    case DType::uint8: return prepare_integer<uint8_t>(ctx);
    case DType::int16: return prepare_integer<int16_t>(ctx);
    case DType::float16: return run_unary<uint16_t, float>(ctx, 1.5, [](uint16_t v) { return half_to_float(v); });
    default: fail_dtype(x.dtype, "int8, uint8, int16 or float16");
  }
}

}  // namespace sanderling
