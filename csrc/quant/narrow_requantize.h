// Rescaling of accumulators that surely stay small, for instruction sets without a rounding 32-bit high product (x86).
//
// An accumulator is held as u = acc + bias, bias >= 2^30, so that u is an unsigned number. The bias of a channel is
// such that bias * 2 * multiplier = 2^31 modulo 2^32: the product then has the half that the first rounding of
// requantize() adds, and with q = (bias * 2 * multiplier - 2^31) / 2^32
//   h = floor(u * 2 * multiplier / 2^32) = floor(acc * multiplier / 2^31 + 1/2) + q.
// (A bias exists: with multiplier = 2^k * odd, k <= 30, it is 2^(30-k) / odd modulo 2^(31-k).) The second rounding, by
// the right shift e, takes ties away from zero:
//   y = (h + offset - [u < threshold]) >> e,   offset = -q + (e > 0 ? 2^(e-1) : 0)
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

// Whether accumulators in [center - reach, center + reach] stay within the range of the form above.
static inline bool narrow_fits(Multiplier m, int64_t center, int64_t reach) {
  const int64_t largest = (center < 0 ? -center : center) + reach;
  if (m.shift > 0 || reach >= int64_t{1} << 30 || largest >= int64_t{1} << 31) return false;
  const int64_t rescaled = ((largest * m.multiplier) >> 31) + 1;
  const int64_t half = m.shift < 0 ? int64_t{1} << (-m.shift - 1) : 0;
  return rescaled + half < int64_t{1} << 31;
}

// The bias of a multiplier in [least, least + 2^31).
static inline uint32_t narrow_bias(uint32_t multiplier, uint64_t least) {
  if (multiplier == 0) return static_cast<uint32_t>(least);
  int k = 0;
  while ((multiplier >> k & 1) == 0) ++k;
  const uint32_t odd = multiplier >> k;
  uint32_t inverse = odd;  // modulo 2^3; each step doubles the bits
  for (int i = 0; i < 4; ++i) inverse *= 2 - odd * inverse;
  const uint64_t period = uint64_t{1} << (31 - k);
  const uint64_t first = (static_cast<uint64_t>(inverse) << (30 - k)) & (period - 1);
  return static_cast<uint32_t>(first >= least ? first : first + (least - first + period - 1) / period * period);
}

static inline NarrowTable view_narrow_table(const void* memory, size_t channels) {
  const uint32_t* p = static_cast<const uint32_t*>(memory);
  return {p, p + channels, reinterpret_cast<const int32_t*>(p + 2 * channels), p + 3 * channels, p + 4 * channels};
}

// Sets the entry of one channel for accumulators in [center - reach, center + reach] that fit. `memory` is its place in
// the first of the table's arrays, which are `stride` apart. Multiplier {} gives zeros.
static inline void set_narrow(Multiplier m, int64_t center, int64_t reach, void* memory, size_t stride) {
  uint32_t* to = static_cast<uint32_t*>(memory);
  const uint32_t multiplier = static_cast<uint32_t>(m.multiplier);
  const int e = m.shift < 0 ? -m.shift : 0;
  const uint32_t bias = narrow_bias(multiplier, reach > center ? static_cast<uint64_t>(reach - center) : 0);
  const uint32_t q = static_cast<uint32_t>((static_cast<uint64_t>(bias) * 2 * multiplier) >> 32);
  to[0] = bias;
  to[stride] = 2 * multiplier;
  to[2 * stride] = (e > 0 ? uint32_t{1} << (e - 1) : 0) - q;
  to[3 * stride] = e > 0 ? bias : 0;
  to[4 * stride] = static_cast<uint32_t>(e);
}

}  // namespace sanderling
