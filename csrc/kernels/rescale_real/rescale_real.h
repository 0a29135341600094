// Rescaling of accumulators to 8 bits by doubles (see quant/requantize_real.h), one for each channel.
//
//   out[i] = round((acc[i] + bias[i]) * multiplier[i]), clamped to [low, high], + zero;   the sum wraps
//
// bias may be null. low, high: whole numbers such that the result fits 8 bits of the sign that the caller has in mind.
#pragma once

#include <cstdint>

#include "cpu/kernels.h"

namespace sanderling {

struct RealStage {
  double low, high;
  int32_t zero;
};

using RescaleRealKernel = void(const int32_t* acc, const int32_t* bias, const double* multiplier, int64_t n,
                               const RealStage&, uint8_t* out);

#define SANDERLING_KERNEL(isa, name) RescaleRealKernel rescale_real_##isa##_##name;
#include "kernels/rescale_real/kernels.inc"
#undef SANDERLING_KERNEL

const FunctionRow<RescaleRealKernel>& choose_rescale_real(Isa best);

}  // namespace sanderling
