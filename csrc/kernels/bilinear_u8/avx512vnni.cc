#include "base/avx512.h"
#include "kernels/bilinear_u8/bilinear_u8.h"

namespace sanderling {
namespace {

// Columns with up to 16 * V channels: the four corners stay in registers while they are the same.
template <int V>
void few_channels(const float* top, const float* bottom, const BilinearColumn* columns, int64_t n, int64_t channels,
                  uint8_t* out) {
  __mmask16 masks[V];
  for (int v = 0; v < V; ++v)
    masks[v] = static_cast<__mmask16>(channels - 16 * v >= 16 ? 0xFFFF : (1 << (channels - 16 * v)) - 1);
  const __m512 half = _mm512_set1_ps(0.5f);
  int64_t x = 0;
  while (x < n) {
    const int64_t low = columns[x].low, high = columns[x].high;
    __m512 corner[V][4];
    for (int v = 0; v < V; ++v) {
      corner[v][0] = _mm512_maskz_loadu_ps(masks[v], top + low * channels + 16 * v);
      corner[v][1] = _mm512_maskz_loadu_ps(masks[v], bottom + low * channels + 16 * v);
      corner[v][2] = _mm512_maskz_loadu_ps(masks[v], top + high * channels + 16 * v);
      corner[v][3] = _mm512_maskz_loadu_ps(masks[v], bottom + high * channels + 16 * v);
    }
    do {
      const __m512 below = _mm512_set1_ps(columns[x].below), above = _mm512_set1_ps(columns[x].above);
      for (int v = 0; v < V; ++v) {
        __m512 y = _mm512_add_ps(_mm512_mul_ps(corner[v][0], below), _mm512_mul_ps(corner[v][1], below));
        y = _mm512_add_ps(y, _mm512_mul_ps(corner[v][2], above));
        y = _mm512_add_ps(y, _mm512_mul_ps(corner[v][3], above));
        const __m128i bytes = _mm512_cvtepi32_epi8(_mm512_cvttps_epi32(_mm512_add_ps(y, half)));
        _mm_mask_storeu_epi8(out + 16 * v, masks[v], bytes);
      }
      ++x, out += channels;
    } while (x < n && columns[x].low == low && columns[x].high == high);
  }
}

}  // namespace

void bilinear_u8_avx512vnni_channels(const float* top, const float* bottom, const BilinearColumn* columns, int64_t n,
                                     int64_t channels, uint8_t* out) {
  if (channels <= 16) return few_channels<1>(top, bottom, columns, n, channels, out);
  if (channels <= 32) return few_channels<2>(top, bottom, columns, n, channels, out);
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
      _mm_mask_storeu_epi8(out + c, m, _mm512_cvtepi32_epi8(_mm512_cvttps_epi32(_mm512_add_ps(v, half))));
    }
  }
}

}  // namespace sanderling
