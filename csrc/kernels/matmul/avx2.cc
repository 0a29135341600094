// Without an instruction for four products, pairs of 16 bits are multiplied: exact, as |left - left_zero| <= 255.
#include "kernels/matmul/x86_256.h"

namespace sanderling::matmul {
namespace {

struct VectorQ8 : Lanes256 {
  using Left = int16_t;
  static constexpr int64_t kGroup = 2;

  static Type weights(const int8_t* p) noexcept {
    return _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  static Type dot(Type acc, Type x, Type w) noexcept { return _mm256_add_epi32(acc, _mm256_madd_epi16(x, w)); }
};

}  // namespace

extern const Kernel<int32_t> q8_avx2;
const Kernel<int32_t> q8_avx2 = ProductsQ8<VectorQ8>::kernel();

}  // namespace sanderling::matmul
