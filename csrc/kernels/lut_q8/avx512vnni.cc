#include "base/avx512.h"
#include "kernels/lut_q8/shuffles.h"

namespace sanderling {
namespace {

inline __attribute__((always_inline)) __m512i look_up(__m512i x, const __m512i (&steps)[16]) {
  const __m512i sixteen = _mm512_set1_epi8(16);
  __m512i y = _mm512_shuffle_epi8(steps[0], x);
#pragma GCC unroll 16
  for (int k = 1; k < 16; k += 2) {
    x = k <= 8 ? _mm512_sub_epi8(x, sixteen) : _mm512_subs_epi8(x, sixteen);
    const __m512i odd = _mm512_shuffle_epi8(steps[k], x);
    if (k == 15) return _mm512_xor_si512(y, odd);
    x = k + 1 <= 8 ? _mm512_sub_epi8(x, sixteen) : _mm512_subs_epi8(x, sixteen);
    y = _mm512_ternarylogic_epi32(y, odd, _mm512_shuffle_epi8(steps[k + 1], x), 0x96);
  }
  return y;
}

}  // namespace

void lut_q8_avx512vnni_shuffles(const uint8_t* x, uint8_t* out, int64_t n, const uint8_t* table) {
  if (n < kFewest) return lut_q8_portable_plain(x, out, n, table);
  if (is_flip(table, n)) {
    const __m512i flip = _mm512_set1_epi8(static_cast<char>(table[0]));
    for (; n >= 64; n -= 64, x += 64, out += 64)
      _mm512_storeu_si512(out, _mm512_xor_si512(_mm512_loadu_si512(x), flip));
    return lut_q8_portable_plain(x, out, n, table);
  }
  __m512i steps[16];
  make_steps(
      table,
      [](const uint8_t* p) { return _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))); },
      [](__m512i a, __m512i b) { return _mm512_xor_si512(a, b); }, steps);
  for (; n >= 64; n -= 64, x += 64, out += 64) _mm512_storeu_si512(out, look_up(_mm512_loadu_si512(x), steps));
  const __mmask64 rest = (uint64_t{1} << n) - 1;
  if (n > 0) _mm512_mask_storeu_epi8(out, rest, look_up(_mm512_maskz_loadu_epi8(rest, x), steps));
}

}  // namespace sanderling
