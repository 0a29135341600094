// Without an instruction for four products: a single row takes vpmaddubsw, two products in int16, of |x| and of w with
// the sign of x, which is exact unless a weight is -128. Otherwise pairs of 16 bits are multiplied.
#include "base/in_register.h"
#include "kernels/matmul/products_f32.h"
#include "kernels/matmul/x86_256.h"
#include "kernels/matmul/x86_s16.h"

namespace sanderling::matmul {
namespace {

struct SignedQ8 : Lanes256 {
  using Left = int16_t;
  static constexpr int64_t kGroup = 4;
  struct Signed {
    Type x, magnitude;
  };

  static constexpr int64_t place(int64_t lane, int64_t k) noexcept { return lane * kGroup + k; }
  static Type weights(const int8_t* p) noexcept { return _mm256_loadu_si256(reinterpret_cast<const Type*>(p)); }
  static Type words(const char* p) noexcept {
    int64_t x;
    std::memcpy(&x, p, sizeof x);
    return _mm256_set1_epi64x(x);
  }
  static Signed values(const char* p) noexcept {
    const Type x = _mm256_packs_epi16(words(p), words(p));
    return {x, _mm256_abs_epi8(x)};
  }
  static Type dot(Type sum, Signed x, Type w) noexcept {
    const Type pairs = _mm256_maddubs_epi16(x.magnitude, _mm256_sign_epi8(w, x.x));
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
    in_register(sum);
    return sum;
  }
};

// Of a column's four products two are added to one lane, two to its neighbour.
struct WidenedQ8 : SignedQ8 {
  struct Halves {
    Type low, high;  // of the columns
  };

  static Type widened(const int8_t* p) noexcept {
    return _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  static Halves weights(const int8_t* p) noexcept { return {widened(p), widened(p + 16)}; }
  static Type values(const char* p) noexcept { return words(p); }
  static Halves dot(Halves sum, Type x, Halves w) noexcept {
    sum.low = _mm256_add_epi32(sum.low, _mm256_madd_epi16(x, w.low));
    sum.high = _mm256_add_epi32(sum.high, _mm256_madd_epi16(x, w.high));
    in_register(sum.low), in_register(sum.high);
    return sum;
  }
};
struct HalfSums {
  using Type = WidenedQ8::Halves;
  static constexpr int kVectors = 2;
  static Type zero() noexcept { return {_mm256_setzero_si256(), _mm256_setzero_si256()}; }
  static Type add(Type a, Type b) noexcept {
    return {_mm256_add_epi32(a.low, b.low), _mm256_add_epi32(a.high, b.high)};
  }
  static __m256i total(Type sum) noexcept {
    return _mm256_permute4x64_epi64(_mm256_hadd_epi32(sum.low, sum.high), 0xD8);
  }
};

using Products = ProductsQ8<SignedQ8>;

void pack_right(const Source& s, int64_t columns, int64_t depth, void* packed) {
  Products::pack_right(s, columns, depth, packed);
  static_cast<Products::Right*>(packed)->care = Products::has_weight(-128, columns, depth, packed);
}

void run(const void* left, const void* right, int64_t depth, const Block& b, int32_t* acc) {
  if (b.last_row - b.first_row == 1 && static_cast<const Products::Right*>(right)->care == 0)
    Products::run(left, right, depth, b, acc);
  else
    ProductsQ8<WidenedQ8, HalfSums>::run(left, right, depth, b, acc);
}

// Four products of a byte with four bits fit int16.
struct VectorQ4 : Nibbles256 {
  static Type dot(Type acc, Halves x, Halves w) noexcept {
    const Type pairs = _mm256_add_epi16(_mm256_maddubs_epi16(x.low, w.low), _mm256_maddubs_epi16(x.high, w.high));
    return _mm256_add_epi32(acc, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
  }
};

struct VectorS16 {
  using Type = __m256i;
  static constexpr int64_t kLanes = 8;
  static constexpr int kVectors = 4, kRows = 2;

  static Type splat(int32_t x) noexcept { return _mm256_set1_epi32(x); }
  static Type load(const char* p) noexcept { return _mm256_loadu_si256(reinterpret_cast<const Type*>(p)); }
  static Type keep(Type w, int32_t mask) noexcept { return _mm256_and_si256(w, _mm256_set1_epi32(mask)); }
  static Type pairs(Type acc, Type x, Type w) noexcept { return _mm256_add_epi32(acc, _mm256_madd_epi16(x, w)); }
  static void add_wide(int64_t* to, Type v) noexcept {
    Type* sums = reinterpret_cast<Type*>(to);
    const Type low = _mm256_cvtepi32_epi64(_mm256_castsi256_si128(v));
    const Type high = _mm256_cvtepi32_epi64(_mm256_extracti128_si256(v, 1));
    _mm256_storeu_si256(sums, _mm256_add_epi64(_mm256_loadu_si256(sums), low));
    _mm256_storeu_si256(sums + 1, _mm256_add_epi64(_mm256_loadu_si256(sums + 1), high));
  }
};

struct VectorF32 {
  using Type = __m256;
  static constexpr int64_t kLanes = 8;
  static constexpr int kVectors = 2, kRows = 4;

  static Type zero() noexcept { return _mm256_setzero_ps(); }
  static Type splat(float x) noexcept { return _mm256_set1_ps(x); }
  static Type load(const float* p) noexcept { return _mm256_loadu_ps(p); }
  static Type add_product(Type sum, Type x, Type w) noexcept { return _mm256_fmadd_ps(x, w, sum); }
  static void store(float* p, Type v) noexcept { _mm256_storeu_ps(p, v); }
};

}  // namespace

extern const Kernel<int32_t> q4_avx2;
const Kernel<int32_t> q4_avx2 = ProductsQ8<VectorQ4>::kernel(20);

extern const Kernel<int32_t> q8_avx2;
const Kernel<int32_t> q8_avx2 = {
    "q8", Products::left_bytes, Products::right_bytes, Products::pack_left, pack_right, run, 15};

extern const Kernel<int64_t> s16_avx2;
const Kernel<int64_t> s16_avx2 = ProductsS16<VectorS16>::kernel(15);

extern const Kernel<float> f32_avx2;
const Kernel<float> f32_avx2 = ProductsF32<VectorF32>::kernel(20);

}  // namespace sanderling::matmul
