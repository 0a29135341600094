#include "kernels/requantize_q8/requantize_q8.h"

namespace sanderling {

void requantize_q8_portable_plain(const int32_t* acc, const int32_t* bias, const Multiplier* multipliers, int64_t n,
                                  const RequantizeStage& stage, uint8_t* out) {
  for (int64_t i = 0; i < n; ++i) {
    const int32_t sum = bias ? wrapping_add(acc[i], bias[i]) : acc[i];
    const int32_t y = wrapping_add(requantize(sum, multipliers[i]), stage.zero);
    out[i] = static_cast<uint8_t>(clamp(y, stage.low, stage.high));
  }
}

}  // namespace sanderling
