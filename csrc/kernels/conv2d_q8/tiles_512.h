// What tiles of 512-bit registers share: copies of rows, their sums, and the outputs of 16 or 32 channels.
#pragma once

#include "base/avx512.h"
#include "kernels/conv2d_q8/panels.h"
#include "kernels/conv2d_q8/row_sums.h"
#include "quant/requantize_avx512.h"

namespace sanderling {
namespace {

constexpr int kLanes = 16;
constexpr int kPanel = 2 * kLanes;

struct Copy512 {
  int fill;
  __m512i flip;
  Copy512(uint8_t mask, int filling) : fill(filling), flip(_mm512_set1_epi8(static_cast<char>(mask))) {}
  void operator()(const uint8_t* from, int64_t from_step, int64_t bytes, int64_t n, uint8_t* to,
                  int64_t to_step) const {
    const int64_t whole = bytes / 64 * 64;
    const __mmask64 rest = (uint64_t{1} << (bytes - whole)) - 1;
    for (; n > 0; --n, from += from_step, to += to_step) {
      for (int64_t i = 0; i < whole; i += 64)
        _mm512_storeu_si512(to + i, _mm512_xor_si512(_mm512_loadu_si512(from + i), flip));
      _mm512_mask_storeu_epi8(to + whole, rest, _mm512_xor_si512(_mm512_maskz_loadu_epi8(rest, from + whole), flip));
    }
  }
};

inline __mmask32 first_lanes(int64_t n) { return n >= 32 ? ~__mmask32{0} : (__mmask32{1} << n) - 1; }

// Stores `n` channels of R pixels; bytes(a, b, c, d): 4 bytes of each, within 128 bits.
template <int R, int C, class Bytes>
inline __attribute__((always_inline)) void store_bytes(__m512i (&acc)[R][C], int64_t n, uint8_t* out,
                                                       int64_t out_stride, const Bytes& bytes) {
  // Packing works within 128-bit lanes: the dwords of a row are gathered again by a permutation.
  if constexpr (C == 2) {
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    const __mmask32 mask = first_lanes(n);
#pragma GCC unroll 16
    for (int r = 0; r < R; r += 2) {
      const int next = r + 1 < R ? r + 1 : r;
      const __m512i y = _mm512_permutexvar_epi32(order, bytes(acc[r][0], acc[r][1], acc[next][0], acc[next][1]));
      _mm256_mask_storeu_epi8(out + r * out_stride, mask, _mm512_castsi512_si256(y));
      if (r + 1 < R) _mm256_mask_storeu_epi8(out + next * out_stride, mask, _mm512_extracti64x4_epi64(y, 1));
    }
  } else {
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    const __mmask16 mask = static_cast<__mmask16>(first_lanes(n));
#pragma GCC unroll 16
    for (int r = 0; r < R; r += 4) {
      const int r1 = r + 1 < R ? r + 1 : r, r2 = r + 2 < R ? r + 2 : r, r3 = r + 3 < R ? r + 3 : r;
      const __m512i y = _mm512_permutexvar_epi32(order, bytes(acc[r][0], acc[r1][0], acc[r2][0], acc[r3][0]));
      _mm_mask_storeu_epi8(out + r * out_stride, mask, _mm512_castsi512_si128(y));
      if (r + 1 < R) _mm_mask_storeu_epi8(out + r1 * out_stride, mask, _mm512_extracti32x4_epi32(y, 1));
      if (r + 2 < R) _mm_mask_storeu_epi8(out + r2 * out_stride, mask, _mm512_extracti32x4_epi32(y, 2));
      if (r + 3 < R) _mm_mask_storeu_epi8(out + r3 * out_stride, mask, _mm512_extracti32x4_epi32(y, 3));
    }
  }
}

// Rescales and stores.
template <int R, int C>
inline __attribute__((always_inline)) void store_narrow(__m512i (&acc)[R][C], int64_t channel, int64_t n,
                                                        const TileStage<OutputAvx512>& s, uint8_t* out,
                                                        int64_t out_stride) {
#pragma GCC unroll 16
  for (int c = 0; c < C; ++c) {
    const NarrowAvx512 table = load_narrow(s.narrow, channel + kLanes * c);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) acc[r][c] = requantize_narrow(acc[r][c], table);
  }
  store_bytes<R, C>(acc, n, out, out_stride, s.output);
}

template <int R, int C>
inline __attribute__((always_inline)) void store_fused(__m512i (&acc)[R][C], int64_t channel, int64_t n,
                                                       const FusedTable& fused, const OutputAvx512& output,
                                                       uint8_t* out, int64_t out_stride) {
#pragma GCC unroll 16
  for (int c = 0; c < C; ++c) {
    const __m512 scale = _mm512_loadu_ps(fused.scale + channel + kLanes * c);
    const __m512 offset = _mm512_loadu_ps(fused.offset + channel + kLanes * c);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) acc[r][c] = rescale_fused(acc[r][c], scale, offset);
  }
  store_bytes<R, C>(acc, n, out, out_stride,
                    [&](__m512i a, __m512i b, __m512i c, __m512i d)
                        __attribute__((always_inline)) { return output.low_words(a, b, c, d); });
}

