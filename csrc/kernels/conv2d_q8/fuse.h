// The rescaling of fused_rescale.h for a channel of a convolution.
#pragma once

#include "kernels/conv2d_q8/conv2d_q8.h"
#include "quant/fused_rescale.h"

namespace sanderling {
namespace {

// Of one channel's weights, their zero point taken off.
struct WeightSums {
  int64_t sum, magnitude;
};

inline WeightSums weight_sums(const Conv2dQ8& c, const uint8_t* weights) {
  const int64_t depth = c.depth();
  WeightSums all{0, 0};
  for (int64_t begin = 0, end; begin < depth; begin = end) {
    end = depth - begin < 4096 ? depth : begin + 4096;
    int32_t sum = 0, magnitude = 0;  // what compilers make vectors of
    for (int64_t k = begin; k < end; ++k) {
      const int32_t w = static_cast<int8_t>(weights[k] ^ c.weight_flip) - c.weight_zero;
      sum += w;
      magnitude += w < 0 ? -w : w;
    }
    all.sum += sum;
    all.magnitude += magnitude;
  }
  return all;
}

// False where there is none. It holds for c.input_zero only, which bounds the sums.
inline bool fuse_channel(const Conv2dQ8& c, int64_t channel, WeightSums w, int32_t bias, FusedRescale& found) {
  const SumRange range = sum_range(bias, (w.magnitude + w.sum) / 2, (w.magnitude - w.sum) / 2, c.input_zero);
  return find_fused_rescale(c.multipliers[channel], range, c.output_zero, c.low, c.high, found);
}

}  // namespace
}  // namespace sanderling
