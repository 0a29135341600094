// Rows as pieces of 16 bytes, the last of which may overlap the one before; XORed with the inverted mask the wanted
// byte is the smallest, which vphminposuw finds.
#include <immintrin.h>

#include "kernels/arg_max_q8/arg_max_q8.h"

namespace sanderling {
namespace {

inline __attribute__((always_inline)) __m128i load(const uint8_t* p, __m128i mask) {
  return _mm_xor_si128(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)), mask);
}

// The smallest byte in all places.
inline __attribute__((always_inline)) __m128i smallest(__m128i x) {
  const __m128i words = _mm_min_epu8(x, _mm_srli_epi16(x, 8));  // below 256
  return _mm_broadcastb_epi8(_mm_minpos_epu16(words));
}

inline __attribute__((always_inline)) uint32_t places(__m128i x, __m128i value) {
  return static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(x, value)));
}

// 16 to 32 bytes a row.
void short_rows(const uint8_t* rows, int64_t count, int64_t n, __m128i mask, int32_t* out) {
  const int64_t second = n - 16;
  for (int64_t r = 0; r < count; ++r, rows += n) {
    const __m128i a = load(rows, mask), b = load(rows + second, mask);
    const __m128i best = smallest(_mm_min_epu8(a, b));
    out[r] = static_cast<int32_t>(__builtin_ctz(places(a, best) | places(b, best) << second));
  }
}

}  // namespace

void arg_max_q8_avx2_minpos(const uint8_t* rows, int64_t count, int64_t n, uint8_t mask, int32_t* out) {
  if (n < 16) return arg_max_q8_portable_plain(rows, count, n, mask, out);
  const __m128i flip = _mm_set1_epi8(static_cast<char>(~mask));
  if (n <= 32) return short_rows(rows, count, n, flip, out);
  for (int64_t r = 0; r < count; ++r, rows += n) {
    __m128i least = load(rows + n - 16, flip);
    for (int64_t k = 0; k + 16 <= n; k += 16) least = _mm_min_epu8(least, load(rows + k, flip));
    const __m128i best = smallest(least);
    int64_t k = 0;
    uint32_t found = places(load(rows, flip), best);
    while (found == 0) {
      k = k + 32 <= n ? k + 16 : n - 16;
      found = places(load(rows + k, flip), best);
    }
    out[r] = static_cast<int32_t>(k + __builtin_ctz(found));
  }
}

}  // namespace sanderling
