// Rescaling of accumulators to 8 bits in fixed point (see quant/requantize.h), one multiplier for each channel.
//
//   out[i] = requantize(acc[i] + bias[i], multipliers[i]) + zero, clamped to [low, high];   sums wrap
//
// bias may be null. low, high: such that the result fits 8 bits of the sign that the caller has in mind.
#pragma once

#include <cstdint>

#include "cpu/kernels.h"
#include "quant/requantize.h"

namespace sanderling {

struct RequantizeStage {
  int32_t zero, low, high;
};

using RequantizeQ8Kernel = void(const int32_t* acc, const int32_t* bias, const Multiplier*, int64_t n,
                                const RequantizeStage&, uint8_t* out);

#define SANDERLING_KERNEL(isa, name) RequantizeQ8Kernel requantize_q8_##isa##_##name;
#include "kernels/requantize_q8/kernels.inc"
#undef SANDERLING_KERNEL

const FunctionRow<RequantizeQ8Kernel>& choose_requantize_q8(Isa best);

}  // namespace sanderling
