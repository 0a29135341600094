// Plain loops that compilers turn into vectors of each instruction set.
#pragma once

#include <cstring>

#include "kernels/hybrid_rows/hybrid_rows.h"

namespace sanderling {
namespace {

FloatExtent extent(const float* x, int64_t n) noexcept {
  constexpr int kLanes = 16;
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

void round_row(const float* __restrict x, int64_t n, float factor, float low, float high, int32_t offset,
               int8_t* __restrict q) noexcept {
  for (int64_t i = 0; i < n; ++i) {
    float v = x[i] * factor;
    v = v > low ? v : low;
    v = v < high ? v : high;
    // The largest float below 1/2: adding 1/2 itself would round the one below 1/2 up.
    q[i] = static_cast<int8_t>(static_cast<int32_t>(v + __builtin_copysignf(0.49999997f, v)) + offset);
  }
}

void finish_row(const float* __restrict scales, float factor, const float* __restrict bias, float low, float high,
                int64_t n, float* __restrict row) noexcept {
  constexpr int64_t kChunk = 64;
  int32_t acc[kChunk];
  for (int64_t first = 0; first < n; first += kChunk) {
    const int64_t count = n - first < kChunk ? n - first : kChunk;
    float* __restrict y = row + first;
    std::memcpy(acc, y, static_cast<size_t>(count) * sizeof(float));
    for (int64_t o = 0; o < count; ++o) y[o] = static_cast<float>(acc[o]) * (scales[first + o] * factor);
    if (bias != nullptr)
      for (int64_t o = 0; o < count; ++o) y[o] += bias[first + o];
    for (int64_t o = 0; o < count; ++o) {
      const float v = y[o] < low ? low : y[o];
      y[o] = v > high ? high : v;
    }
  }
}

}  // namespace
}  // namespace sanderling
