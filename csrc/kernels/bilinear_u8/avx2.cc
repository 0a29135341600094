#include <immintrin.h>

#include "kernels/bilinear_u8/bilinear_u8.h"

namespace sanderling {
namespace {

struct Column {
  const float *top_low, *bottom_low, *top_high, *bottom_high;
  __m256 below, above;

  // Channels c to c + 7.
  inline __attribute__((always_inline)) void eight(int64_t c, uint8_t* to) const {
    __m256 v = _mm256_mul_ps(_mm256_loadu_ps(top_low + c), below);
    v = _mm256_add_ps(v, _mm256_mul_ps(_mm256_loadu_ps(bottom_low + c), below));
    v = _mm256_add_ps(v, _mm256_mul_ps(_mm256_loadu_ps(top_high + c), above));
    v = _mm256_add_ps(v, _mm256_mul_ps(_mm256_loadu_ps(bottom_high + c), above));
    const __m256i low_bytes =
        _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 4, 8, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1));
    const __m256i y = _mm256_shuffle_epi8(_mm256_cvttps_epi32(_mm256_add_ps(v, _mm256_set1_ps(0.5f))), low_bytes);
    const __m128i bytes = _mm_unpacklo_epi32(_mm256_castsi256_si128(y), _mm256_extracti128_si256(y, 1));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(to + c), bytes);
  }
};

}  // namespace

void bilinear_u8_avx2_channels(const float* top, const float* bottom, const BilinearColumn* columns, int64_t n,
                               int64_t channels, uint8_t* out) {
  if (channels < 8) return bilinear_u8_portable_channels(top, bottom, columns, n, channels, out);
  for (int64_t x = 0; x < n; ++x, out += channels) {
    const int64_t low = columns[x].low * channels, high = columns[x].high * channels;
    const Column column = {top + low,
                           bottom + low,
                           top + high,
                           bottom + high,
                           _mm256_set1_ps(columns[x].below),
                           _mm256_set1_ps(columns[x].above)};
    int64_t c = 0;
    for (; c + 8 <= channels; c += 8) column.eight(c, out);
    if (c < channels) column.eight(channels - 8, out);  // some channels again
  }
}

}  // namespace sanderling
