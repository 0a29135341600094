// Float arithmetic of the recurrent operators: activations, and products of matrices of float32 or int8 weights
// ("hybrid": vectors are quantized to int8 at run time) with vectors.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ops/op.h"

namespace sanderling {

// Throws Error unless input i has this shape and dtype.
void expect_argument(PrepareContext& ctx, int i, const Shape& shape, DType dtype);

using Activation = void (*)(const float* from, float* to, int64_t n);

// A fused activation by its name in the schema, plus LOGISTIC. Throws Error for an unknown one.
Activation recurrent_activation(const std::string& name);

// int8 vectors with one scale and zero point each.
struct QuantizedRows {
  int8_t* values;
  float* scales;
  int32_t* zero_points;

  static size_t bytes(int64_t rows, int64_t columns) {
    return static_cast<size_t>(rows) * (static_cast<size_t>(columns) + sizeof(float) + sizeof(int32_t));
  }
  // In memory of bytes(rows, columns), 4-byte aligned.
  QuantizedRows(void* memory, int64_t rows)
      : values(static_cast<int8_t*>(memory) + static_cast<size_t>(rows) * (sizeof(float) + sizeof(int32_t))),
        scales(static_cast<float*>(memory)),
        zero_points(static_cast<int32_t*>(memory) + rows) {}
};

// One row each: symmetric in [-127, 127], or asymmetric in [-128, 127], as the reference rounds them.
void quantize_rows(const float* x, int64_t rows, int64_t columns, bool asymmetric, const QuantizedRows& to);

// A weights argument of shape [rows, columns], float32 or int8.
class RecurrentWeights {
 public:
  RecurrentWeights() = default;
  // Reads the sums of int8 rows where inputs are quantized asymmetrically.
  RecurrentWeights(PrepareContext& ctx, int argument, bool asymmetric);

  int64_t columns() const { return columns_; }
  // Product of row `row` with vector `i` of x, or of q where the weights are int8.
  float multiply(const RunContext& run, int64_t row, int64_t i, const float* x, const QuantizedRows& q) const;

 private:
  int argument_ = -1;
  int64_t columns_ = 0;
  bool hybrid_ = false;
  float scale_ = 1.0f;
  std::vector<int32_t> row_sums_;  // empty: symmetric
};

}  // namespace sanderling
