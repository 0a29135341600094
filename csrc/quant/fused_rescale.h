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
// `steps` has room for three more than `most`.
static inline int fused_steps(Multiplier m, int64_t highest, int most, double* steps) {
  // The step to j is where floor(sum * multiplier / 2^31 + 1/2) reaches (2 j - 1) * 2^(right - 1): the quotients by the
  // multiplier, rounded up, of numbers that are all `each` apart; `beyond` is what was added to round.
  constexpr int kLanes = 4;  // steps at a time, as each waits for the one before it
  const int right = -m.shift;
  const int64_t divisor = m.multiplier, first = (int64_t{1} << (right + 30)) - (int64_t{1} << 30);
  const int64_t each = int64_t{1} << (right + 31), whole = each / divisor, part = each % divisor;
  int64_t step[kLanes] = {(first + divisor - 1) / divisor}, beyond[kLanes] = {step[0] * divisor - first};
  const auto advance = [divisor](int64_t& to, int64_t& rest, int64_t by, int64_t by_rest) {
    const int64_t left = rest - by_rest, more = left < 0;
    to += by + more;
    rest = left + (more ? divisor : 0);
  };
  for (int j = 1; j < kLanes; ++j) {
    step[j] = step[j - 1], beyond[j] = beyond[j - 1];
    advance(step[j], beyond[j], whole, part);
  }
  const int64_t by = kLanes * whole + kLanes * part / divisor, by_rest = kLanes * part % divisor;
  int n = 0;
  for (; n < most && step[0] <= highest; n += kLanes)
    for (int j = 0; j < kLanes; ++j) {
      steps[n + j] = static_cast<double>(step[j]);
      advance(step[j], beyond[j], by, by_rest);
    }
  n = n < most ? n : most;
  while (n > 0 && steps[n - 1] > static_cast<double>(highest)) --n;
  return n;
}

struct DeltaBounds {
  double least, greatest;
};

// Of the delta with which the steps to outputs first + 1, ... are where they should be.
static inline void bound_delta(const double* steps, int n, int first, double scale, DeltaBounds& bounds) {
  constexpr int kLanes = 4;  // maxima wait for each other
  double half[kLanes], most[kLanes], least[kLanes];
  for (int j = 0; j < kLanes; ++j) {
    half[j] = first + j + 0.5;
    most[j] = bounds.least;
    least[j] = bounds.greatest - scale;
  }
  const auto add = [&](int i, int j) {
    const double up = half[j] - steps[i] * scale;  // with less the step would come later, with scale more earlier
    most[j] = up > most[j] ? up : most[j];
    least[j] = up < least[j] ? up : least[j];
    half[j] += kLanes;
  };
  int i = 0;
  for (; i + kLanes <= n; i += kLanes)
    for (int j = 0; j < kLanes; ++j) add(i + j, j);
  for (int j = 0; i < n; ++i, ++j) add(i, j);
  for (int j = 0; j < kLanes; ++j) {
    if (most[j] > bounds.least) bounds.least = most[j];
    if (least[j] + scale < bounds.greatest) bounds.greatest = least[j] + scale;
  }
}

// A base 2^23 + B in [low, high], an integer, and an n such that base * scale - n is a delta within bounds.
static inline bool find_base(double scale, DeltaBounds bounds, double low, double high, double& base, double& n) {
  constexpr double kWhole = 18446744073709551616.0;  // 2^64
  const double middle = (bounds.least + bounds.greatest) / 2, inverse = 1 / scale;
  n = std::ceil(low * scale - middle);
  // (n + middle) / scale must be nearly an integer: what is beyond one, in 2^-64, as a signed number.
  const auto beyond = [](double x) {
    const double fraction = x - std::floor(x);  // below 1
    return static_cast<uint64_t>(fraction < 0.9999999999 ? fraction * kWhole : 0);
  };
  const uint64_t step = beyond(inverse);
  const double reach = (bounds.greatest - bounds.least) / 2 * inverse;
  const uint64_t tolerance = reach < 0.25 ? static_cast<uint64_t>(reach * kWhole) : uint64_t{1} << 62;
  uint64_t at = beyond((n + middle) * inverse) + tolerance;
  for (int i = 0; i < 8192; ++i, n += 1, at += step) {
    if (at > 2 * tolerance) continue;
    base = std::nearbyint((n + middle) * inverse);
    if (base > high) return false;
    const double delta = base * scale - n;
    if (base >= low && delta > bounds.least && delta < bounds.greatest) return true;
  }
  return false;
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
  if (range.lowest < INT32_MIN || range.highest > INT32_MAX) return false;
  const auto start = [](int64_t base) { return static_cast<int32_t>(static_cast<uint32_t>(kOneBits + base - kOne)); };
  const double real = std::ldexp(static_cast<double>(m.multiplier), m.shift - 31);
  const double bottom = static_cast<double>(range.lowest), top = static_cast<double>(range.highest);
  if (bottom * real < -32000 || top * real > 32000) return false;  // the low 16 bits hold it
  const int most = high - zero;
  double steps[255 + 3];
  const int count = fused_steps(m, range.highest, most, steps);
  int first = 0;  // that the sums do not begin above
  while (first < count && steps[first] <= bottom) ++first;
  if (first == count) {  // no step: as channels with weights near zero have
    result = {start(least_base), 0.0f, static_cast<float>(3 * kOne / 2 + zero + first)};
    return true;
  }

  const float nearest = static_cast<float>(real), above = std::nextafter(nearest, 1.0f);
  const float below = std::nextafter(nearest, 0.0f);
  for (const float candidate : {nearest, above, below, std::nextafter(above, 1.0f), std::nextafter(below, 0.0f)}) {
    const double scale = candidate;
    DeltaBounds bounds{-0.4, 0.4};
    for (int i = first; i < count && bounds.least < bounds.greatest; i += 64)
      bound_delta(steps + i, count - i < 64 ? count - i : 64, i, scale, bounds);
    if (first > 0 && first - 0.5 - bottom * scale > bounds.least) bounds.least = first - 0.5 - bottom * scale;
    if (count < most && count + 0.5 - top * scale < bounds.greatest) bounds.greatest = count + 0.5 - top * scale;
    const double margin = scale / 4096;
    bounds.least += margin, bounds.greatest -= margin;
    if (!(bounds.least < bounds.greatest)) continue;
    double base, n;
    if (!find_base(scale, bounds, static_cast<double>(least_base), static_cast<double>(most_base), base, n)) continue;
    const double offset = static_cast<double>(3 * kOne / 2 + zero) - n;
    if (std::fabs(offset) > static_cast<double>(2 * kOne)) return false;
    result = {start(static_cast<int64_t>(base)), candidate, static_cast<float>(offset)};
    return true;
  }
  return false;
}

}  // namespace sanderling
