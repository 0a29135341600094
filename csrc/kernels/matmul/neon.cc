// Without dot products, two products of bytes are added in int16, then pairs of these to the int32 sums: see
// neon_right.h.
#include "kernels/matmul/neon_lanes.h"
#include "kernels/matmul/products_f32.h"

namespace sanderling::matmul {
namespace {

struct VectorQ8 : LanesNeon, PairColumns {
  static int16x4x2_t values(const char* p) noexcept { return vld2_dup_s16(reinterpret_cast<const int16_t*>(p)); }
  static Type dot(Type acc, int16x4x2_t x, int8x16_t w) noexcept {
    const int16x8_t products = vmull_s8(vget_low_s8(w), vreinterpret_s8_s16(x.val[0]));
    return vpadalq_s16(acc, vmlal_s8(products, vget_high_s8(w), vreinterpret_s8_s16(x.val[1])));
  }
};

struct CarefulQ8 : VectorQ8 {
  static Type dot(Type acc, int16x4x2_t x, int8x16_t w) noexcept {
    acc = vpadalq_s16(acc, vmull_s8(vget_low_s8(w), vreinterpret_s8_s16(x.val[0])));
    return vpadalq_s16(acc, vmull_s8(vget_high_s8(w), vreinterpret_s8_s16(x.val[1])));
  }
};

// Four products of a byte with four bits fit int16.
struct VectorQ4 : LanesNeon, PairColumns4 {
  static constexpr int kRows = 2;  // with four, gcc spills the sums

  static int16x4x4_t values(const char* p) noexcept { return vld4_dup_s16(reinterpret_cast<const int16_t*>(p)); }
  static Nibbles weights(const int8_t* p) noexcept { return Nibbles::load(p); }
  static Type dot(Type acc, int16x4x4_t x, Nibbles w) noexcept {
    int16x8_t products = vmull_s8(vget_low_s8(w.low), vreinterpret_s8_s16(x.val[0]));
    products = vmlal_s8(products, vget_high_s8(w.low), vreinterpret_s8_s16(x.val[1]));
    products = vmlal_s8(products, vget_low_s8(w.high), vreinterpret_s8_s16(x.val[2]));
    return vpadalq_s16(acc, vmlal_s8(products, vget_high_s8(w.high), vreinterpret_s8_s16(x.val[3])));
  }
};

using Products = ProductsQ8<VectorQ8>;

void run(const void* left, const void* right, int64_t depth, const Block& b, int32_t* acc) {
  if (static_cast<const Products::Right*>(right)->care != 0)
    ProductsQ8<CarefulQ8>::run(left, right, depth, b, acc);
  else
    Products::run(left, right, depth, b, acc);
}

struct VectorF32 {
  using Type = float32x4_t;
  static constexpr int64_t kLanes = 4;
  static constexpr int kVectors = NeonColumns::kVectors, kRows = LanesNeon::kRows;

  static Type zero() noexcept { return vdupq_n_f32(0); }
  static Type splat(float x) noexcept { return vdupq_n_f32(x); }
  static Type load(const float* p) noexcept { return vld1q_f32(p); }
#ifdef __aarch64__
  static Type add_product(Type sum, Type x, Type w) noexcept { return vfmaq_f32(sum, x, w); }
#else
  static Type add_product(Type sum, Type x, Type w) noexcept { return vmlaq_f32(sum, x, w); }
#endif
  static void store(float* p, Type v) noexcept { vst1q_f32(p, v); }
};

}  // namespace

extern const Kernel<int32_t> q4_neon;
const Kernel<int32_t> q4_neon = ProductsQ8<VectorQ4>::kernel(10);

extern const Kernel<int32_t> q8_neon;
const Kernel<int32_t> q8_neon = {
    "q8", Products::left_bytes, Products::right_bytes, Products::pack_left, RightPairs::pack_right, run, 10};

extern const Kernel<float> f32_neon;
const Kernel<float> f32_neon = ProductsF32<VectorF32>::kernel(5);

}  // namespace sanderling::matmul
