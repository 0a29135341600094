#include <immintrin.h>

#include "kernels/depthwise_f32/columns.h"

namespace sanderling {
namespace {

struct Vector {
  using Type = __m256;
  static constexpr int64_t kLanes = 8;
  static constexpr bool kShares = true;
  static constexpr int kWide = 1;

  static __m256i first(int64_t n) noexcept {
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)), lane);
  }
  static Type zero() noexcept { return _mm256_setzero_ps(); }
  static Type splat(float x) noexcept { return _mm256_set1_ps(x); }
  static Type load(const float* p) noexcept { return _mm256_loadu_ps(p); }
  static Type load_first(const float* p, int64_t n) noexcept { return _mm256_maskload_ps(p, first(n)); }
  static Type add_product(Type sum, Type x, Type w) noexcept { return _mm256_fmadd_ps(x, w, sum); }
  static Type add(Type a, Type b) noexcept { return _mm256_add_ps(a, b); }
  static Type at_least(Type low, Type x) noexcept { return _mm256_max_ps(low, x); }
  static Type at_most(Type high, Type x) noexcept { return _mm256_min_ps(high, x); }
  static void store(float* p, Type v) noexcept { _mm256_storeu_ps(p, v); }
  static void store_first(float* p, Type v, int64_t n) noexcept { _mm256_maskstore_ps(p, first(n), v); }
};

}  // namespace

const DepthwiseF32Kernel depthwise_f32_avx2_columns = Columns<Vector>::kernel();

}  // namespace sanderling
