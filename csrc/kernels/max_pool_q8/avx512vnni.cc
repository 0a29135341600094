#include "base/avx512.h"
#include "kernels/max_pool_q8/max_pool_q8.h"

namespace sanderling {

void max_pool_q8_avx512vnni_bytes(const MaxPoolQ8& p, const uint8_t* in, int64_t n, uint8_t* out) {
  const __m512i flip = _mm512_set1_epi8(static_cast<char>(p.flip));
  const __m512i low = _mm512_set1_epi8(static_cast<char>(p.low)), high = _mm512_set1_epi8(static_cast<char>(p.high));
  for (; n > 0; n -= 64, in += 64, out += 64) {
    const __mmask64 some = n >= 64 ? ~__mmask64{0} : (uint64_t{1} << n) - 1;
    __m512i most = low;
    const uint8_t* row = in;
    for (int64_t y = 0; y < p.rows; ++y, row += p.row_bytes) {
      const uint8_t* pixel = row;
      for (int64_t x = 0; x < p.columns; ++x, pixel += p.pixel_bytes)
        most = _mm512_max_epi8(most, _mm512_xor_si512(_mm512_maskz_loadu_epi8(some, pixel), flip));
    }
    _mm512_mask_storeu_epi8(out, some, _mm512_xor_si512(_mm512_min_epi8(most, high), flip));
  }
}

}  // namespace sanderling
