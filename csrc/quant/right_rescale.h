// requantize() for multipliers below 1, its two roundings folded into one shift of 64 bits.
//
// With product p = x * multiplier and e = -shift > 0, the reference computes v = floor((p + 2^30) / 2^31), then
// floor((v + 2^(e-1) - (v < 0)) / 2^e). Nested floors are one: floor((p + 2^30 + 2^(30+e) - (v < 0) * 2^31) /
// 2^(31+e)). v < 0 may be read as x < 0: where p is negative but v is 0 the numerator stays within [0, 2^(31+e)) either
// way.
//
// All is unsigned and free of branches, so that compilers vectorise it where there is no signed 64-bit shift: x is
// raised by 2^31 and the numerator by 2^62, which the offset and the last subtraction make good.
#pragma once

#include <cstdint>

#include "quant/requantize.h"

namespace sanderling {

struct RightRescale {
  uint64_t multiplier, offset, negative;
  int shift;
  uint32_t raised;
};

// m.multiplier >= 0, m.shift <= 0.
static inline RightRescale right_rescale(Multiplier m) {
  const int e = -m.shift;
  const uint64_t multiplier = static_cast<uint64_t>(m.multiplier), half = uint64_t{1} << 30;
  const uint64_t nudge = half + (e > 0 ? half << e : 0);
  return {multiplier, nudge + (uint64_t{1} << 62) - (multiplier << 31), e > 0 ? uint64_t{1} << 31 : 0, 31 + e,
          uint32_t{1} << (31 - e)};
}

static inline int32_t requantize(int32_t x, const RightRescale& r) {
  const uint64_t above = static_cast<uint32_t>(x) ^ 0x80000000u;
  const uint64_t negative = static_cast<uint64_t>(static_cast<int64_t>(x >> 31)) & r.negative;
  return static_cast<int32_t>(static_cast<uint32_t>((above * r.multiplier + r.offset - negative) >> r.shift) -
                              r.raised);
}

}  // namespace sanderling
