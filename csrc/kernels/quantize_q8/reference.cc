#include "kernels/quantize_q8/quantize_q8.h"
#include "quant/requantize.h"
#include "quant/round_quotient.h"

namespace sanderling {

void quantize_q8_portable_plain(const float* x, int64_t n, float scale, int32_t zero_point, uint8_t flip,
                                uint8_t* __restrict out) {
  for (int64_t i = 0; i < n; ++i)
    out[i] = static_cast<uint8_t>(clamp(round_quotient(x[i], scale) + zero_point, -128, 127)) ^ flip;
}

}  // namespace sanderling
