// Fused activations as clamp ranges.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>

#include "ops/tensor.h"

namespace sanderling {

template <class T>
struct Range {
  T low, high;
};

// Range of a fused activation in real numbers. Throws Error for one that no kernel fuses (TANH, SIGN_BIT).
inline Range<float> activation_range(const std::string& activation) {
  const float most = std::numeric_limits<float>::max();
  if (activation == "NONE") return {-most, most};
  if (activation == "RELU") return {0.0f, most};
  if (activation == "RELU6") return {0.0f, 6.0f};
  if (activation == "RELU_N1_TO_1") return {-1.0f, 1.0f};
  fail("fused activation '", activation, "' is not supported");
}

// All values of an 8- or 16-bit dtype.
inline Range<int32_t> dtype_range(DType t) {
  switch (t) {
    case DType::int8: return {-128, 127};
    case DType::uint8: return {0, 255};
    case DType::int16: return {-32768, 32767};
    default: fail("output is ", dtype_name(t), "; int8, uint8 or int16 expected");
  }
}

// Range of a fused activation in the quantized values of `output`, as TFLite computes it.
inline Range<int32_t> quantized_activation_range(const std::string& activation, const TensorInfo& output) {
  Range<int32_t> all = dtype_range(output.dtype);
  Range<float> real = activation_range(activation);
  auto quantize = [&](float x) {
    float q = std::round(x / output.scale());
    check(std::fabs(q) < 2147483648.0f, "the bounds of activation '", activation, "' cannot be expressed in scale ",
          output.scale());
    return static_cast<int64_t>(q) + output.zero_point();
  };
  auto bounded = [&](int64_t q) { return static_cast<int32_t>(q < all.low ? all.low : (q > all.high ? all.high : q)); };
  Range<int32_t> range = all;
  if (activation != "NONE") range.low = bounded(quantize(real.low));
  if (activation == "RELU6" || activation == "RELU_N1_TO_1") range.high = bounded(quantize(real.high));
  return range;
}

}  // namespace sanderling
