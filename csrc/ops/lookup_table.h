// Functions of quantized values as tables made once.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>

#include "base/saturate.h"
#include "ops/activation.h"
#include "ops/op.h"

namespace sanderling {

// The result's byte for each byte of an 8-bit operand.
using Table8 = std::array<uint8_t, 256>;

// f(q), an integer, for each value q of `in` (int8 or uint8), saturated to the 8-bit type `out`.
template <class F>
Table8 make_table8(DType in, DType out, const F& f) {
  Range<int32_t> from = dtype_range(in), to = dtype_range(out);
  Table8 table;
  for (int32_t q = from.low; q <= from.high; ++q) {
    int64_t y = f(q);
    table[static_cast<uint8_t>(q)] = static_cast<uint8_t>(y < to.low ? to.low : (y > to.high ? to.high : y));
  }
  return table;
}

// The real function f between the quantizations of x and y, in the steps (all in float) of the reference's tables.
template <class F>
Table8 make_real_table8(const TensorInfo& x, const TensorInfo& y, const F& f) {
  const float in_scale = x.scale(), inverse_scale = 1 / y.scale();
  const int32_t in_zero = x.zero_point(), out_zero = y.zero_point();
  return make_table8(x.dtype, y.dtype, [&](int32_t q) {
    const float transformed = f(in_scale * static_cast<float>(q - in_zero));
    return saturate_cast<int32_t>(std::round(transformed * inverse_scale) + static_cast<float>(out_zero));
  });
}

// The run function that looks up every value of input 0, an 8-bit tensor.
RunFunction table8_function(PrepareContext& ctx, const Table8& table);
void run_table8(PrepareContext& ctx, const Table8& table);

// A function of int16 values: 513 samples with straight lines between.
class Table16 {
 public:
  Table16() = default;
  // f between two quantizations; Float is the type in which the reference makes the table.
  template <class Float, class F>
  static Table16 make(Float in_scale, int32_t in_zero, Float out_scale, int32_t out_zero, const F& f) {
    const Float in_low = in_scale * static_cast<Float>(-32768 - in_zero);
    const Float in_high = in_scale * static_cast<Float>(32767 - in_zero);
    const Float out_low = out_scale * static_cast<Float>(-32768 - out_zero);
    const Float out_high = out_scale * static_cast<Float>(32767 - out_zero);
    const Float step = (in_high - in_low) / kSteps, half_step = step / 2;
    const Float to_steps = static_cast<Float>(65536) / (out_high - out_low);
    Table16 table;
    for (int i = 0; i < kSteps; ++i) {
      const Float at = in_low + static_cast<Float>(i) * step;
      const Float sample = std::round(f(at) * to_steps);
      const Float middle = std::round(f(at + half_step) * to_steps);
      const Float next = f(in_low + static_cast<Float>(i + 1) * step) * to_steps;
      // Half of the straight line's error in the middle of the interval is taken off the sample.
      const Float error = std::round((next + sample) / 2) - middle;
      table.values_[i] = saturate_cast<int16_t>(sample - std::round(error / 2));
    }
    table.values_[kSteps] = saturate_cast<int16_t>(std::round(f(in_high) * to_steps));
    return table;
  }

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
