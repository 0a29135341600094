// One row of bytes, interpolated between the pixels of two rows of floats.
//
//   out[x, ch] = trunc(((top[low] * below + bottom[low] * below) + top[high] * above) + bottom[high] * above + 0.5)
//
// with low, high, below and above of columns[x], each product and sum rounded to float. top and bottom are input rows
// [pixels, channels], already multiplied by their vertical weights. Results fit int32; bytes are their low 8 bits.
#pragma once

#include <cstdint>

#include "cpu/kernels.h"

namespace sanderling {

struct BilinearColumn {
  int64_t low, high;   // input pixels
  float below, above;  // their weights
};

using BilinearU8Kernel = void(const float* top, const float* bottom, const BilinearColumn* columns, int64_t n,
                              int64_t channels, uint8_t* out);

#define SANDERLING_KERNEL(isa, name) BilinearU8Kernel bilinear_u8_##isa##_##name;
#include "kernels/bilinear_u8/kernels.inc"
#undef SANDERLING_KERNEL

const FunctionRow<BilinearU8Kernel>& choose_bilinear_u8(Isa best);

}  // namespace sanderling
