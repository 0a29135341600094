// What NEON tiles share: the end of a tile, from int32 sums to bytes, and loops over registers.
#pragma once

#include "kernels/conv2d_q8/neon_tiles.h"
#include "quant/requantize_neon.h"

#define SANDERLING_INLINE static inline __attribute__((always_inline))

namespace sanderling {
namespace {

SANDERLING_INLINE OutputStageNeon output_stage(const Tile& t) {
  return output_stage_neon(t.zero, t.low, t.high, t.flip);
}

// Four sums of one pixel, any multiplier.
SANDERLING_INLINE void rescale_four(const Tile& t, int64_t channel, const int32_t* sums, uint8_t* out) {
  constexpr RequantizeNeon kAny = RequantizeNeon::kAny;
  const int32x4_t x =
      requantize_neon<kAny>(vld1q_s32(sums + channel), vld1q_s32(t.multiplier + channel), vld1q_s32(t.shift + channel));
  const uint8x8_t y = output_neon<kAny>(x, x, output_stage(t));
  vst1_lane_u32(reinterpret_cast<uint32_t*>(out + channel), vreinterpret_u32_u8(y), 0);
}

// Compile-time loops: arrays indexed by their counters become registers, even with GCC 12.
template <int n>
struct Index {
  static constexpr int value = n;
  constexpr operator int() const { return n; }
};
template <int n, class F>
SANDERLING_INLINE void unrolled(F&& f) {
  if constexpr (n > 0) {
    unrolled<n - 1>(f);
    f(Index<n - 1>{});
  }
}

}  // namespace
}  // namespace sanderling
