// The form of narrow_requantize.h in AVX2: 8 channels at a time.
#pragma once

#include <immintrin.h>

#include "quant/narrow_requantize.h"

namespace sanderling {
namespace {

struct NarrowAvx2 {
  __m256i twice, twice_odd, offset, threshold, right;  // threshold as a signed number
};

inline __attribute__((always_inline)) __m256i load_256(const void* p) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(p));
}

inline __attribute__((always_inline)) NarrowAvx2 load_narrow(const NarrowTable& t, int64_t channel) {
  const __m256i twice = load_256(t.twice + channel);
  return {twice, _mm256_srli_epi64(twice, 32), load_256(t.offset + channel),
          _mm256_xor_si256(load_256(t.threshold + channel), _mm256_set1_epi32(INT32_MIN)), load_256(t.right + channel)};
}

// The first column for all lanes.
inline NarrowAvx2 broadcast_narrow(const NarrowTable& t) {
  const __m256i twice = _mm256_set1_epi32(static_cast<int32_t>(t.twice[0]));
  return {twice, twice, _mm256_set1_epi32(t.offset[0]),
          _mm256_xor_si256(_mm256_set1_epi32(static_cast<int32_t>(t.threshold[0])), _mm256_set1_epi32(INT32_MIN)),
          _mm256_set1_epi32(static_cast<int32_t>(t.right[0]))};
}

// From accumulators + bias to outputs without their zero point, before saturation.
inline __attribute__((always_inline)) __m256i requantize_narrow(__m256i u, const NarrowAvx2& n) {
  const __m256i even = _mm256_mul_epu32(u, n.twice);
  const __m256i odd = _mm256_mul_epu32(_mm256_srli_epi64(u, 32), n.twice_odd);
  // The high halves of `even` move to its even lanes; those of `odd` are in place.
  const __m256i h = _mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xAA);
  const __m256i negative = _mm256_cmpgt_epi32(n.threshold, _mm256_xor_si256(u, _mm256_set1_epi32(INT32_MIN)));
  return _mm256_srav_epi32(_mm256_add_epi32(_mm256_add_epi32(h, n.offset), negative), n.right);
}

// The last steps for 32 outputs: zero point, saturation, clamp, and flip.
struct OutputAvx2 {
  __m256i zero, low, high, flip;
  OutputAvx2(int32_t zero_point, int32_t low_byte, int32_t high_byte, uint8_t flip_byte)
      : zero(_mm256_set1_epi16(static_cast<int16_t>(zero_point))),
        low(_mm256_set1_epi8(static_cast<char>(low_byte))),
        high(_mm256_set1_epi8(static_cast<char>(high_byte))),
        flip(_mm256_set1_epi8(static_cast<char>(flip_byte))) {}

  // Words without the zero point to bytes.
  inline __attribute__((always_inline)) __m256i words(__m256i first, __m256i second) const {
    const __m256i y = _mm256_packs_epi16(_mm256_adds_epi16(first, zero), _mm256_adds_epi16(second, zero));
    return _mm256_xor_si256(_mm256_min_epi8(_mm256_max_epi8(y, low), high), flip);
  }
  // Within each 128 bits: 4 bytes each of a, b, c and d.
  inline __attribute__((always_inline)) __m256i operator()(__m256i a, __m256i b, __m256i c, __m256i d) const {
    return words(_mm256_packs_epi32(a, b), _mm256_packs_epi32(c, d));
  }
};

}  // namespace
}  // namespace sanderling
