#include <immintrin.h>

#include "kernels/dequantize_q8/dequantize_q8.h"

namespace sanderling {

void dequantize_q8_avx2_widen(const uint8_t* x, int64_t n, float scale, int32_t zero_point, uint8_t flip, float* out) {
  const __m128i mask = _mm_set1_epi8(static_cast<char>(flip));
  const __m256i zero = _mm256_set1_epi32(zero_point);
  const __m256 factor = _mm256_set1_ps(scale);
  for (; n >= 8; n -= 8, x += 8, out += 8) {
    const __m128i bytes = _mm_xor_si128(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(x)), mask);
    const __m256i steps = _mm256_sub_epi32(_mm256_cvtepi8_epi32(bytes), zero);
    _mm256_storeu_ps(out, _mm256_mul_ps(factor, _mm256_cvtepi32_ps(steps)));
  }
  dequantize_q8_portable_plain(x, n, scale, zero_point, flip, out);
}

}  // namespace sanderling
