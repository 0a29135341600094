// Rescaling by a single floating-point multiply-add, for channels whose results below zero are clamped away (a fused
// ReLU) and whose sums are known to stay in a range of 2^23.
//
// `start` is added to the sum, so that its bits are those of the float F = 2^23 + B + sum. Then
//   fma(F, scale, offset) = 3 * 2^22 + output     rounded once, to an integer, as the exponent leaves no fraction
// and the low 16 bits are the output, zero point added, before it is clamped to [low, high]. With n = 3 * 2^22 + zero -
// offset, an integer, that is zero + round(sum * scale + delta), delta = (2^23 + B) * scale - n.
//
// requantize() and this only rise with the sum, so they give the same for every sum if they do on both sides of every
// step of requantize(). find_fused_rescale() looks for a scale, a B and an n with which they do; where the sums of
// about 255 / scale are too many for a float's 24 bits there may be none. It counts on rounding to nearest.
#pragma once

#include <cmath>
#include <cstdint>
#include <initializer_list>

#include "quant/requantize.h"

namespace sanderling {

struct FusedRescale {
  int32_t start;
  float scale, offset;
};

// The bounds of a channel's sum, bias and all: the bias and weights (zero points taken off) times any inputs.
struct SumRange {
  int64_t lowest, highest;
};
static inline SumRange sum_range(int32_t bias, int64_t positive, int64_t negative, int32_t input_zero) {
  const int64_t below = 128 + input_zero, above = 127 - input_zero;
  return {bias - positive * below - negative * above, bias + positive * above + negative * below};
}

// The smallest sums of the outputs 1, 2, ... above zero, as far as `highest`; returns how many.
static inline int fused_steps(Multiplier m, int64_t highest, int most, int64_t* steps) {
  // The step to j is where floor(sum * multiplier / 2^31 + 1/2) reaches (2 j - 1) * 2^(right - 1).
  const int right = -m.shift;
  const int64_t divisor = m.multiplier, first = (int64_t{1} << (right + 30)) - (int64_t{1} << 30);
  const int64_t each = int64_t{1} << (right + 31), whole = each / divisor, part = each % divisor;
  int64_t step = (first + divisor - 1) / divisor, beyond = step * divisor - first;
  int n = 0;
  for (; n < most && step <= highest; ++n) {
    steps[n] = step;
    step += whole;
    beyond -= part;
    if (beyond < 0) ++step, beyond += divisor;
  }
  return n;
}

static inline bool find_fused_rescale(Multiplier m, SumRange range, int32_t zero, int32_t low, int32_t high,
                                      FusedRescale& result) {
  constexpr int64_t kOne = int64_t{1} << 23;
  constexpr int32_t kOneBits = 0x4B000000;  // of the float 2^23
  if (low < zero) return false;
  if (m.multiplier <= 0) {
    result = {kOneBits, 0.0f, static_cast<float>(3 * kOne / 2 + zero)};
    return m.multiplier == 0;
  }
  // B is such that range + B lies in [0, 2^23); there is to be some choice.
  const int64_t least_base = kOne - range.lowest, most_base = 2 * kOne - 1 - range.highest;
  if (m.shift >= 0 || m.shift < -31 || most_base - least_base < kOne / 16) return false;
  if (range.lowest < -4 * kOne || range.highest > 4 * kOne) return false;
  const int most = high - zero;
  int64_t steps[256];
  const int count = fused_steps(m, range.highest, most, steps);
  const double real = std::ldexp(static_cast<double>(m.multiplier), m.shift - 31);
  const double bottom = static_cast<double>(range.lowest), top = static_cast<double>(range.highest);
  if (bottom * real < -32000 || top * real > 32000) return false;  // the low 16 bits hold it

  const float nearest = static_cast<float>(real), above = std::nextafter(nearest, 1.0f);
  const float below = std::nextafter(nearest, 0.0f);
  for (const float candidate : {nearest, above, below, std::nextafter(above, 1.0f), std::nextafter(below, 0.0f)}) {
    const double scale = candidate;
    // Bounds of delta.
    double least = -0.4, greatest = 0.4;
    for (int i = 0; i < count; ++i) {
      const double half = i + 0.5, step = static_cast<double>(steps[i]);
      const double up = half - (steps[i] < range.lowest ? bottom : step) * scale;
      if (up > least) least = up;
      const double down = half - (step - 1) * scale;
      if (steps[i] > range.lowest && down < greatest) greatest = down;
    }
    if (count < most && count + 0.5 - top * scale < greatest) greatest = count + 0.5 - top * scale;
    const double margin = scale / 4096;
    least += margin, greatest -= margin;
    if (!(least < greatest)) continue;
    // A base 2^23 + B whose product with the scale is an integer and the delta wanted.
    const double middle = (least + greatest) / 2, inverse = 1 / scale;
    const double low_base = static_cast<double>(least_base), high_base = static_cast<double>(most_base);
    double n = std::floor(low_base * scale);
    for (int i = 0; i < 8192; ++i, n += 1) {
      double base = std::nearbyint((n + middle) * inverse);
      if (base < low_base) base = low_base;
      if (base > high_base) base = high_base;
      const double delta = base * scale - n;
      if (delta > least && delta < greatest) {
        const double offset = static_cast<double>(3 * kOne / 2 + zero) - n;
        if (std::fabs(offset) > static_cast<double>(2 * kOne)) return false;
        const int64_t start = kOneBits + static_cast<int64_t>(base) - kOne;
        result = {static_cast<int32_t>(start), candidate, static_cast<float>(offset)};
        return true;
      }
      if ((n + middle) * inverse > high_base) break;
    }
  }
  return false;
}

}  // namespace sanderling
