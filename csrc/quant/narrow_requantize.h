// Rescaling of accumulators that surely stay small, for instruction sets without a rounding 32-bit high product (x86).
//
// An accumulator is held as u = acc + bias, bias >= 2^30, so that u is an unsigned number. The bias of a channel is
// such that bias * 2 * multiplier = 2^31 modulo 2^32: the product then has the half that the first rounding of
// requantize() adds, and with q = (bias * 2 * multiplier - 2^31) / 2^32
//   h = floor(u * 2 * multiplier / 2^32) = floor(acc * multiplier / 2^31 + 1/2) + q.
// (A bias exists: with multiplier = 2^k * odd, k <= 30, it is 2^(30-k) / odd modulo 2^(31-k).) The second rounding, by
// the right shift e, takes ties away from zero; with the output's zero point,
//   y = (h + offset - [u < threshold]) >> e,   offset = -q + (zero << e) + (e > 0 ? 2^(e-1) : 0)
// where threshold = bias, or 0 for e = 0. Sums are modulo 2^32 but for the last one, which must fit int32: that is what
// narrow_fits() asks.
#pragma once

#include <cstddef>
#include <cstdint>

#include "quant/requantize.h"

namespace sanderling {

// Columns for each channel.
struct NarrowTable {
  const uint32_t* bias;
  const uint32_t* twice;  // 2 * multiplier
  const int32_t* offset;
  const uint32_t* threshold;
  const uint32_t* right;  // e
};

constexpr int kNarrowArrays = 5;

static inline size_t narrow_table_bytes(int64_t channels) {
  return static_cast<size_t>(channels) * kNarrowArrays * sizeof(uint32_t);
}

// Whether |acc| <= largest stays within the range of the form above.
static inline bool narrow_fits(Multiplier m, int64_t largest, int32_t zero) {
  if (m.shift > 0 || largest >= int64_t{1} << 30) return false;
  const int right = -m.shift;
  const int64_t rescaled = ((largest * m.multiplier) >> 31) + 1;
  const int64_t half = right > 0 ? int64_t{1} << (right - 1) : 0;
  const int64_t magnitude = zero < 0 ? -static_cast<int64_t>(zero) : zero;
  return rescaled + half + (magnitude << right) < int64_t{1} << 31;
}

// The bias of a multiplier, in [2^30, 2^30 + 2^31).
static inline uint32_t narrow_bias(uint32_t multiplier) {
  if (multiplier == 0) return uint32_t{1} << 30;
  int k = 0;
  while ((multiplier >> k & 1) == 0) ++k;
  const uint32_t odd = multiplier >> k;
  uint32_t inverse = odd;  // modulo 2^3; each step doubles the bits
  for (int i = 0; i < 4; ++i) inverse *= 2 - odd * inverse;
  const uint64_t period = uint64_t{1} << (31 - k);
  const uint64_t least = (static_cast<uint64_t>(inverse) << (30 - k)) & (period - 1);
  const uint64_t from = uint64_t{1} << 30;
  return static_cast<uint32_t>(least >= from ? least : least + (from - least + period - 1) / period * period);
}

static inline NarrowTable view_narrow_table(const void* memory, size_t channels) {
  const uint32_t* p = static_cast<const uint32_t*>(memory);
  return {p, p + channels, reinterpret_cast<const int32_t*>(p + 2 * channels), p + 3 * channels, p + 4 * channels};
}

// Fills `channels` columns of a table from `memory` (aligned for uint32_t) on; the table's arrays are `stride` apart.
// Columns from `used` on give zeros.
static inline void build_narrow_table(const Multiplier* m, int64_t used, int64_t channels, int32_t zero, void* memory,
                                      size_t stride) {
  uint32_t* to = static_cast<uint32_t*>(memory);
  for (int64_t c = 0; c < channels; ++c, ++to) {
    const bool real = c < used;
    const uint32_t multiplier = real ? static_cast<uint32_t>(m[c].multiplier) : 0;
    const int e = real && m[c].shift < 0 ? -m[c].shift : 0;
    const uint32_t bias = narrow_bias(multiplier);
    const uint32_t q = static_cast<uint32_t>((static_cast<uint64_t>(bias) * 2 * multiplier) >> 32);
    const uint32_t half = e > 0 ? uint32_t{1} << (e - 1) : 0;
    to[0] = bias;
    to[stride] = 2 * multiplier;
    to[2 * stride] = half - q + (static_cast<uint32_t>(zero) << e);
    to[3 * stride] = e > 0 ? bias : 0;
    to[4 * stride] = static_cast<uint32_t>(e);
  }
}

}  // namespace sanderling
