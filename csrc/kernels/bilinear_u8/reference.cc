#include "kernels/bilinear_u8/bilinear_u8.h"

namespace sanderling {

void bilinear_u8_portable_channels(const float* top, const float* bottom, const BilinearColumn* columns, int64_t n,
                                   int64_t channels, uint8_t* __restrict out) {
  for (int64_t x = 0; x < n; ++x, out += channels) {
    const BilinearColumn& t = columns[x];
    const float *top_low = top + t.low * channels, *bottom_low = bottom + t.low * channels;
    const float *top_high = top + t.high * channels, *bottom_high = bottom + t.high * channels;
    for (int64_t c = 0; c < channels; ++c) {
      const float v =
          top_low[c] * t.below + bottom_low[c] * t.below + top_high[c] * t.above + bottom_high[c] * t.above + 0.5f;
      out[c] = static_cast<uint8_t>(static_cast<int32_t>(v));
    }
  }
}

}  // namespace sanderling
