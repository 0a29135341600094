#include "ops/recurrent.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "ops/dot.h"
#include "ops/hybrid.h"

namespace sanderling {
namespace {

template <class F>
void map(const float* from, float* to, int64_t n, F f) {
  for (int64_t i = 0; i < n; ++i) to[i] = f(from[i]);
}

}  // namespace

void expect_argument(PrepareContext& ctx, int i, const Shape& shape, DType dtype) {
  const TensorInfo& t = ctx.input(i);
  check(t.shape == shape, "input ", i, " ('", t.name, "') has shape ", t.shape, "; ", shape, " expected");
  check(t.dtype == dtype, "input ", i, " ('", t.name, "') is ", dtype_name(t.dtype), "; ", dtype_name(dtype),
        " expected");
}

Activation recurrent_activation(const std::string& name) {
  if (name == "NONE")
    return [](const float* x, float* y, int64_t n) {
      if (x != y) std::copy_n(x, n, y);
    };
  if (name == "RELU")
    return [](const float* x, float* y, int64_t n) { map(x, y, n, [](float v) { return std::max(0.0f, v); }); };
  if (name == "RELU_N1_TO_1")
    return [](const float* x, float* y, int64_t n) {
      map(x, y, n, [](float v) { return std::max(-1.0f, std::min(v, 1.0f)); });
    };
  if (name == "RELU6")
    return [](const float* x, float* y, int64_t n) {
      map(x, y, n, [](float v) { return std::max(0.0f, std::min(v, 6.0f)); });
    };
  if (name == "TANH")
    return [](const float* x, float* y, int64_t n) { map(x, y, n, [](float v) { return std::tanh(v); }); };
  if (name == "SIGN_BIT")
    return [](const float* x, float* y, int64_t n) {
      map(x, y, n, [](float v) { return std::signbit(v) ? 1.0f : 0.0f; });
    };
  if (name == "LOGISTIC")
    return
        [](const float* x, float* y, int64_t n) { map(x, y, n, [](float v) { return 1.0f / (1.0f + std::exp(-v)); }); };
  fail("fused activation '", name, "' is not known");
}

void quantize_rows(const float* x, int64_t rows, int64_t columns, bool asymmetric, const QuantizedRows& to) {
  for (int64_t r = 0; r < rows; ++r) {
    const RowQuantization row = quantize_row(x + r * columns, columns, asymmetric, to.values + r * columns);
    to.scales[r] = row.scale;
    to.zero_points[r] = row.zero_point;
  }
}

RecurrentWeights::RecurrentWeights(PrepareContext& ctx, int argument, bool asymmetric) : argument_(argument) {
  const TensorInfo& t = ctx.input(argument);
  columns_ = t.shape[1];
  hybrid_ = t.dtype == DType::int8;
  if (!hybrid_) return;
  check(t.quantization.scale.size() == 1, "weights '", t.name, "' have ", t.quantization.scale.size(),
        " quantization scales; one expected");
  scale_ = t.scale();
  if (!asymmetric) return;
  const int8_t* w = ctx.value<int8_t>(argument);
  for (int64_t row = 0; row < t.shape[0]; ++row) row_sums_.push_back(row_sum(w + row * columns_, columns_));
}

float RecurrentWeights::multiply(const RunContext& run, int64_t row, int64_t i, const float* x,
                                 const QuantizedRows& q) const {
  if (!hybrid_) return dot(run.input<float>(argument_) + row * columns_, x + i * columns_, columns_);
  uint32_t sum =
      static_cast<uint32_t>(dot(run.input<int8_t>(argument_) + row * columns_, q.values + i * columns_, columns_));
  if (!row_sums_.empty())
    sum -= static_cast<uint32_t>(row_sums_[static_cast<size_t>(row)]) * static_cast<uint32_t>(q.zero_points[i]);
  return static_cast<float>(static_cast<int32_t>(sum)) * (q.scales[i] * scale_);
}

}  // namespace sanderling
