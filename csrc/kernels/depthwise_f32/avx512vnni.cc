#include "base/avx512.h"
#include "kernels/depthwise_f32/columns.h"

namespace sanderling {
namespace {

struct Vector {
  using Type = __m512;
  static constexpr int64_t kLanes = 16;
  static constexpr bool kShares = false;
  static constexpr int kWide = 1;

  static __mmask16 first(int64_t n) noexcept { return static_cast<__mmask16>((1u << n) - 1); }
  static Type zero() noexcept { return _mm512_setzero_ps(); }
  static Type splat(float x) noexcept { return _mm512_set1_ps(x); }
  static Type load(const float* p) noexcept { return _mm512_loadu_ps(p); }
  static Type load_first(const float* p, int64_t n) noexcept { return _mm512_maskz_loadu_ps(first(n), p); }
  static Type add_product(Type sum, Type x, Type w) noexcept { return _mm512_fmadd_ps(x, w, sum); }
  static Type add(Type a, Type b) noexcept { return _mm512_add_ps(a, b); }
  static Type at_least(Type low, Type x) noexcept { return _mm512_max_ps(low, x); }
  static Type at_most(Type high, Type x) noexcept { return _mm512_min_ps(high, x); }
  static void store(float* p, Type v) noexcept { _mm512_storeu_ps(p, v); }
  static void store_first(float* p, Type v, int64_t n) noexcept { _mm512_mask_storeu_ps(p, first(n), v); }
};

}  // namespace

const DepthwiseF32Kernel depthwise_f32_avx512vnni_columns = Columns<Vector>::kernel();

}  // namespace sanderling
