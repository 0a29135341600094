// Rescaling of accumulators that surely stay small, for instruction sets without a rounding 32-bit high product (x86).
//
// With u = acc + 2^31 as an unsigned number, e the right shift and no left shift,
//   h = floor((2 * multiplier * u + 2^31) / 2^32) = floor(acc * multiplier / 2^31 + 1/2) + multiplier
// is the first rounding of requantize(), biased. The second one, and the output's zero point, are
//   y = (h + offset + (u >> sign_shift)) >> e,   offset = -multiplier + (zero << e) + (e > 0 ? 2^(e-1) - 1 : 0)
// where u >> sign_shift is 1 for acc >= 0 and e > 0, else 0: ties of negative values go away from zero. Sums are modulo
// 2^32 but for the last one, which must fit int32: that is what narrow_fits() asks.
#pragma once

#include <cstddef>
#include <cstdint>

#include "quant/requantize.h"

namespace sanderling {

// Views into memory of narrow_table_bytes(channels) bytes.
struct NarrowTable {
  const uint32_t* twice;  // 2 * multiplier
  const int32_t* offset;
  const uint32_t* sign_shift;  // 31, or 32 for e = 0
  const uint32_t* right;       // e
};

static inline size_t narrow_table_bytes(int64_t channels) { return static_cast<size_t>(channels) * 16; }

// Whether |acc| <= largest stays within the range of the form above.
static inline bool narrow_fits(Multiplier m, int64_t largest, int32_t zero) {
  if (m.shift > 0 || largest >= int64_t{1} << 31) return false;
  const int right = -m.shift;
  const int64_t rescaled = ((largest * m.multiplier) >> 31) + 1;
  const int64_t half = right > 0 ? int64_t{1} << (right - 1) : 0;
  const int64_t magnitude = zero < 0 ? -static_cast<int64_t>(zero) : zero;
  return rescaled + half + (magnitude << right) < int64_t{1} << 31;
}

static inline NarrowTable view_narrow_table(const void* memory, size_t channels) {
  const uint32_t* p = static_cast<const uint32_t*>(memory);
  return {p, reinterpret_cast<const int32_t*>(p + channels), p + 2 * channels, p + 3 * channels};
}

// Fills `channels` columns of a table from `memory` (aligned for uint32_t) on; the table's arrays are `stride` apart.
// Columns from `used` on give zeros.
static inline void build_narrow_table(const Multiplier* m, int64_t used, int64_t channels, int32_t zero, void* memory,
                                      size_t stride) {
  uint32_t* twice = static_cast<uint32_t*>(memory);
  for (int64_t c = 0; c < channels; ++c, ++twice) {
    const bool real = c < used;
    const uint32_t multiplier = real ? static_cast<uint32_t>(m[c].multiplier) : 0;
    const int e = real && m[c].shift < 0 ? -m[c].shift : 0;
    const uint32_t half = e > 0 ? (uint32_t{1} << (e - 1)) - 1 : 0;
    twice[0] = 2 * multiplier;
    twice[stride] = half - multiplier + (static_cast<uint32_t>(zero) << e);
    twice[2 * stride] = e > 0 ? 31 : 32;
    twice[3 * stride] = static_cast<uint32_t>(e);
  }
}

}  // namespace sanderling