// Of the sums of 16 channels, the c-th of a tile: bias and zero points.
template <class Arguments>
inline __attribute__((always_inline)) __m512i first_sums(const Arguments& t, const Panels<int8_t>& p,
                                                         const TileStage<OutputAvx512>& s, int c) {
  const __m512i start = _mm512_loadu_si512(t.start + t.channel + kLanes * c);
  const __m512i sum = _mm512_loadu_si512(p.sum + t.channel + kLanes * c);
  return _mm512_sub_epi32(start, _mm512_mullo_epi32(sum, _mm512_set1_epi32(s.input_zero)));
}

struct Rows512 {
  // Sums of a row of bytes or words: in 8 parts of at most 32 bytes, and of any length.
  static inline __attribute__((always_inline)) __m256i add_pieces(__m256i x, uint8_t) {
    return _mm256_dpbusd_epi32(_mm256_setzero_si256(), x, _mm256_set1_epi8(1));
  }
  static inline __attribute__((always_inline)) __m256i add_pieces(__m256i x, int16_t) {
    return _mm256_madd_epi16(x, _mm256_set1_epi16(1));
  }
  static inline __attribute__((always_inline)) __m512i add_pieces(__m512i total, __m512i x, uint8_t) {
    return _mm512_dpbusd_epi32(total, x, _mm512_set1_epi8(1));
  }
  static inline __attribute__((always_inline)) __m512i add_pieces(__m512i total, __m512i x, int16_t) {
    return _mm512_dpwssd_epi32(total, x, _mm512_set1_epi16(1));
  }
  template <class T>
  static __m256i partial_sums(const T* row, int64_t bytes) {
    const char* p = reinterpret_cast<const char*>(row);
    __m512i total = _mm512_setzero_si512();
    for (; bytes >= 64; bytes -= 64, p += 64) total = add_pieces(total, _mm512_loadu_si512(p), T{});
    if (bytes > 0) total = add_pieces(total, _mm512_maskz_loadu_epi8((uint64_t{1} << bytes) - 1, p), T{});
    return _mm256_add_epi32(_mm512_castsi512_si256(total), _mm512_extracti64x4_epi64(total, 1));
  }

  template <class T>
  static void sums(const T* rows, int64_t stride, int64_t n, int64_t length, int32_t* to) {
    const int64_t bytes = length * static_cast<int64_t>(sizeof(T));
    if (bytes <= 32) {
      const __mmask32 mask = first_lanes(bytes);
      return sum_rows(rows, stride, n, to,
                      [mask](const T* row) { return add_pieces(_mm256_maskz_loadu_epi8(mask, row), T{}); });
    }
    sum_rows(rows, stride, n, to, [bytes](const T* row) { return partial_sums(row, bytes); });
  }
};

}  // namespace
}  // namespace sanderling
