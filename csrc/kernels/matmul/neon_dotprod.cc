#include "kernels/matmul/neon_lanes.h"

namespace sanderling::matmul {
namespace {

struct VectorQ8 : LanesNeon, DotColumns {
  static int8x16_t values(const char* p) noexcept {
    return vreinterpretq_s8_s32(vld1q_dup_s32(reinterpret_cast<const int32_t*>(p)));
  }
  static Type dot(Type acc, int8x16_t x, int8x16_t w) noexcept { return vdotq_s32(acc, w, x); }
};

struct VectorQ4 : LanesNeon, DotColumns4 {
  static int8x8_t values(const char* p) noexcept { return vld1_s8(reinterpret_cast<const int8_t*>(p)); }
  static Nibbles weights(const int8_t* p) noexcept { return Nibbles::load(p); }
  static Type dot(Type acc, int8x8_t x, Nibbles w) noexcept {
    return vdotq_lane_s32(vdotq_lane_s32(acc, w.low, x, 0), w.high, x, 1);
  }
};

}  // namespace

extern const Kernel<int32_t> q4_neon_dotprod;
const Kernel<int32_t> q4_neon_dotprod = ProductsQ8<VectorQ4>::kernel(30);

extern const Kernel<int32_t> q8_neon_dotprod;
const Kernel<int32_t> q8_neon_dotprod = ProductsQ8<VectorQ8>::kernel(30);

}  // namespace sanderling::matmul
