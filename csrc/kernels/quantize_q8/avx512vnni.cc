#include "kernels/quantize_q8/near.h"
#include "quant/requantize_avx512.h"

namespace sanderling {
namespace {

struct Floats {
  using Type = __m512;
  using Output = OutputAvx512;
  static constexpr int64_t kLanes = 16;

  static __mmask16 none() { return 0; }
  static bool any(__mmask16 doubtful) { return doubtful != 0; }
  static inline __attribute__((always_inline)) __m512 load(const float* p) { return _mm512_loadu_ps(p); }

  static inline __attribute__((always_inline)) __m512i near(__m512 x, float inverse, __mmask16& doubtful) {
    // With NaN as the second operand it is the result.
    __m512 p = _mm512_min_ps(_mm512_set1_ps(kMost), _mm512_mul_ps(x, _mm512_set1_ps(inverse)));
    p = _mm512_max_ps(_mm512_set1_ps(-kMost), p);
    const __m512i whole = _mm512_cvtps_epi32(p);
    const __m512 rest = _mm512_abs_ps(_mm512_sub_ps(p, _mm512_cvtepi32_ps(whole)));
    doubtful = static_cast<__mmask16>(doubtful | _mm512_cmp_ps_mask(rest, _mm512_set1_ps(kSafe), _CMP_NLT_UQ));
    return whole;
  }

  static inline __attribute__((always_inline)) __m512i exact(__m512 x, float scale) {
    const __m512i bits = _mm512_castps_si512(_mm512_div_ps(x, _mm512_set1_ps(scale)));
    const __m512i sign = _mm512_set1_epi32(INT32_MIN);
    const __m512i magnitude = _mm512_min_epi32(_mm512_andnot_si512(sign, bits), _mm512_set1_epi32(0x48000000));
    const __m512 q = _mm512_castsi512_ps(_mm512_or_si512(magnitude, _mm512_and_si512(sign, bits)));
    const __m512i whole = _mm512_cvttps_epi32(q);
    const __m512 rest = _mm512_sub_ps(q, _mm512_cvtepi32_ps(whole));
    return _mm512_add_epi32(whole, _mm512_cvttps_epi32(_mm512_add_ps(rest, rest)));
  }

  static inline __attribute__((always_inline)) void store(uint8_t* out, __m512i a, __m512i b, __m512i c, __m512i d,
                                                          const Output& output) {
    // Packing works within 128-bit lanes.
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    _mm512_storeu_si512(out, _mm512_permutexvar_epi32(order, output(a, b, c, d)));
  }
};

}  // namespace

void quantize_q8_avx512vnni_near(const float* x, int64_t n, float scale, int32_t zero_point, uint8_t flip,
                                 uint8_t* out) {
  NearQuotients<Floats>::run(x, n, scale, zero_point, flip, out);
}

}  // namespace sanderling
