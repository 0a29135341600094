// The form of narrow_requantize.h in AVX2: 8 channels at a time.
#pragma once

#include <immintrin.h>

#include "quant/narrow_requantize.h"

namespace sanderling {
namespace {

struct NarrowAvx2 {
  __m256i twice, twice_odd, offset, sign_shift, right;
};

inline __attribute__((always_inline)) __m256i load_256(const void* p) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(p));
}

inline __attribute__((always_inline)) NarrowAvx2 load_narrow(const NarrowTable& t, int64_t channel) {
  const __m256i twice = load_256(t.twice + channel);
  return {twice, _mm256_srli_epi64(twice, 32), load_256(t.offset + channel), load_256(t.sign_shift + channel),
          load_256(t.right + channel)};
}

// From accumulators + 2^31 to outputs with their zero point, before saturation to 8 bits.
inline __attribute__((always_inline)) __m256i requantize_narrow(__m256i u, const NarrowAvx2& n) {
  const __m256i half = _mm256_set1_epi64x(int64_t{1} << 31);
  const __m256i even = _mm256_add_epi64(_mm256_mul_epu32(u, n.twice), half);
  const __m256i odd = _mm256_add_epi64(_mm256_mul_epu32(_mm256_srli_epi64(u, 32), n.twice_odd), half);
  // The high halves of `even` move to its even lanes; those of `odd` are in place.
  const __m256i h = _mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xAA);
  const __m256i sum = _mm256_add_epi32(_mm256_add_epi32(h, n.offset), _mm256_srlv_epi32(u, n.sign_shift));
  return _mm256_srav_epi32(sum, n.right);
}

}  // namespace
}  // namespace sanderling
