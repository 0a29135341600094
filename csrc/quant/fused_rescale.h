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
#include <cstring>
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

// Two numbers at a time; four take turns, as additions and maxima wait for each other.
namespace pairs {
using Pair = double __attribute__((vector_size(2 * sizeof(double))));
constexpr int kPairs = 2, kAtOnce = 2 * kPairs;
static inline Pair both(double x) { return Pair{x, x}; }
static inline Pair greater(Pair a, Pair b) { return a > b ? a : b; }
static inline Pair lesser(Pair a, Pair b) { return a < b ? a : b; }
}  // namespace pairs

// The smallest sums of the outputs 1, 2, ... above zero, as far as `highest`, of `most` outputs; returns how many.
// `steps` has room for whole kAtOnce.
static inline int fused_steps(Multiplier m, int64_t highest, int most, double* steps) {
  using namespace pairs;
  // The step to j + 1 is where floor(sum * multiplier / 2^31 + 1/2) reaches (2 j + 1) * 2^(right - 1), or j + 1 where
  // nothing is shifted right: the quotient by the multiplier, rounded up, of first + j * each. These, in units of 2^30,
  // are doubles; quotients are near theirs.
  const int right = m.shift < 0 ? -m.shift : 0, left = m.shift + right;
  const double first = right > 0 ? std::ldexp(1.0, right) - 1 : 1, each = std::ldexp(1.0, right + 1);
  const double multiplier = std::ldexp(static_cast<double>(m.multiplier), left - 30), inverse = 1 / multiplier;
  constexpr double kToWhole = 6755399441055744.0;  // 1.5 * 2^52: what is added to it is rounded to whole numbers
  constexpr double kSure = 0.5 - 1.0 / (1 << 18);  // many times the error of quotients below 2^31 from a whole number
  const double reached = (static_cast<double>(highest) * multiplier - first) / each + 2;
  const int count = reached < most ? (reached > 0 ? static_cast<int>(reached) : 0) : most;
  Pair at[kPairs] = {{0, 1}, {2, 3}}, furthest[kPairs] = {};
  for (int j = 0; j < count; j += kAtOnce)
    for (int p = 0; p < kPairs; ++p) {
      const Pair quotient = (both(first) + at[p] * both(each)) * both(inverse) + both(0.5);
      const Pair step = (quotient + both(kToWhole)) - both(kToWhole), beyond = quotient - step;
      furthest[p] = greater(furthest[p], greater(beyond, -beyond));
      std::memcpy(steps + j + 2 * p, &step, sizeof step);
      at[p] += both(kAtOnce);
    }
  const Pair all = greater(furthest[0], furthest[1]);
  if (all[0] > kSure || all[1] > kSure)
    for (int j = 0; j < count; ++j) {
      const uint64_t divisor = static_cast<uint64_t>(m.multiplier)
                               << left;  // no dividend is far above highest * divisor
      const uint64_t dividend =
          (static_cast<uint64_t>(2 * j + 1) << (right + 30)) - (right > 0 ? uint64_t{1} << 30 : 0);
      steps[j] = static_cast<double>((dividend + divisor - 1) / divisor);
    }
  int n = count;
  while (n > 0 && steps[n - 1] > static_cast<double>(highest)) --n;
  return n;
}

struct DeltaBounds {
  double least, greatest;
};

// Of the delta with which the steps to outputs first + 1, ... are where they should be.
static inline void bound_delta(const double* steps, int n, int first, double scale, DeltaBounds& bounds) {
  using namespace pairs;
  // With less than `up` the step would come later, with scale more earlier.
  Pair half[kPairs], most[kPairs], least[kPairs];
  for (int p = 0; p < kPairs; ++p) {
    half[p] = Pair{0.5, 1.5} + both(first + 2 * p);
    most[p] = both(bounds.least);
    least[p] = both(bounds.greatest - scale);
  }
  int i = 0;
  for (; i + kAtOnce <= n; i += kAtOnce)
    for (int p = 0; p < kPairs; ++p) {
      Pair step;
      std::memcpy(&step, steps + i + 2 * p, sizeof step);
      const Pair up = half[p] - step * both(scale);
      most[p] = greater(most[p], up);
      least[p] = lesser(least[p], up);
      half[p] += both(kAtOnce);
    }
  const Pair highest = greater(most[0], most[1]), lowest = lesser(least[0], least[1]);
  double greatest_up = highest[0] > highest[1] ? highest[0] : highest[1];
  double least_up = lowest[0] < lowest[1] ? lowest[0] : lowest[1];
  for (; i < n; ++i) {
    const double up = first + i + 0.5 - steps[i] * scale;
    greatest_up = up > greatest_up ? up : greatest_up;
    least_up = up < least_up ? up : least_up;
  }
  bounds = {greatest_up, least_up + scale};
}

// A base 2^23 + B in [low, high], an integer, and an n such that base * scale - n is a delta within bounds.
static inline bool find_base(double scale, DeltaBounds bounds, double low, double high, double& base, double& n) {
  constexpr double kWhole = 18446744073709551616.0;  // 2^64
  const double middle = (bounds.least + bounds.greatest) / 2, inverse = 1 / scale;
  const double first = std::ceil(low * scale - middle);
  // (n + middle) / scale must be nearly an integer: what is beyond one, in 2^-64, as a signed number.
  const auto beyond = [](double x) {
    const double fraction = x - std::floor(x);  // below 1
    return static_cast<uint64_t>(fraction < 0.9999999999 ? fraction * kWhole : 0);
  };
  const uint64_t step = beyond(inverse);
  const double reach = (bounds.greatest - bounds.least) / 2 * inverse;
  const uint64_t tolerance = reach < 0.25 ? static_cast<uint64_t>(reach * kWhole) : uint64_t{1} << 62;
  uint64_t at = beyond((first + middle) * inverse) + tolerance;
  for (int i = 0; i < 8192; ++i, at += step) {
    if (at > 2 * tolerance) continue;
    n = first + i;
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
  if (low < zero || m.multiplier < 0) return false;
  // B is such that range + B lies in [0, 2^23); there is to be some choice.
  const int64_t least_base = kOne - range.lowest, most_base = 2 * kOne - 1 - range.highest;
  if (most_base - least_base < kOne / 16) return false;
  if (range.lowest < INT32_MIN || range.highest > INT32_MAX) return false;
  const auto start = [](int64_t base) { return static_cast<int32_t>(static_cast<uint32_t>(kOneBits + base - kOne)); };
  if (m.multiplier == 0) {
    result = {start(least_base), 0.0f, static_cast<float>(3 * kOne / 2 + zero)};
    return true;
  }
  if (m.shift > 16 || m.shift < -31) return false;
  const double real = std::ldexp(static_cast<double>(m.multiplier), m.shift - 31);
  const double bottom = static_cast<double>(range.lowest), top = static_cast<double>(range.highest);
  // Left shifts that overflow in the reference.
  if (m.shift > 0 && (std::ldexp(bottom, m.shift) < INT32_MIN || std::ldexp(top, m.shift) > INT32_MAX)) return false;
  const int most = high - zero;
  double steps[256];
  const int count = fused_steps(m, range.highest, most, steps);
  int first = 0;  // that the sums do not begin above
  while (first < count && steps[first] <= bottom) ++first;
  if (first == count) {  // no step: as channels with weights near zero have
    result = {start(least_base), 0.0f, static_cast<float>(3 * kOne / 2 + zero + first)};
    return true;
  }
  if (bottom * real < -32000 || top * real > 32000) return false;  // the low 16 bits hold it

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
