#include <immintrin.h>

#include "kernels/max_pool_q8/max_pool_q8.h"

namespace sanderling {

void max_pool_q8_avx2_bytes(const MaxPoolQ8& p, const uint8_t* in, int64_t n, uint8_t* out) {
  const __m256i flip = _mm256_set1_epi8(static_cast<char>(p.flip));
  const __m256i low = _mm256_set1_epi8(static_cast<char>(p.low)), high = _mm256_set1_epi8(static_cast<char>(p.high));
  for (; n >= 32; n -= 32, in += 32, out += 32) {
    __m256i most = low;
    const uint8_t* row = in;
    for (int64_t y = 0; y < p.rows; ++y, row += p.row_bytes) {
      const uint8_t* pixel = row;
      for (int64_t x = 0; x < p.columns; ++x, pixel += p.pixel_bytes)
        most =
            _mm256_max_epi8(most, _mm256_xor_si256(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(pixel)), flip));
    }
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm256_xor_si256(_mm256_min_epi8(most, high), flip));
  }
  if (n > 0) max_pool_q8_portable_plain(p, in, n, out);
}

}  // namespace sanderling
