// Sums of rows of bytes or words, four rows together: each is summed to the eight parts of a vector first.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace sanderling {
namespace {

inline __attribute__((always_inline)) __m128i add_parts(__m256i a, __m256i b, __m256i c, __m256i d) {
  const __m256i ab = _mm256_add_epi32(_mm256_unpacklo_epi32(a, b), _mm256_unpackhi_epi32(a, b));
  const __m256i cd = _mm256_add_epi32(_mm256_unpacklo_epi32(c, d), _mm256_unpackhi_epi32(c, d));
  const __m256i all = _mm256_add_epi32(_mm256_unpacklo_epi64(ab, cd), _mm256_unpackhi_epi64(ab, cd));
  return _mm_add_epi32(_mm256_castsi256_si128(all), _mm256_extracti128_si256(all, 1));
}

// parts(row): of one row.
template <class T, class Parts>
inline __attribute__((always_inline)) void sum_rows(const T* row, int64_t stride, int64_t n, int32_t* to,
                                                    const Parts& parts) {
  for (; n >= 4; n -= 4, row += 4 * stride, to += 4)
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to),
                     add_parts(parts(row), parts(row + stride), parts(row + 2 * stride), parts(row + 3 * stride)));
  if (n == 0) return;
  const __m256i a = parts(row), b = parts(row + (n > 1 ? stride : 0)), c = parts(row + (n > 2 ? 2 * stride : 0));
  int32_t last[4];
  _mm_storeu_si128(reinterpret_cast<__m128i*>(last), add_parts(a, b, c, c));
  for (int64_t i = 0; i < n; ++i) to[i] = last[i];
}

}  // namespace
}  // namespace sanderling
