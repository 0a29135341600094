#include "kernels/quantize_q8/near.h"
#include "quant/requantize_avx2.h"

namespace sanderling {
namespace {

struct Floats {
  using Type = __m256;
  using Output = OutputAvx2;
  static constexpr int64_t kLanes = 8;

  static __m256 none() { return _mm256_setzero_ps(); }
  static bool any(__m256 doubtful) { return _mm256_movemask_ps(doubtful) != 0; }
  static inline __attribute__((always_inline)) __m256 load(const float* p) { return _mm256_loadu_ps(p); }

  static inline __attribute__((always_inline)) __m256i near(__m256 x, float inverse, __m256& doubtful) {
    // With NaN as the second operand it is the result.
    __m256 p = _mm256_min_ps(_mm256_set1_ps(kMost), _mm256_mul_ps(x, _mm256_set1_ps(inverse)));
    p = _mm256_max_ps(_mm256_set1_ps(-kMost), p);
    const __m256i whole = _mm256_cvtps_epi32(p);
    const __m256 rest = _mm256_andnot_ps(_mm256_set1_ps(-0.0f), _mm256_sub_ps(p, _mm256_cvtepi32_ps(whole)));
    doubtful = _mm256_or_ps(doubtful, _mm256_cmp_ps(rest, _mm256_set1_ps(kSafe), _CMP_NLT_UQ));
    return whole;
  }

  static inline __attribute__((always_inline)) __m256i exact(__m256 x, float scale) {
    const __m256i bits = _mm256_castps_si256(_mm256_div_ps(x, _mm256_set1_ps(scale)));
    const __m256i sign = _mm256_set1_epi32(INT32_MIN);
    const __m256i magnitude = _mm256_min_epi32(_mm256_andnot_si256(sign, bits), _mm256_set1_epi32(0x48000000));
    const __m256 q = _mm256_castsi256_ps(_mm256_or_si256(magnitude, _mm256_and_si256(sign, bits)));
    const __m256i whole = _mm256_cvttps_epi32(q);
    const __m256 rest = _mm256_sub_ps(q, _mm256_cvtepi32_ps(whole));
    return _mm256_add_epi32(whole, _mm256_cvttps_epi32(_mm256_add_ps(rest, rest)));
  }

  static inline __attribute__((always_inline)) void store(uint8_t* out, __m256i a, __m256i b, __m256i c, __m256i d,
                                                          const Output& output) {
    // Packing works within 128-bit lanes.
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm256_permutevar8x32_epi32(output(a, b, c, d), order));
  }
};

}  // namespace

void quantize_q8_avx2_near(const float* x, int64_t n, float scale, int32_t zero_point, uint8_t flip, uint8_t* out) {
  NearQuotients<Floats>::run(x, n, scale, zero_point, flip, out);
}

}  // namespace sanderling
