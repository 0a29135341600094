#include "base/avx512.h"
#include "kernels/matmul/products_f32.h"
#include "kernels/matmul/products_q8.h"
#include "kernels/matmul/x86_s16.h"

namespace sanderling::matmul {
namespace {

struct VectorQ8 {
  using Type = __m512i;
  using Left = uint8_t;
  static constexpr int64_t kLanes = 16, kGroup = 4;
  static constexpr int kVectors = 4, kRows = 4, kBits = 8;
  static constexpr int kAhead = 0;

  static constexpr int64_t place(int64_t lane, int64_t k) noexcept { return lane * 4 + k; }
  static Type splat(int32_t x) noexcept { return _mm512_set1_epi32(x); }
  static Type values(const char* p) noexcept {
    int32_t x;
    std::memcpy(&x, p, sizeof x);
    return splat(x);
  }
  static Type load(const int32_t* p) noexcept { return _mm512_loadu_si512(p); }
  static void store(int32_t* p, Type v) noexcept { _mm512_storeu_si512(p, v); }
  static Type add(Type a, Type b) noexcept { return _mm512_add_epi32(a, b); }
  static Type subtract(Type a, Type b) noexcept { return _mm512_sub_epi32(a, b); }
  static Type multiply(Type a, Type b) noexcept { return _mm512_mullo_epi32(a, b); }
  static Type weights(const int8_t* p) noexcept { return _mm512_loadu_si512(p); }
  static Type dot(Type acc, Type x, Type w) noexcept { return _mm512_dpbusd_epi32(acc, x, w); }
};

struct Halves {
  __m512i low, high;
};

struct VectorQ4 : VectorQ8 {
  static constexpr int64_t kGroup = 8;
  static constexpr int kBits = 4;

  static Halves values(const char* p) noexcept { return {VectorQ8::values(p), VectorQ8::values(p + 4)}; }
  static Halves weights(const int8_t* p) noexcept {
    const Type w = VectorQ8::weights(p), mask = _mm512_set1_epi8(15);
    return {_mm512_and_si512(w, mask), _mm512_and_si512(_mm512_srli_epi16(w, 4), mask)};
  }
  static Type dot(Type acc, Halves x, Halves w) noexcept {
    return _mm512_dpbusd_epi32(_mm512_dpbusd_epi32(acc, x.low, w.low), x.high, w.high);
  }
};

struct VectorS16 {
  using Type = __m512i;
  static constexpr int64_t kLanes = 16;
  static constexpr int kVectors = 4, kRows = 4;

  static Type splat(int32_t x) noexcept { return _mm512_set1_epi32(x); }
  static Type load(const char* p) noexcept { return _mm512_loadu_si512(p); }
  static Type keep(Type w, int32_t mask) noexcept { return _mm512_and_si512(w, _mm512_set1_epi32(mask)); }
  // In one instruction of VNNI.
  static Type pairs(Type acc, Type x, Type w) noexcept { return _mm512_dpwssd_epi32(acc, x, w); }
  static void add_wide(int64_t* to, Type v) noexcept {
    const __m512i low = _mm512_cvtepi32_epi64(_mm512_castsi512_si256(v));
    const __m512i high = _mm512_cvtepi32_epi64(_mm512_extracti64x4_epi64(v, 1));
    _mm512_storeu_si512(to, _mm512_add_epi64(_mm512_loadu_si512(to), low));
    _mm512_storeu_si512(to + 8, _mm512_add_epi64(_mm512_loadu_si512(to + 8), high));
  }
};

struct VectorF32 {
  using Type = __m512;
  static constexpr int64_t kLanes = 16;
  static constexpr int kVectors = 4, kRows = 4;

  static Type zero() noexcept { return _mm512_setzero_ps(); }
  static Type splat(float x) noexcept { return _mm512_set1_ps(x); }
  static Type load(const float* p) noexcept { return _mm512_loadu_ps(p); }
  static Type add_product(Type sum, Type x, Type w) noexcept { return _mm512_fmadd_ps(x, w, sum); }
  static void store(float* p, Type v) noexcept { _mm512_storeu_ps(p, v); }
};

}  // namespace

extern const Kernel<int32_t> q4_avx512vnni;
const Kernel<int32_t> q4_avx512vnni = ProductsQ8<VectorQ4>::kernel(80);

extern const Kernel<int32_t> q8_avx512vnni;
const Kernel<int32_t> q8_avx512vnni = ProductsQ8<VectorQ8>::kernel(80);

extern const Kernel<int64_t> s16_avx512vnni;
const Kernel<int64_t> s16_avx512vnni = ProductsS16<VectorS16>::kernel(30);

extern const Kernel<float> f32_avx512vnni;
const Kernel<float> f32_avx512vnni = ProductsF32<VectorF32>::kernel(35);

}  // namespace sanderling::matmul
