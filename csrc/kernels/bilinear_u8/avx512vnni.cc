#include "base/avx512.h"
#include "kernels/bilinear_u8/bilinear_u8.h"

namespace sanderling {

void bilinear_u8_avx512vnni_channels(const float* top, const float* bottom, const BilinearColumn* columns, int64_t n,
                                     int64_t channels, uint8_t* out) {
  const __m512 half = _mm512_set1_ps(0.5f);
  for (int64_t x = 0; x < n; ++x, out += channels) {
    const int64_t low = columns[x].low * channels, high = columns[x].high * channels;
    const __m512 below = _mm512_set1_ps(columns[x].below), above = _mm512_set1_ps(columns[x].above);
    for (int64_t c = 0; c < channels; c += 16) {
      const __mmask16 m = static_cast<__mmask16>(channels - c >= 16 ? 0xFFFF : (1 << (channels - c)) - 1);
      __m512 v = _mm512_mul_ps(_mm512_maskz_loadu_ps(m, top + low + c), below);
      v = _mm512_add_ps(v, _mm512_mul_ps(_mm512_maskz_loadu_ps(m, bottom + low + c), below));
      v = _mm512_add_ps(v, _mm512_mul_ps(_mm512_maskz_loadu_ps(m, top + high + c), above));
      v = _mm512_add_ps(v, _mm512_mul_ps(_mm512_maskz_loadu_ps(m, bottom + high + c), above));
      _mm512_mask_cvtepi32_storeu_epi8(out + c, m, _mm512_cvttps_epi32(_mm512_add_ps(v, half)));
    }
  }
}

}  // namespace sanderling
