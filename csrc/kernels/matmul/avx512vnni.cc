#include "base/avx512.h"
#include "kernels/matmul/x86_q8.h"

namespace sanderling::matmul {
namespace {

struct VectorQ8 {
  using Type = __m512i;
  using Left = uint8_t;
  static constexpr int64_t kLanes = 16, kGroup = 4;
  static constexpr int kVectors = 4, kRows = 4;

  static Type splat(int32_t x) noexcept { return _mm512_set1_epi32(x); }
  static Type load(const int32_t* p) noexcept { return _mm512_loadu_si512(p); }
  static void store(int32_t* p, Type v) noexcept { _mm512_storeu_si512(p, v); }
  static Type add(Type a, Type b) noexcept { return _mm512_add_epi32(a, b); }
  static Type subtract(Type a, Type b) noexcept { return _mm512_sub_epi32(a, b); }
  static Type multiply(Type a, Type b) noexcept { return _mm512_mullo_epi32(a, b); }
  static Type weights(const int8_t* p) noexcept { return _mm512_loadu_si512(p); }
  static Type dot(Type acc, Type x, Type w) noexcept { return _mm512_dpbusd_epi32(acc, x, w); }
};

}  // namespace

extern const Kernel<int32_t> q8_avx512vnni;
const Kernel<int32_t> q8_avx512vnni = ProductsQ8<VectorQ8>::kernel();

}  // namespace sanderling::matmul
