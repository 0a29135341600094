// Largest values of a window of pixels, for each channel.
//
//   out[c] = clamp(max over y < rows, x < columns of in[y * row_bytes + x * pixel_bytes + c], low, high),  c < n
//
// Values are bytes; int8 for flip = 0, uint8 for flip = 0x80: byte ^ flip is an int8 value, and low <= high are int8.
// rows, columns > 0.
#pragma once

#include <cstdint>

#include "cpu/kernels.h"

namespace sanderling {

struct MaxPoolQ8 {
  int64_t rows, columns, row_bytes, pixel_bytes;
  int32_t low, high;
  uint8_t flip;
};

using MaxPoolQ8Kernel = void(const MaxPoolQ8&, const uint8_t* in, int64_t n, uint8_t* out);

#define SANDERLING_KERNEL(isa, name) MaxPoolQ8Kernel max_pool_q8_##isa##_##name;
#include "kernels/max_pool_q8/kernels.inc"
#undef SANDERLING_KERNEL

const FunctionRow<MaxPoolQ8Kernel>& choose_max_pool_q8(Isa best);

}  // namespace sanderling
