#include "kernels/matmul/x86_256.h"

namespace sanderling::matmul {
namespace {

struct VectorQ8 : Lanes256 {
  using Left = uint8_t;
  static constexpr int64_t kGroup = 4;

  static constexpr int64_t place(int64_t lane, int64_t k) noexcept { return lane * kGroup + k; }
  static Type weights(const int8_t* p) noexcept { return _mm256_loadu_si256(reinterpret_cast<const Type*>(p)); }
  static Type dot(Type acc, Type x, Type w) noexcept { return _mm256_dpbusd_avx_epi32(acc, x, w); }
};

struct VectorQ4 : Nibbles256 {
  static Type dot(Type acc, Halves x, Halves w) noexcept {
    return _mm256_dpbusd_avx_epi32(_mm256_dpbusd_avx_epi32(acc, x.low, w.low), x.high, w.high);
  }
};

}  // namespace

extern const Kernel<int32_t> q4_avxvnni;
const Kernel<int32_t> q4_avxvnni = ProductsQ8<VectorQ4>::kernel(50);

extern const Kernel<int32_t> q8_avxvnni;
const Kernel<int32_t> q8_avxvnni = ProductsQ8<VectorQ8>::kernel(50);

}  // namespace sanderling::matmul
