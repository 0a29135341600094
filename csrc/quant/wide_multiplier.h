// requantize() of int64 accumulators with what it computes from the multiplier taken out of the loop.
#pragma once

#include <cstdint>

#include "quant/requantize.h"

namespace sanderling {

struct WideMultiplier {
  uint64_t reduced, half;
  int64_t shift;
};

static inline WideMultiplier wide_multiplier(Multiplier m) {
  const int32_t reduced = m.multiplier < 0x7FFF0000 ? (m.multiplier + (1 << 15)) >> 16 : 0x7FFF;
  const int shift = 15 - (m.shift < 14 ? m.shift : 14);
  return {static_cast<uint64_t>(reduced), uint64_t{1} << (shift - 1), shift};
}

static inline int32_t requantize(int64_t x, const WideMultiplier& m) {
  return static_cast<int32_t>(static_cast<int64_t>(static_cast<uint64_t>(x) * m.reduced + m.half) >> m.shift);
}

}  // namespace sanderling
