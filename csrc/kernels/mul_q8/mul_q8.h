// Product of two rows of 8-bit values under different quantizations.
//
//   out[i] = clamp(zero_point + requantize((a[i] - input_zero_point[0]) * (b[i] - input_zero_point[1]), output), low,
//   high)
//
// Values are bytes; int8 for flip = 0, uint8 for flip = 0x80: byte ^ flip is an int8 value, and all parameters are
// for int8. low <= high within int8.
#pragma once

#include <cstdint>

#include "cpu/kernels.h"
#include "quant/narrow_requantize.h"
#include "quant/requantize.h"

namespace sanderling {

struct MulQ8 {
  int32_t input_zero_point[2];
  Multiplier output;
  int32_t zero_point, low, high;
  uint8_t flip;
  // NarrowTable of one channel for the output, if it fits.
  bool narrow;
  uint32_t narrow_table[kNarrowArrays];
};

// Fills the table from the other members.
void make_table(MulQ8&);

// n elements; step 1: the operand moves on, 0: one value for all. out overlaps no input.
using MulQ8Kernel = void(const uint8_t* a, int64_t step_a, const uint8_t* b, int64_t step_b, uint8_t* out, int64_t n,
                         const MulQ8&);

#define SANDERLING_KERNEL(isa, name) MulQ8Kernel mul_q8_##isa##_##name;
#include "kernels/mul_q8/kernels.inc"
#undef SANDERLING_KERNEL

const FunctionRow<MulQ8Kernel>& choose_mul_q8(Isa best);

}  // namespace sanderling
