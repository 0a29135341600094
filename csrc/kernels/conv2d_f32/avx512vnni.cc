// 512-bit vectors: 24 of the 32 registers hold sums.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push  // gcc 12's own header reads what it calls undefined
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>
#pragma GCC diagnostic pop
#else
#include <immintrin.h>
#endif

#include "kernels/conv2d_f32/tiles.h"

namespace sanderling {
namespace {

struct Vector {
  using Type = __m512;
  static constexpr int64_t kLanes = 16;
  static constexpr bool kElements = false;
  static constexpr int kVectors = 4;
  static constexpr int kRows[] = {12, 12, 8, 6};

  static Type load(const float* p) noexcept { return _mm512_load_ps(p); }
  static Type splat(float x) noexcept { return _mm512_set1_ps(x); }
  static Type add_product(Type sum, Type x, Type w) noexcept { return _mm512_fmadd_ps(x, w, sum); }
  static Type at_least(Type low, Type x) noexcept { return _mm512_max_ps(low, x); }
  static Type at_most(Type high, Type x) noexcept { return _mm512_min_ps(high, x); }
  static void store(float* p, Type v) noexcept { _mm512_storeu_ps(p, v); }
  static void store_first(float* p, Type v, int64_t n) noexcept {
    _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1u << n) - 1), v);
  }
};

}  // namespace

const Conv2dF32Kernel conv2d_f32_avx512vnni_tiles = Tiles<Vector>::kernel(50);

}  // namespace sanderling
