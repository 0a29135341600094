// Which of the ways of requantize_neon.h a layer takes: kernels pack it with the weights, on any processor.
#pragma once

#include <cstdint>

#include "quant/requantize.h"

namespace sanderling {

// What all channels of a layer have in common.
enum class RequantizeNeon {
  kRelu,   // every channel shifts right by one or more, and low >= zero
  kRight,  // every channel shifts right by one or more
  kAny,    // left shifts too, and sums with the zero point that may wrap
};

// Whether results of a channel fit int16 before the zero point is added: then their upper halves say nothing. For any
// input zero point; `weights` is the sum of their magnitudes.
static inline bool fits_words(const Multiplier& m, int64_t bias, int64_t weights) {
  const int64_t reach = (bias < 0 ? -bias : bias) + 255 * weights;
  if (m.shift > 0 || reach > INT32_MAX) return false;
  return (reach * m.multiplier >> 31 >> -m.shift) < INT16_MAX - 1;
}

static inline RequantizeNeon requantize_neon_kind(const Multiplier* m, int64_t channels, int32_t zero, int32_t low) {
  for (int64_t c = 0; c < channels; ++c)
    if (m[c].shift >= 0) return RequantizeNeon::kAny;
  return low >= zero ? RequantizeNeon::kRelu : RequantizeNeon::kRight;
}

}  // namespace sanderling
