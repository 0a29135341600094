// Floats to 8-bit values.
//
//   out[i] = clamp(round(x[i] / scale) + zero_point, -128, 127) ^ flip
//
// The quotient is rounded to float, then to the nearest integer, half away from zero. NaN saturates by its sign. scale
// is a normal number above 0; zero_point within int8.
#pragma once

#include <cstdint>

#include "cpu/kernels.h"

namespace sanderling {

using QuantizeQ8Kernel = void(const float* x, int64_t n, float scale, int32_t zero_point, uint8_t flip, uint8_t* out);

#define SANDERLING_KERNEL(isa, name) QuantizeQ8Kernel quantize_q8_##isa##_##name;
#include "kernels/quantize_q8/kernels.inc"
#undef SANDERLING_KERNEL

const FunctionRow<QuantizeQ8Kernel>& choose_quantize_q8(Isa best);

}  // namespace sanderling
