// Sum of two rows of 8-bit values under different quantizations.
//
//   out[i] = clamp(zero_point + requantize(rescaled1[a[i]] + rescaled2[b[i]], output), low, high)
//   rescaledk[q] = requantize((q - zero_pointk) << kBits, inputk)
//
// Values are bytes; int8 for flip = 0, uint8 for flip = 0x80: byte ^ flip is an int8 value, and all parameters are
// for int8. `subtract`: the second term is taken away.
// Ranges: shifts <= 0, so that sums stay within 30 bits; low <= high within int8.
#pragma once

#include <cstdint>

#include "cpu/kernels.h"
#include "quant/narrow_requantize.h"
#include "quant/requantize.h"

namespace sanderling {

struct AddQ8 {
  static constexpr int kBits = 20;  // that rescaled values have more than the input
  int32_t input_zero_point[2];
  Multiplier input[2];
  bool subtract;
  Multiplier output;
  int32_t zero_point, low, high;
  uint8_t flip;
  // rescaled[k] by byte; of the second operand of a difference with the sign changed.
  int32_t rescaled[2][256];
  // NarrowTable of one channel for each operand and the output, if all of them fit.
  bool narrow;
  uint32_t narrow_tables[3][kNarrowArrays];
};

// Fills the tables from the other members.
void make_tables(AddQ8&);

// n elements; step 1: the operand moves on, 0: one value for all. out overlaps no input.
using AddQ8Kernel = void(const uint8_t* a, int64_t step_a, const uint8_t* b, int64_t step_b, uint8_t* out, int64_t n,
                         const AddQ8&);

#define SANDERLING_KERNEL(isa, name) AddQ8Kernel add_q8_##isa##_##name;
#include "kernels/add_q8/kernels.inc"
#undef SANDERLING_KERNEL

const FunctionRow<AddQ8Kernel>& choose_add_q8(Isa best);

}  // namespace sanderling
