#include "base/avx512.h"
#include "kernels/dequantize_q8/dequantize_q8.h"

namespace sanderling {

void dequantize_q8_avx512vnni_widen(const uint8_t* x, int64_t n, float scale, int32_t zero_point, uint8_t flip,
                                    float* out) {
  const __m128i mask = _mm_set1_epi8(static_cast<char>(flip));
  const __m512i zero = _mm512_set1_epi32(zero_point);
  const __m512 factor = _mm512_set1_ps(scale);
  for (; n >= 16; n -= 16, x += 16, out += 16) {
    const __m128i bytes = _mm_xor_si128(_mm_loadu_si128(reinterpret_cast<const __m128i*>(x)), mask);
    const __m512i steps = _mm512_sub_epi32(_mm512_cvtepi8_epi32(bytes), zero);
    _mm512_storeu_ps(out, _mm512_mul_ps(factor, _mm512_cvtepi32_ps(steps)));
  }
  dequantize_q8_portable_plain(x, n, scale, zero_point, flip, out);
}

}  // namespace sanderling
