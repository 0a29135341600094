// The form of narrow_requantize.h in AVX-512: 16 channels at a time.
#pragma once

#include "base/avx512.h"
#include "quant/narrow_requantize.h"

namespace sanderling {
namespace {

struct NarrowAvx512 {
  __m512i twice, twice_odd, offset, threshold, right;
};

inline __attribute__((always_inline)) NarrowAvx512 load_narrow(const NarrowTable& t, int64_t channel) {
  const __m512i twice = _mm512_loadu_si512(t.twice + channel);
  return {twice, _mm512_srli_epi64(twice, 32), _mm512_loadu_si512(t.offset + channel),
          _mm512_loadu_si512(t.threshold + channel), _mm512_loadu_si512(t.right + channel)};
}

// The first column for all lanes.
inline NarrowAvx512 broadcast_narrow(const NarrowTable& t) {
  const __m512i twice = _mm512_set1_epi32(static_cast<int32_t>(t.twice[0]));
  return {twice, twice, _mm512_set1_epi32(t.offset[0]), _mm512_set1_epi32(static_cast<int32_t>(t.threshold[0])),
          _mm512_set1_epi32(static_cast<int32_t>(t.right[0]))};
}

// From accumulators + bias to outputs without their zero point, before saturation.
inline __attribute__((always_inline)) __m512i requantize_narrow(__m512i u, const NarrowAvx512& n) {
  const __m512i even = _mm512_mul_epu32(u, n.twice);
  const __m512i odd = _mm512_mul_epu32(_mm512_shuffle_epi32(u, _MM_PERM_DDBB), n.twice_odd);
  // The high halves of `even` move to its even lanes; those of `odd` are in place.
  const __m512i h =
      _mm512_castps_si512(_mm512_mask_movehdup_ps(_mm512_castsi512_ps(odd), 0x5555, _mm512_castsi512_ps(even)));
  const __m512i sum = _mm512_add_epi32(h, n.offset);
  const __mmask16 negative = _mm512_cmplt_epu32_mask(u, n.threshold);
  return _mm512_srav_epi32(_mm512_mask_add_epi32(sum, negative, sum, _mm512_set1_epi32(-1)), n.right);
}

// From accumulators that begin with a start of fused_rescale.h: outputs, zero point and all, in the low words.
inline __attribute__((always_inline)) __m512i rescale_fused(__m512i sums, __m512 scale, __m512 offset) {
  return _mm512_castps_si512(_mm512_fmadd_ps(_mm512_castsi512_ps(sums), scale, offset));
}

// The last steps for 64 outputs: zero point, saturation, clamp, and flip.
struct OutputAvx512 {
  __m512i zero, low, high, flip;
  bool is_plain;  // nothing is left to do after saturation
  OutputAvx512(int32_t zero_point, int32_t low_byte, int32_t high_byte, uint8_t flip_byte)
      : zero(_mm512_set1_epi16(static_cast<int16_t>(zero_point))),
        low(_mm512_set1_epi8(static_cast<char>(low_byte))),
        high(_mm512_set1_epi8(static_cast<char>(high_byte))),
        flip(_mm512_set1_epi8(static_cast<char>(flip_byte))),
        is_plain(low_byte == -128 && high_byte == 127 && flip_byte == 0) {}

  // Words without the zero point to bytes.
  inline __attribute__((always_inline)) __m512i words(__m512i first, __m512i second) const {
    return clamp(_mm512_packs_epi16(_mm512_adds_epi16(first, zero), _mm512_adds_epi16(second, zero)));
  }
  inline __attribute__((always_inline)) __m512i clamp(__m512i y) const {
    return is_plain ? y : _mm512_xor_si512(_mm512_min_epi8(_mm512_max_epi8(y, low), high), flip);
  }
  // Within each 128 bits: 4 bytes each of a, b, c and d; from the low words of rescale_fused().
  inline __attribute__((always_inline)) __m512i low_words(__m512i a, __m512i b, __m512i c, __m512i d) const {
    const __m512i ab = _mm512_mask_blend_epi16(0xAAAAAAAA, a, _mm512_slli_epi32(b, 16));
    const __m512i cd = _mm512_mask_blend_epi16(0xAAAAAAAA, c, _mm512_slli_epi32(d, 16));
    const __m128i even_first = _mm_setr_epi8(0, 2, 4, 6, 1, 3, 5, 7, 8, 10, 12, 14, 9, 11, 13, 15);
    return _mm512_shuffle_epi8(clamp(_mm512_packs_epi16(ab, cd)), _mm512_broadcast_i32x4(even_first));
  }
  inline __attribute__((always_inline)) __m512i operator()(__m512i a, __m512i b, __m512i c, __m512i d) const {
    return words(_mm512_packs_epi32(a, b), _mm512_packs_epi32(c, d));
  }
};

// What kernels of bytes under one rescaling for all are written in: narrow.h in their folders.
struct BytesAvx512 {
  using Type = __m512i;
  using Narrow = NarrowAvx512;
  using Output = OutputAvx512;
  static constexpr int64_t kBytes = 64;

  static Type zero() { return _mm512_setzero_si512(); }
  static Narrow broadcast(const NarrowTable& t) { return broadcast_narrow(t); }
  static Type splat8(int32_t x) { return _mm512_set1_epi8(static_cast<char>(x)); }
  static Type splat16(int32_t x) { return _mm512_set1_epi16(static_cast<int16_t>(x)); }
  static Type splat32(int32_t x) { return _mm512_set1_epi32(x); }
  static Type flip(Type x, Type mask) { return _mm512_xor_si512(x, mask); }
  static Type add32(Type x, Type y) { return _mm512_add_epi32(x, y); }
  static Type subtract32(Type x, Type y) { return _mm512_sub_epi32(x, y); }
  static Type subtract16(Type x, Type y) { return _mm512_sub_epi16(x, y); }
  static Type multiply_low16(Type x, Type y) { return _mm512_mullo_epi16(x, y); }
  static Type multiply_high16(Type x, Type y) { return _mm512_mulhi_epi16(x, y); }
  template <int bits>
  static Type shift_left16(Type x) {
    return _mm512_slli_epi16(x, bits);
  }
  // Within each 128 bits.
  static Type low8(Type x, Type y) { return _mm512_unpacklo_epi8(x, y); }
  static Type high8(Type x, Type y) { return _mm512_unpackhi_epi8(x, y); }
  static Type low16(Type x, Type y) { return _mm512_unpacklo_epi16(x, y); }
  static Type high16(Type x, Type y) { return _mm512_unpackhi_epi16(x, y); }

  // out[i] = f(a[i], b[i]) for n bytes.
  template <class F>
  static inline __attribute__((always_inline)) void rows(const uint8_t* a, const uint8_t* b, uint8_t* out, int64_t n,
                                                         const F& f) {
    int64_t i = 0;
    for (; i + 64 <= n; i += 64) _mm512_storeu_si512(out + i, f(_mm512_loadu_si512(a + i), _mm512_loadu_si512(b + i)));
    if (i == n) return;
    const __mmask64 rest = (uint64_t{1} << (n - i)) - 1;
    _mm512_mask_storeu_epi8(out + i, rest,
                            f(_mm512_maskz_loadu_epi8(rest, a + i), _mm512_maskz_loadu_epi8(rest, b + i)));
  }
};

}  // namespace
}  // namespace sanderling
