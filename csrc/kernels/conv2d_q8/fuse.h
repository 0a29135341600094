// The rescaling of fused_rescale.h for a channel of a convolution.
#pragma once

#include "kernels/conv2d_q8/conv2d_q8.h"
#include "quant/fused_rescale.h"

namespace sanderling {
namespace {

// False where there is none; `weights` are the channel's. It holds for c.input_zero only, which bounds the sums.
inline bool fuse_channel(const Conv2dQ8& c, int64_t channel, const uint8_t* weights, int32_t bias,
                         FusedRescale& found) {
  const int64_t depth = c.depth();
  int64_t sum = 0, magnitude = 0;
  for (int64_t begin = 0, end; begin < depth; begin = end) {
    end = depth - begin < 4096 ? depth : begin + 4096;
    int32_t part = 0, part_magnitude = 0;  // what compilers make vectors of
    for (int64_t k = begin; k < end; ++k) {
      const int32_t w = static_cast<int8_t>(weights[k] ^ c.flip) - c.weight_zero;
      part += w;
      part_magnitude += w < 0 ? -w : w;
    }
    sum += part;
    magnitude += part_magnitude;
  }
  const int64_t positive = (magnitude + sum) / 2, negative = (magnitude - sum) / 2;
  return find_fused_rescale(c.multipliers[channel], sum_range(bias, positive, negative, c.input_zero), c.output_zero,
                            c.low, c.high, found);
}

}  // namespace
}  // namespace sanderling
