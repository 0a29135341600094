#include "ops/hybrid.h"

#include <cmath>
#include <cstring>

namespace sanderling {
RowQuantization quantize_row(const float* x, int64_t n, bool asymmetric, int8_t* q, const HybridRows& rows) {
  auto [low, high] = rows.extent(x, n);
  const float magnitude = std::fmax(std::fabs(low), std::fabs(high));
  low = low < 0 ? low : 0.0f;
  high = high > 0 ? high : 0.0f;
  if (asymmetric ? low == high : magnitude == 0) {
    if (n > 0) std::memset(q, 0, static_cast<size_t>(n));
    return {1.0f, 0};
  }
  float scale = magnitude / 127.0f, inverse = 127.0f / magnitude, least = -127.0f;
  int32_t zero_point = 0;
  if (asymmetric) {
    // The mixture of float and double is the reference's, found by trial: its binaries differ from its sources here.
    const double from = static_cast<double>(low), to = static_cast<double>(high);
    const double exact = static_cast<double>(high - low) / 255.0;
    const double by_low = -128.0 - from / exact, by_high = 127.0 - to / exact;
    // The one with the smaller rounding error.
    const double zero = 128.0 + std::fabs(from / exact) < 127.0 + std::fabs(to / exact) ? by_low : by_high;
    zero_point = zero > -128.0 ? (zero < 127.0 ? static_cast<int32_t>(std::round(zero)) : 127) : -128;
    scale = static_cast<float>(exact);
    inverse = 1.0f / scale;
    least = -128.0f;
  }
  const float offset = static_cast<float>(zero_point);
  rows.round(x, n, inverse, least - offset, 127.0f - offset, zero_point, q);
  return {scale, zero_point};
}

}  // namespace sanderling
