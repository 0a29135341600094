// requantize() for multipliers below 1, its two roundings folded into one shift of 64 bits.
//
// With product p = x * multiplier and e = -shift > 0, the reference computes v = floor((p + 2^30) / 2^31), then
// floor((v + 2^(e-1) - (v < 0)) / 2^e). Nested floors are one: floor((p + 2^30 + 2^(30+e) - (v < 0) * 2^31) /
// 2^(31+e)). v < 0 may be read as x < 0: where p is negative but v is 0 the numerator stays within [0, 2^(31+e)) either
// way.
#pragma once

#include <cstdint>

#include "quant/requantize.h"

namespace sanderling {

struct RightRescale {
  int64_t multiplier, nudge, negative;
  int shift;
};

// m.shift <= 0.
static inline RightRescale right_rescale(Multiplier m) {
  const int e = -m.shift;
  const int64_t half = int64_t{1} << 30;
  return {m.multiplier, half + (e > 0 ? half << e : 0), e > 0 ? int64_t{1} << 31 : 0, 31 + e};
}

static inline int32_t requantize(int32_t x, const RightRescale& r) {
  return static_cast<int32_t>((x * r.multiplier + r.nudge - (x < 0 ? r.negative : 0)) >> r.shift);
}

}  // namespace sanderling
