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
  for (int64_t i = 0; i < n; i += 8) {
    const __mmask8 some = static_cast<__mmask8>(n - i < 8 ? (1 << (n - i)) - 1 : 255);
    __m256i sum = _mm256_maskz_loadu_epi32(some, acc + i);
    if (bias) sum = _mm256_add_epi32(sum, _mm256_maskz_loadu_epi32(some, bias + i));
    const __m256i y = rescale(sum, _mm512_maskz_loadu_pd(some, multiplier + i), stage);
    _mm256_mask_cvtepi32_storeu_epi8(out + i, some, y);
  }
}

}  // namespace sanderling
