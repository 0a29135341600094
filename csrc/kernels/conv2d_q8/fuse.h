// The rescaling of fused_rescale.h for a channel of a convolution.
#pragma once

#include "kernels/conv2d_q8/conv2d_q8.h"
#include "quant/fused_rescale.h"

namespace sanderling {
namespace {

// False where there is none; `weights` are the channel's. It holds for c.input_zero only, which bounds the sums.
inline bool fuse_channel(const Conv2dQ8& c, int64_t channel, const uint8_t* weights, int32_t bias,
                         FusedRescale& found) {
  int64_t positive = 0, negative = 0;
  for (int64_t k = 0; k < c.depth(); ++k) {
    const int w = static_cast<int8_t>(weights[k] ^ c.flip) - c.weight_zero;
    (w > 0 ? positive : negative) += w > 0 ? w : -w;
  }
  return find_fused_rescale(c.multipliers[channel], sum_range(bias, positive, negative, c.input_zero), c.output_zero,
                            c.low, c.high, found);
}

}  // namespace
}  // namespace sanderling
