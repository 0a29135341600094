// Rescaling of an accumulator by a double, as TFLite's reference kernel of FULLY_CONNECTED does it: one product in
// double, rounded half away from zero.
#pragma once

#include <cstdint>

namespace sanderling {

// round(acc * scale) clamped to [low, high]; bounds are whole numbers within int32. Any scale is safe (NaN gives low).
static inline int32_t requantize_real(double acc, double scale, double low, double high) {
  double v = acc * scale;
  v = v > low ? v : low;
  v = v < high ? v : high;
  // The largest double below 1/2: adding 1/2 itself would round 0.49999999999999994 up.
  return static_cast<int32_t>(v + (v < 0 ? -0.49999999999999994 : 0.49999999999999994));
}

}  // namespace sanderling
