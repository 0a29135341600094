// Vectors of four floats: 20 of the 32 registers hold sums (GCC 12 spills some of 24), on ARMv7 8 of the 16.
#include <arm_neon.h>

#include "kernels/conv2d_f32/tiles.h"

namespace sanderling {
namespace {

struct Vector {
  using Type = float32x4_t;
  static constexpr int64_t kLanes = 4;
#ifdef __aarch64__
  static constexpr int kVectors = 4;
  static constexpr int kRows[] = {12, 9, 6, 5};
  static constexpr bool kElements = true;
  static Type load_inputs(const float* p) noexcept { return vld1q_f32(p); }
  static Type add_element(Type sum, Type x, int i, Type w) noexcept {
    switch (i) {
      case 0: return vfmaq_laneq_f32(sum, w, x, 0);
      case 1: return vfmaq_laneq_f32(sum, w, x, 1);
      case 2: return vfmaq_laneq_f32(sum, w, x, 2);
      default: return vfmaq_laneq_f32(sum, w, x, 3);
    }
  }
  static Type add_product(Type sum, Type x, Type w) noexcept { return vfmaq_f32(sum, x, w); }
#else
  static constexpr int kVectors = 2;
  static constexpr int kRows[] = {8, 4};
  static constexpr bool kElements = false;
  static Type add_product(Type sum, Type x, Type w) noexcept { return vmlaq_f32(sum, x, w); }
#endif

  static Type load(const float* p) noexcept { return vld1q_f32(p); }
  static Type splat(float x) noexcept { return vdupq_n_f32(x); }
  static Type at_least(Type low, Type x) noexcept { return vmaxq_f32(low, x); }
  static Type at_most(Type high, Type x) noexcept { return vminq_f32(high, x); }
  static void store(float* p, Type v) noexcept { vst1q_f32(p, v); }
  static void store_first(float* p, Type v, int64_t n) noexcept {
    float all[kLanes];
    vst1q_f32(all, v);
    for (int64_t i = 0; i < n; ++i) p[i] = all[i];
  }
};

}  // namespace

const Conv2dF32Kernel conv2d_f32_neon_tiles = Tiles<Vector>::kernel(8);

}  // namespace sanderling
