#include <immintrin.h>

#include "kernels/lut_q8/shuffles.h"

namespace sanderling {
namespace {

inline __attribute__((always_inline)) __m256i look_up(__m256i x, const __m256i (&steps)[16]) {
  const __m256i sixteen = _mm256_set1_epi8(16);
  __m256i y = _mm256_shuffle_epi8(steps[0], x);
#pragma GCC unroll 16
  for (int k = 1; k < 16; ++k) {
    x = k <= 8 ? _mm256_sub_epi8(x, sixteen) : _mm256_subs_epi8(x, sixteen);
    y = _mm256_xor_si256(y, _mm256_shuffle_epi8(steps[k], x));
  }
  return y;
}

}  // namespace

void lut_q8_avx2_shuffles(const uint8_t* x, uint8_t* out, int64_t n, const uint8_t* table) {
  if (n < kFewest) return lut_q8_portable_plain(x, out, n, table);
  if (is_flip(table, n)) {
    const __m256i flip = _mm256_set1_epi8(static_cast<char>(table[0]));
    for (; n >= 32; n -= 32, x += 32, out += 32)
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out),
                          _mm256_xor_si256(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(x)), flip));
    return lut_q8_portable_plain(x, out, n, table);
  }
  __m256i steps[16];
  make_steps(
      table,
      [](const uint8_t* p) {
        return _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
      },
      [](__m256i a, __m256i b) { return _mm256_xor_si256(a, b); }, steps);
  for (; n >= 32; n -= 32, x += 32, out += 32)
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out),
                        look_up(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(x)), steps));
  lut_q8_portable_plain(x, out, n, table);
}

}  // namespace sanderling
