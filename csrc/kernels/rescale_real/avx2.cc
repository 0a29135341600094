#include <immintrin.h>

#include <cstring>

#include "kernels/rescale_real/rescale_real.h"
#include "quant/channel_vectors.h"

namespace sanderling {
namespace {

// The steps of requantize_real; max and min give their second operand where the first is NaN.
inline __m128i rescale(__m128i sum, __m256d multiplier, const RealStage& stage) noexcept {
  const __m256d sign = _mm256_set1_pd(-0.0), half = _mm256_set1_pd(0.49999999999999994);
  __m256d v = _mm256_mul_pd(_mm256_cvtepi32_pd(sum), multiplier);
  v = _mm256_max_pd(v, _mm256_set1_pd(stage.low));
  v = _mm256_min_pd(v, _mm256_set1_pd(stage.high));
  v = _mm256_add_pd(v, _mm256_or_pd(_mm256_and_pd(v, sign), half));
  return _mm_add_epi32(_mm256_cvttpd_epi32(v), _mm_set1_epi32(stage.zero));
}

inline void four(const int32_t* acc, const int32_t* bias, const double* multiplier, const RealStage& stage,
                 uint8_t* out) noexcept {
  __m128i sum = _mm_loadu_si128(reinterpret_cast<const __m128i*>(acc));
  if (bias) sum = _mm_add_epi32(sum, _mm_loadu_si128(reinterpret_cast<const __m128i*>(bias)));
  const __m128i low_bytes = _mm_set1_epi32(0x0C080400);
  const int32_t y = _mm_cvtsi128_si32(_mm_shuffle_epi8(rescale(sum, _mm256_loadu_pd(multiplier), stage), low_bytes));
  std::memcpy(out, &y, sizeof y);
}

}  // namespace

void rescale_real_avx2_vector(const int32_t* acc, const int32_t* bias, const double* multiplier, int64_t n,
                              const RealStage& stage, uint8_t* out) {
  in_vectors<4>(acc, bias, multiplier, n, stage, out, four, rescale_real_portable_plain);
}

}  // namespace sanderling
