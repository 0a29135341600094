#include <immintrin.h>

#include "kernels/bilinear_u8/bilinear_u8.h"

namespace sanderling {

void bilinear_u8_avx2_channels(const float* top, const float* bottom, const BilinearColumn* columns, int64_t n,
                               int64_t channels, uint8_t* out) {
  const __m256 half = _mm256_set1_ps(0.5f);
  const __m256i low_bytes = _mm256_setr_epi8(0, 4, 8, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,  //
                                             0, 4, 8, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1);
  for (int64_t x = 0; x < n; ++x, out += channels) {
    const int64_t low = columns[x].low * channels, high = columns[x].high * channels;
    const __m256 below = _mm256_set1_ps(columns[x].below), above = _mm256_set1_ps(columns[x].above);
    int64_t c = 0;
    for (; c + 8 <= channels; c += 8) {
      __m256 v = _mm256_mul_ps(_mm256_loadu_ps(top + low + c), below);
      v = _mm256_add_ps(v, _mm256_mul_ps(_mm256_loadu_ps(bottom + low + c), below));
      v = _mm256_add_ps(v, _mm256_mul_ps(_mm256_loadu_ps(top + high + c), above));
      v = _mm256_add_ps(v, _mm256_mul_ps(_mm256_loadu_ps(bottom + high + c), above));
      const __m256i y = _mm256_shuffle_epi8(_mm256_cvttps_epi32(_mm256_add_ps(v, half)), low_bytes);
      const __m128i bytes = _mm_unpacklo_epi32(_mm256_castsi256_si128(y), _mm256_extracti128_si256(y, 1));
      _mm_storel_epi64(reinterpret_cast<__m128i*>(out + c), bytes);
    }
    for (; c < channels; ++c) {
      const float v = top[low + c] * columns[x].below + bottom[low + c] * columns[x].below +
                      top[high + c] * columns[x].above + bottom[high + c] * columns[x].above + 0.5f;
      out[c] = static_cast<uint8_t>(static_cast<int32_t>(v));
    }
  }
}

}  // namespace sanderling
