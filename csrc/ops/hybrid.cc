#include "ops/hybrid.h"

#include <cstring>

#include "ops/activation.h"

namespace sanderling {
namespace {

// q[i] = v rounded half away from zero and clamped to [low, high], whole numbers, plus offset, for v = x[i] * factor;
// NaN gives low.
void round_row(const float* __restrict x, int64_t n, float factor, float low, float high, int32_t offset,
               int8_t* __restrict q) {
  for (int64_t i = 0; i < n; ++i) {
    float v = x[i] * factor;
    v = v > low ? v : low;
    v = v < high ? v : high;
    // The largest float below 1/2: adding 1/2 itself would round the one below 1/2 up.
    q[i] = static_cast<int8_t>(static_cast<int32_t>(v + std::copysign(0.49999997f, v)) + offset);
  }
}

// Smallest and largest; a NaN that is not the first of its lane is passed over.
Range<float> extent(const float* x, int64_t n) {
  constexpr int kLanes = 8;
  if (n == 0) return {0.0f, 0.0f};
  float low[kLanes], high[kLanes];
  for (int j = 0; j < kLanes; ++j) low[j] = high[j] = x[0];
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    for (int j = 0; j < kLanes; ++j) {
      low[j] = x[i + j] < low[j] ? x[i + j] : low[j];
      high[j] = x[i + j] > high[j] ? x[i + j] : high[j];
    }
  for (; i < n; ++i) {
    low[0] = x[i] < low[0] ? x[i] : low[0];
    high[0] = x[i] > high[0] ? x[i] : high[0];
  }
  for (int j = 1; j < kLanes; ++j) {
    low[0] = low[j] < low[0] ? low[j] : low[0];
    high[0] = high[j] > high[0] ? high[j] : high[0];
  }
  return {low[0], high[0]};
}

}  // namespace

RowQuantization quantize_row(const float* x, int64_t n, bool asymmetric, int8_t* q) {
  auto [low, high] = extent(x, n);
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
  // One call for both, whose bounds are not constants: gcc would split the loop by them and not vectorise it.
  const float offset = static_cast<float>(zero_point);
  round_row(x, n, inverse, least - offset, 127.0f - offset, zero_point, q);
  return {scale, zero_point};
}

}  // namespace sanderling
