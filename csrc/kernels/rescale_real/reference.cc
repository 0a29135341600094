#include "kernels/rescale_real/rescale_real.h"
#include "quant/requantize.h"
#include "quant/requantize_real.h"

namespace sanderling {

void rescale_real_portable_plain(const int32_t* acc, const int32_t* bias, const double* multiplier, int64_t n,
                                 const RealStage& stage, uint8_t* out) {
  for (int64_t i = 0; i < n; ++i) {
    const int32_t sum = bias ? wrapping_add(acc[i], bias[i]) : acc[i];
    out[i] = static_cast<uint8_t>(requantize_real(sum, multiplier[i], stage.low, stage.high) + stage.zero);
  }
}

}  // namespace sanderling
