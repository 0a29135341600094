// What the NEON kernels share: vectors of four int32 lanes.
#pragma once

#include <arm_neon.h>

#include "kernels/matmul/neon_right.h"
#include "kernels/matmul/products_q8.h"

namespace sanderling::matmul {
namespace {

struct LanesNeon {
  using Type = int32x4_t;
  using Left = int8_t;
#ifdef __aarch64__
  static constexpr int kRows = 4;
#else
  static constexpr int kRows = 2;  // of sixteen registers, eight accumulate
#endif
  static constexpr int kAhead = 0;

  static Type splat(int32_t x) noexcept { return vdupq_n_s32(x); }
  static Type load(const int32_t* p) noexcept { return vld1q_s32(p); }
  static void store(int32_t* p, Type v) noexcept { vst1q_s32(p, v); }
  static Type add(Type a, Type b) noexcept { return vaddq_s32(a, b); }
  static Type subtract(Type a, Type b) noexcept { return vsubq_s32(a, b); }
  static Type multiply(Type a, Type b) noexcept { return vmulq_s32(a, b); }
  static int8x16_t weights(const int8_t* p) noexcept { return vld1q_s8(p); }
};

// Four bits: what the kernels of bytes have as two vectors.
struct Nibbles {
  int8x16_t low, high;

  static Nibbles load(const int8_t* p) noexcept {
    const uint8x16_t w = vreinterpretq_u8_s8(vld1q_s8(p));
    return {vreinterpretq_s8_u8(vandq_u8(w, vdupq_n_u8(15))), vreinterpretq_s8_u8(vshrq_n_u8(w, 4))};
  }
};

}  // namespace
}  // namespace sanderling::matmul
