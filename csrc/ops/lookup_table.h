// Functions of quantized values as tables made once.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>

#include "base/function_ref.h"
#include "base/saturate.h"
#include "ops/activation.h"
#include "ops/op.h"

namespace sanderling {

// The result's byte for each byte of an 8-bit operand.
using Table8 = std::array<uint8_t, 256>;

// f(q), an integer, for each value q of `in` (int8 or uint8), saturated to the 8-bit type `out`.
Table8 make_table8(DType in, DType out, FunctionRef<int64_t(int32_t)> f);
// The real function f between the quantizations of x and y, in the steps (all in float) of the reference's tables.
Table8 make_real_table8(const TensorInfo& x, const TensorInfo& y, FunctionRef<float(float)> f);

// The run function that looks up every value of input 0, an 8-bit tensor.
RunFunction table8_function(PrepareContext& ctx, const Table8& table);
void run_table8(PrepareContext& ctx, const Table8& table);

// A function of int16 values: 513 samples with straight lines between.
class Table16 {
 public:
  Table16() = default;
  // f between two quantizations; Float is the type in which the reference makes the table.
  template <class Float>
  static Table16 make(Float in_scale, int32_t in_zero, Float out_scale, int32_t out_zero, FunctionRef<Float(Float)> f);

  int16_t operator()(int32_t x) const {
    const int32_t i = 256 + (x >> 7), offset = x & 127;
    const int32_t slope = static_cast<int16_t>(values_[i + 1] - values_[i]);
    return static_cast<int16_t>(values_[i] + ((slope * offset + 64) >> 7));
  }

 private:
  static constexpr int kSteps = 512;
  int16_t values_[kSteps + 1] = {};
};

// The same for an int16 tensor.
RunFunction table16_function(PrepareContext& ctx, const Table16& table);
void run_table16(PrepareContext& ctx, const Table16& table);

}  // namespace sanderling
