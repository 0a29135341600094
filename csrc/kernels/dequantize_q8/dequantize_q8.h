// 8-bit values to floats.
//
//   out[i] = scale * (value(x[i]) - zero_point)
//
// The product is rounded to float. Values are bytes; int8 for flip = 0, uint8 for flip = 0x80: byte ^ flip is an int8
// value; zero_point within int8.
#pragma once

#include <cstdint>

#include "cpu/kernels.h"

namespace sanderling {

using DequantizeQ8Kernel = void(const uint8_t* x, int64_t n, float scale, int32_t zero_point, uint8_t flip, float* out);

#define SANDERLING_KERNEL(isa, name) DequantizeQ8Kernel dequantize_q8_##isa##_##name;
#include "kernels/dequantize_q8/kernels.inc"
#undef SANDERLING_KERNEL

const FunctionRow<DequantizeQ8Kernel>& choose_dequantize_q8(Isa best);

}  // namespace sanderling
