#include "ops/hybrid.h"

#include <cstring>

namespace sanderling {
namespace {

// v rounded half away from zero, clamped to [low, high], plus offset; NaN gives low.
int8_t rounded(float v, float low, float high, int32_t offset) {
  float r = std::round(v);
  r = r > low ? r : low;
  r = r < high ? r : high;
  return static_cast<int8_t>(static_cast<int32_t>(r) + offset);
}

}  // namespace

RowQuantization quantize_row(const float* x, int64_t n, bool asymmetric, int8_t* q) {
  float low = n > 0 ? x[0] : 0.0f, high = low;
  for (int64_t i = 1; i < n; ++i) {
    low = x[i] < low ? x[i] : low;
    high = x[i] > high ? x[i] : high;
  }
  if (!asymmetric) {
    const float range = std::fmax(std::fabs(low), std::fabs(high));
    if (range == 0) {
      if (n > 0) std::memset(q, 0, static_cast<size_t>(n));
      return {1.0f, 0};
    }
    const float inverse = 127.0f / range;
    for (int64_t i = 0; i < n; ++i) q[i] = rounded(x[i] * inverse, -127.0f, 127.0f, 0);
    return {range / 127.0f, 0};
  }
  low = low < 0 ? low : 0.0f;
  high = high > 0 ? high : 0.0f;
  if (low == high) {
    if (n > 0) std::memset(q, 0, static_cast<size_t>(n));
    return {1.0f, 0};
  }
  // The mixture of float and double is the reference's, found by trial: its binaries differ from its sources here.
  const double from = static_cast<double>(low), to = static_cast<double>(high);
  const double scale = static_cast<double>(high - low) / 255.0;
  const double by_low = -128.0 - from / scale, by_high = 127.0 - to / scale;
  // The one with the smaller rounding error.
  const double zero = 128.0 + std::fabs(from / scale) < 127.0 + std::fabs(to / scale) ? by_low : by_high;
  const int32_t zero_point = zero > -128.0 ? (zero < 127.0 ? static_cast<int32_t>(std::round(zero)) : 127) : -128;
  const float narrow = static_cast<float>(scale);
  const float inverse = 1.0f / narrow;
  for (int64_t i = 0; i < n; ++i)
    q[i] = rounded(x[i] * inverse, -128.0f - static_cast<float>(zero_point), 127.0f - static_cast<float>(zero_point),
                   zero_point);
  return {narrow, zero_point};
}

}  // namespace sanderling
