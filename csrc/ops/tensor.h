// What an operator knows of a tensor while a plan is made.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "base/error.h"
#include "base/shape.h"

namespace sanderling {

// real = scale * (q - zero_point). Empty: not quantized. Size 1: per tensor. Else one per slice of `axis`.
struct Quantization {
  std::vector<float> scale;
  std::vector<int32_t> zero_point;  // same size as scale; within the tensor's dtype
  int axis = 0;
};

struct TensorInfo {
  std::string name;
  DType dtype = DType::float32;
  Shape shape;
  Quantization quantization;
  bool is_variable = false;
  bool int4 = false;  // a constant whose values are in [-8, 7]; operators see int8

  bool quantized() const { return !quantization.scale.empty(); }
  // Per-tensor parameters; throw Error where the tensor has none.
  float scale() const {
    check(quantized(), "tensor '", name, "' (", dtype_name(dtype), ") has no quantization scale");
    return quantization.scale[0];
  }
  int32_t zero_point() const {
    check(quantized(), "tensor '", name, "' (", dtype_name(dtype), ") has no quantization zero point");
    return quantization.zero_point[0];
  }
  size_t bytes() const { return static_cast<size_t>(shape.elements()) * dtype_size(dtype); }
};

}  // namespace sanderling
