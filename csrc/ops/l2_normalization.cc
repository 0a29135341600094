// L2_NORMALIZATION: each row along the last axis divided by its Euclidean norm.
#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/op.h"
#include "quant/inverse_sqrt.h"
#include "quant/requantize.h"

namespace sanderling {
namespace {

void normalize(const float* in, int64_t n, float* out) {
  float squares = 0;
  for (int64_t i = 0; i < n; ++i) squares += in[i] * in[i];
  float norm = std::max(std::sqrt(squares), 1e-6f);
  for (int64_t i = 0; i < n; ++i) out[i] = in[i] / norm;
}

// Output scale 1/128; uint8 is rescaled after the factor of 128, int8 with it in the shift, as the reference does.
template <class T>
void normalize(const T* in, int64_t n, int32_t zero_point, T* out) {
  int32_t squares = 0;
  for (int64_t i = 0; i < n; ++i) squares = wrapping_add(squares, (in[i] - zero_point) * (in[i] - zero_point));
  Multiplier m = inverse_sqrt_multiplier(squares);
  constexpr bool is_signed = std::numeric_limits<T>::is_signed;
  if (is_signed) m.shift += 7;
  for (int64_t i = 0; i < n; ++i) {
    int32_t x = in[i] - zero_point;
    int32_t q = is_signed ? requantize(x, m) : wrapping_add(128, requantize(128 * x, m));
    out[i] = static_cast<T>(clamp(q, std::numeric_limits<T>::min(), std::numeric_limits<T>::max()));
  }
}

// row(in, n, out) on each row.
template <class T, class Row>
void run_rows(PrepareContext& ctx, const Row& row) {
  const Shape& shape = ctx.input(0).shape;
  int64_t n = shape.back(1), rows = n == 0 ? 0 : shape.outer();
  ctx.on_run([=](RunContext& run) {
    const T* in = run.input<T>(0);
    T* out = run.output<T>(0);
    run.parallel_for(rows, 4.0 * static_cast<double>(n) + 20, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) row(in + i * n, n, out + i * n);
    });
  });
}

}  // namespace

void prepare_l2_normalization(PrepareContext& ctx) {
  ctx.expect_inputs(1, 1);
  ctx.expect_outputs(1);
  const TensorInfo &x = ctx.input(0), &y = ctx.output(0);
  check(x.dtype == y.dtype, "input is ", dtype_name(x.dtype), " but output is ", dtype_name(y.dtype));
  check(x.shape.rank() >= 1, "input is a scalar; at least one dimension expected");
  const std::string& activation = ctx.attributes().text("fused_activation_function");
  check(activation == "NONE", "fused activation '", activation, "' is not supported; NONE expected");
  ctx.set_output_shape(0, x.shape);
  if (x.dtype == DType::float32)
    return run_rows<float>(ctx, [](const float* in, int64_t n, float* out) { normalize(in, n, out); });
  check(x.dtype == DType::int8 || x.dtype == DType::uint8, "input is ", dtype_name(x.dtype),
        "; float32, int8 or uint8 expected");
  int32_t wanted = x.dtype == DType::int8 ? 0 : 128, zero_point = x.zero_point();
  check(y.scale() == 1.0f / 128 && y.zero_point() == wanted, "output has scale ", y.scale(), " and zero point ",
        y.zero_point(), "; 1/128 and ", wanted, " expected");
  if (x.dtype == DType::int8)
    run_rows<int8_t>(ctx, [=](const int8_t* in, int64_t n, int8_t* out) { normalize(in, n, zero_point, out); });
  else
    run_rows<uint8_t>(ctx, [=](const uint8_t* in, int64_t n, uint8_t* out) { normalize(in, n, zero_point, out); });
}

}  // namespace sanderling
