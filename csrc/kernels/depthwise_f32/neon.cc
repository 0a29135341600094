#include <arm_neon.h>

#include "kernels/depthwise_f32/columns.h"

namespace sanderling {
namespace {

struct Vector {
  using Type = float32x4_t;
  static constexpr int64_t kLanes = 4;
  static constexpr bool kShares = false;
#ifdef __aarch64__
  static constexpr int kWide = 2;
  static Type add_product(Type sum, Type x, Type w) noexcept { return vfmaq_f32(sum, x, w); }
#else
  static constexpr int kWide = 1;  // of 16 registers, 8 hold sums
  static Type add_product(Type sum, Type x, Type w) noexcept { return vmlaq_f32(sum, x, w); }
#endif

  static Type zero() noexcept { return vdupq_n_f32(0.0f); }
  static Type splat(float x) noexcept { return vdupq_n_f32(x); }
  static Type load(const float* p) noexcept { return vld1q_f32(p); }
  static Type load_first(const float* p, int64_t n) noexcept {
    float all[kLanes] = {};
    for (int64_t i = 0; i < n; ++i) all[i] = p[i];
    return vld1q_f32(all);
  }
  static Type add(Type a, Type b) noexcept { return vaddq_f32(a, b); }
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

const DepthwiseF32Kernel depthwise_f32_neon_columns = Columns<Vector>::kernel();

}  // namespace sanderling
