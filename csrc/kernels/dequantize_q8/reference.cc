#include "kernels/dequantize_q8/dequantize_q8.h"

namespace sanderling {

void dequantize_q8_portable_plain(const uint8_t* x, int64_t n, float scale, int32_t zero_point, uint8_t flip,
                                  float* __restrict out) {
  for (int64_t i = 0; i < n; ++i) out[i] = scale * static_cast<float>(static_cast<int8_t>(x[i] ^ flip) - zero_point);
}

}  // namespace sanderling
