// The form of narrow_requantize.h in AVX2: 8 channels at a time.
#pragma once

#include <immintrin.h>

#include <cstring>

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

// From accumulators that begin with a start of fused_rescale.h: outputs, zero point and all, in the low words.
inline __attribute__((always_inline)) __m256i rescale_fused(__m256i sums, __m256 scale, __m256 offset) {
  return _mm256_castps_si256(_mm256_fmadd_ps(_mm256_castsi256_ps(sums), scale, offset));
}

// The last steps for 32 outputs: zero point, saturation, clamp, and flip.
struct OutputAvx2 {
  __m256i zero, low, high, flip;
  bool is_plain;  // nothing is left to do after saturation
  OutputAvx2(int32_t zero_point, int32_t low_byte, int32_t high_byte, uint8_t flip_byte)
      : zero(_mm256_set1_epi16(static_cast<int16_t>(zero_point))),
        low(_mm256_set1_epi8(static_cast<char>(low_byte))),
        high(_mm256_set1_epi8(static_cast<char>(high_byte))),
        flip(_mm256_set1_epi8(static_cast<char>(flip_byte))),
        is_plain(low_byte == -128 && high_byte == 127 && flip_byte == 0) {}

  // Words without the zero point to bytes.
  inline __attribute__((always_inline)) __m256i words(__m256i first, __m256i second) const {
    return clamp(_mm256_packs_epi16(_mm256_adds_epi16(first, zero), _mm256_adds_epi16(second, zero)));
  }
  inline __attribute__((always_inline)) __m256i clamp(__m256i y) const {
    return is_plain ? y : _mm256_xor_si256(_mm256_min_epi8(_mm256_max_epi8(y, low), high), flip);
  }
  // Within each 128 bits: 4 bytes each of a, b, c and d; from the low words of rescale_fused().
  inline __attribute__((always_inline)) __m256i low_words(__m256i a, __m256i b, __m256i c, __m256i d) const {
    const __m256i ab = _mm256_blend_epi16(a, _mm256_slli_epi32(b, 16), 0xAA);
    const __m256i cd = _mm256_blend_epi16(c, _mm256_slli_epi32(d, 16), 0xAA);
    const __m128i even_first = _mm_setr_epi8(0, 2, 4, 6, 1, 3, 5, 7, 8, 10, 12, 14, 9, 11, 13, 15);
    return _mm256_shuffle_epi8(clamp(_mm256_packs_epi16(ab, cd)), _mm256_broadcastsi128_si256(even_first));
  }
  inline __attribute__((always_inline)) __m256i operator()(__m256i a, __m256i b, __m256i c, __m256i d) const {
    return words(_mm256_packs_epi32(a, b), _mm256_packs_epi32(c, d));
  }
};

// What kernels of bytes under one rescaling for all are written in: narrow.h in their folders.
struct BytesAvx2 {
  using Type = __m256i;
  using Narrow = NarrowAvx2;
  using Output = OutputAvx2;
  static constexpr int64_t kBytes = 32;

  static Type zero() { return _mm256_setzero_si256(); }
  static Narrow broadcast(const NarrowTable& t) { return broadcast_narrow(t); }
  static Type splat8(int32_t x) { return _mm256_set1_epi8(static_cast<char>(x)); }
  static Type splat16(int32_t x) { return _mm256_set1_epi16(static_cast<int16_t>(x)); }
  static Type splat32(int32_t x) { return _mm256_set1_epi32(x); }
  static Type flip(Type x, Type mask) { return _mm256_xor_si256(x, mask); }
  static Type add32(Type x, Type y) { return _mm256_add_epi32(x, y); }
  static Type subtract32(Type x, Type y) { return _mm256_sub_epi32(x, y); }
  static Type subtract16(Type x, Type y) { return _mm256_sub_epi16(x, y); }
  static Type multiply_low16(Type x, Type y) { return _mm256_mullo_epi16(x, y); }
  static Type multiply_high16(Type x, Type y) { return _mm256_mulhi_epi16(x, y); }
  template <int bits>
  static Type shift_left16(Type x) {
    return _mm256_slli_epi16(x, bits);
  }
  // Within each 128 bits.
  static Type low8(Type x, Type y) { return _mm256_unpacklo_epi8(x, y); }
  static Type high8(Type x, Type y) { return _mm256_unpackhi_epi8(x, y); }
  static Type low16(Type x, Type y) { return _mm256_unpacklo_epi16(x, y); }
  static Type high16(Type x, Type y) { return _mm256_unpackhi_epi16(x, y); }

  // out[i] = f(a[i], b[i]) for n bytes.
  template <class F>
  static inline __attribute__((always_inline)) void rows(const uint8_t* a, const uint8_t* b, uint8_t* out, int64_t n,
                                                         const F& f) {
    int64_t i = 0;
    for (; i + 32 <= n; i += 32)
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + i), f(load_256(a + i), load_256(b + i)));
    if (i == n) return;
    alignas(32) uint8_t rest[3][32] = {};
    std::memcpy(rest[0], a + i, static_cast<size_t>(n - i));
    std::memcpy(rest[1], b + i, static_cast<size_t>(n - i));
    _mm256_store_si256(reinterpret_cast<__m256i*>(rest[2]), f(load_256(rest[0]), load_256(rest[1])));
    std::memcpy(out + i, rest[2], static_cast<size_t>(n - i));
  }
};

}  // namespace
}  // namespace sanderling
