#include "base/avx512.h"
#include "kernels/rescale_real/rescale_real.h"

namespace sanderling {
namespace {

// The steps of requantize_real; max and min give their second operand where the first is NaN.
inline __m256i rescale(__m256i sum, __m512d multiplier, const RealStage& stage) noexcept {
  const __m512d sign = _mm512_set1_pd(-0.0), half = _mm512_set1_pd(0.49999999999999994);
  __m512d v = _mm512_mul_pd(_mm512_cvtepi32_pd(sum), multiplier);
  v = _mm512_max_pd(v, _mm512_set1_pd(stage.low));
  v = _mm512_min_pd(v, _mm512_set1_pd(stage.high));
  v = _mm512_add_pd(v, _mm512_or_pd(_mm512_and_pd(v, sign), half));
  return _mm256_add_epi32(_mm512_cvttpd_epi32(v), _mm256_set1_epi32(stage.zero));
}

}  // namespace

void rescale_real_avx512vnni_vector(const int32_t* acc, const int32_t* bias, const double* multiplier, int64_t n,
                                    const RealStage& stage, uint8_t* out) {
  for (int64_t i = 0; i < n; i += 16) {
    const __mmask16 some = static_cast<__mmask16>(n - i < 16 ? (1 << (n - i)) - 1 : 0xFFFF);
    __m512i sum = _mm512_maskz_loadu_epi32(some, acc + i);
    if (bias) sum = _mm512_add_epi32(sum, _mm512_maskz_loadu_epi32(some, bias + i));
    const __mmask8 high = static_cast<__mmask8>(some >> 8);
    const __m256i y0 =
        rescale(_mm512_castsi512_si256(sum), _mm512_maskz_loadu_pd(static_cast<__mmask8>(some), multiplier + i), stage);
    const __m256i y1 =
        rescale(_mm512_extracti64x4_epi64(sum, 1), _mm512_maskz_loadu_pd(high, multiplier + i + 8), stage);
    const __m128i bytes = _mm512_cvtepi32_epi8(_mm512_inserti64x4(_mm512_castsi256_si512(y0), y1, 1));
    if (n - i >= 16)
      _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i), bytes);
    else
      _mm_mask_storeu_epi8(out + i, some, bytes);
  }
}

}  // namespace sanderling
