// 256-bit vectors: 12 of the 16 registers hold sums.
#include <immintrin.h>

#include "kernels/conv2d_f32/tiles.h"

namespace sanderling {
namespace {

struct Vector {
  using Type = __m256;
  static constexpr int64_t kLanes = 8;
  static constexpr bool kElements = false;
  static constexpr int kVectors = 2;
  static constexpr int kRows[] = {12, 6};

  static Type load(const float* p) noexcept { return _mm256_load_ps(p); }
  static Type splat(float x) noexcept { return _mm256_set1_ps(x); }
  static Type add_product(Type sum, Type x, Type w) noexcept { return _mm256_fmadd_ps(x, w, sum); }
  static Type at_least(Type low, Type x) noexcept { return _mm256_max_ps(low, x); }
  static Type at_most(Type high, Type x) noexcept { return _mm256_min_ps(high, x); }
  static void store(float* p, Type v) noexcept { _mm256_storeu_ps(p, v); }
  static void store_first(float* p, Type v, int64_t n) noexcept {
    alignas(32) float all[kLanes];
    _mm256_store_ps(all, v);
    for (int64_t i = 0; i < n; ++i) p[i] = all[i];
  }
};

}  // namespace

const Conv2dF32Kernel conv2d_f32_avx2_tiles = Tiles<Vector>::kernel(25);

}  // namespace sanderling
