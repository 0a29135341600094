// Tiles of up to 6 pixels x 16 channels in 256-bit registers. Dot has
//   kStep, Weight, Activation   see panels.h
//   load(p)                     kStep weights of 8 channels
//   run(acc, x, w)              acc + products of kStep activations with the weights of 8 channels
#pragma once

#include <immintrin.h>

#include "kernels/conv2d_q8/panels.h"
#include "kernels/conv2d_q8/row_sums.h"
#include "quant/requantize_avx2.h"

namespace sanderling {
namespace {

struct Copy256 {
  int fill;
  __m256i flip;
  Copy256(uint8_t mask, int filling) : fill(filling), flip(_mm256_set1_epi8(static_cast<char>(mask))) {}

  template <class T>
  void one(const uint8_t* from, uint8_t* to) const {
    T x, mask;
    std::memcpy(&x, from, sizeof x);
    std::memcpy(&mask, &flip, sizeof mask);
    x = static_cast<T>(x ^ mask);
    std::memcpy(to, &x, sizeof x);
  }
  void sixteen(const uint8_t* from, uint8_t* to) const {
    const __m128i x = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm_xor_si128(x, _mm256_castsi256_si128(flip)));
  }
  // Runs of fewer than 32 bytes, as two pieces that may overlap.
  void few(const uint8_t* from, int64_t n, uint8_t* to) const {
    if (n >= 16) {
      sixteen(from, to);
      sixteen(from + n - 16, to + n - 16);
    } else if (n >= 8) {
      one<uint64_t>(from, to);
      one<uint64_t>(from + n - 8, to + n - 8);
    } else if (n >= 4) {
      one<uint32_t>(from, to);
      one<uint32_t>(from + n - 4, to + n - 4);
    } else {
      for (int64_t i = 0; i < n; ++i) one<uint8_t>(from + i, to + i);
    }
  }
  void operator()(const uint8_t* from, int64_t from_step, int64_t bytes, int64_t n, uint8_t* to,
                  int64_t to_step) const {
    const int64_t whole = bytes / 32 * 32;
    for (; n > 0; --n, from += from_step, to += to_step) {
      for (int64_t i = 0; i < whole; i += 32)
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + i), _mm256_xor_si256(load_256(from + i), flip));
      few(from + whole, bytes - whole, to + whole);
    }
  }
};

inline __attribute__((always_inline)) void store_some(__m128i y, int64_t n, uint8_t* out) {
  if (n == 16) return _mm_storeu_si128(reinterpret_cast<__m128i*>(out), y);
  uint8_t bytes[16];
  _mm_storeu_si128(reinterpret_cast<__m128i*>(bytes), y);
  std::memcpy(out, bytes, static_cast<size_t>(n));
}

template <class Dot>
struct Tiles256 : TileDefaults {
  static constexpr int kLanes = 8, kPanel = 16, kRows = 6, kStep = Dot::kStep;
  static constexpr bool kRepeats = true;
  using Weight = typename Dot::Weight;
  using Activation = typename Dot::Activation;
  using Copy = Copy256;
  using Output = OutputAvx2;
  using Arguments = TileArguments<Tiles256>;
  using Function = void (*)(const Arguments&, const Panels<Weight>&, const TileStage<Output>&, int64_t tiles);
  static constexpr int kVector = kLanes * kStep;  // weights

  static constexpr bool kSubtracts = sizeof(Weight) > 1;
  // Words hold bytes of either sign.
  static int shift(const Conv2dQ8& c) { return sizeof(Activation) > 1 ? c.flip : 128; }
  // Words of activations are not summed: weights with a zero point are words, too.
  static bool takes(const Conv2dQ8& c) noexcept {
    return sizeof(Activation) == 1 || kSubtracts == (c.weight_zero != 0);
  }
  static int64_t padded(int64_t bytes) { return round_up(bytes, kStep); }

  // Sums of a row in 8 parts. Of what does not fill a vector, the last 8 elements are taken without those before them.
  static __m256i parts(const uint8_t* row, int64_t n) {
    const __m256i none = _mm256_setzero_si256();
    __m256i total = none;
    int64_t k = 0;
    for (; k + 32 <= n; k += 32) total = _mm256_add_epi32(total, _mm256_sad_epu8(load_256(row + k), none));
    if (k == n) return total;
    __m128i rest = _mm_setzero_si128();
    if (k + 16 <= n) {
      rest = _mm_sad_epu8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(row + k)), rest);
      k += 16;
    }
    for (; k < n; k += 8) {
      uint64_t bytes;
      std::memcpy(&bytes, row + (k + 8 <= n ? k : n - 8), sizeof bytes);
      if (k + 8 > n) bytes >>= 8 * (k + 8 - n);
      rest = _mm_add_epi32(
          rest, _mm_sad_epu8(_mm_cvtsi64_si128(static_cast<long long>(bytes)), _mm256_castsi256_si128(none)));
    }
    return _mm256_add_epi32(total, _mm256_inserti128_si256(none, rest, 0));
  }

  static __m256i parts(const int16_t* row, int64_t n) {
    const __m256i one = _mm256_set1_epi16(1);
    __m256i total = _mm256_setzero_si256();
    int64_t k = 0;
    for (; k + 16 <= n; k += 16) total = _mm256_add_epi32(total, _mm256_madd_epi16(load_256(row + k), one));
    for (; k < n; k += 8) {
      // The words of `kept` from k + 8 - n on, at most 8.
      alignas(16) static constexpr int16_t kept[16] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1};
      const int64_t over = k + 8 > n ? k + 8 - n : 0;
      const __m128i words = _mm_loadu_si128(reinterpret_cast<const __m128i*>(row + k - over));
      const __m128i taken = _mm_loadu_si128(reinterpret_cast<const __m128i*>(kept + 8 - over));
      total = _mm256_add_epi32(total, _mm256_inserti128_si256(_mm256_setzero_si256(), _mm_madd_epi16(words, taken), 0));
    }
    return total;
  }

  template <class T>
  static void sums(const T* rows, int64_t stride, int64_t n, int64_t length, int32_t* to) {
    if (length >= 8) return sum_rows(rows, stride, n, to, [length](const T* row) { return parts(row, length); });
    for (int64_t r = 0; r < n; ++r) {
      int32_t sum = 0;
      for (int64_t k = 0; k < length; ++k) sum += rows[r * stride + k];
      to[r] = sum;
    }
  }

  static void widen(const uint8_t* from, int64_t n, bool is_signed, int16_t* to) {
    int64_t i = 0;
    for (; i + 16 <= n; i += 16) {
      const __m128i x = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + i),
                          is_signed ? _mm256_cvtepi8_epi16(x) : _mm256_cvtepu8_epi16(x));
    }
    for (; i < n; ++i) to[i] = is_signed ? static_cast<int8_t>(from[i]) : from[i];
  }

  static inline __attribute__((always_inline)) __m256i broadcast(const Activation* p) {
    int32_t x;
    std::memcpy(&x, p, sizeof x);
    return _mm256_set1_epi32(x);
  }

  template <int R, int C>
  static inline __attribute__((always_inline)) void store_narrow(__m256i (&acc)[R][C], const Arguments& t,
                                                                 const TileStage<Output>& s) {
#pragma GCC unroll 8
    for (int c = 0; c < C; ++c) {
      const NarrowAvx2 table = load_narrow(s.narrow, t.channel + kLanes * c);
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) acc[r][c] = requantize_narrow(acc[r][c], table);
    }
    store_bytes<R, C>(acc, t, s.output);
  }

  template <int R, int C>
  static inline __attribute__((always_inline)) void store_fused(__m256i (&acc)[R][C], const Arguments& t,
                                                                const FusedTable& fused, const Output& output) {
#pragma GCC unroll 8
    for (int c = 0; c < C; ++c) {
      const __m256 scale = _mm256_loadu_ps(fused.scale + t.channel + kLanes * c);
      const __m256 offset = _mm256_loadu_ps(fused.offset + t.channel + kLanes * c);
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) acc[r][c] = rescale_fused(acc[r][c], scale, offset);
    }
    store_bytes<R, C>(acc, t, [&](__m256i a, __m256i b, __m256i c, __m256i d) __attribute__((always_inline)) {
      return output.low_words(a, b, c, d);
    });
  }

  // bytes(a, b, c, d): 4 bytes of each, within 128 bits.
  template <int R, int C, class Bytes>
  static inline __attribute__((always_inline)) void store_bytes(__m256i (&acc)[R][C], const Arguments& t,
                                                                const Bytes& bytes) {
    // Packing works within 128-bit lanes: the dwords of a row are gathered again by a permutation.
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    if constexpr (C == 2) {
#pragma GCC unroll 8
      for (int r = 0; r < R; r += 2) {
        const int next = r + 1 < R ? r + 1 : r;
        const __m256i y = _mm256_permutevar8x32_epi32(bytes(acc[r][0], acc[r][1], acc[next][0], acc[next][1]), order);
        store_some(_mm256_castsi256_si128(y), t.channels, t.out + r * t.out_stride);
        if (r + 1 < R) store_some(_mm256_extracti128_si256(y, 1), t.channels, t.out + next * t.out_stride);
      }
    } else {
#pragma GCC unroll 8
      for (int r = 0; r < R; r += 2) {
        const int next = r + 1 < R ? r + 1 : r;
        const __m256i y = _mm256_permutevar8x32_epi32(bytes(acc[r][0], acc[next][0], acc[r][0], acc[next][0]), order);
        store_some(_mm256_castsi256_si128(y), t.channels, t.out + r * t.out_stride);
        if (r + 1 < R)
          store_some(_mm_srli_si128(_mm256_castsi256_si128(y), 8), t.channels, t.out + next * t.out_stride);
      }
    }
  }

  template <int R, int C>
  static void run(const Arguments& arguments, const Panels<Weight>& p, const TileStage<Output>& stage, int64_t tiles) {
    Arguments t = arguments;
    TileStage<Output> s = stage;
    const __m256i zero = _mm256_set1_epi32(s.input_zero);
    __m256i start[C];
#pragma GCC unroll 8
    for (int c = 0; c < C; ++c) {
      const __m256i sum = load_256(p.sum + t.channel + kLanes * c);
      start[c] = _mm256_sub_epi32(load_256(t.start + t.channel + kLanes * c), _mm256_mullo_epi32(sum, zero));
    }
    for (; tiles > 0; --tiles) {
      one<R, C>(t, p, s, start);
      t.a += R * t.a_stride, t.out += R * t.out_stride;
      if (s.row_terms != nullptr) s.row_terms += R;
    }
  }

  template <int R, int C>
  static inline __attribute__((always_inline)) void one(const Arguments& t, const Panels<Weight>& p,
                                                        const TileStage<Output>& s, const __m256i (&start)[C]) {
    __m256i acc[R][C];
#pragma GCC unroll 8
    for (int c = 0; c < C; ++c)
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) acc[r][c] = start[c];
    if (s.row_terms != nullptr) {
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r)
#pragma GCC unroll 8
        for (int c = 0; c < C; ++c) acc[r][c] = _mm256_add_epi32(acc[r][c], _mm256_set1_epi32(s.row_terms[r]));
    }
    const Activation* piece = t.a;
    const Weight* w = t.w;
    const int64_t stride = t.a_stride;
    for (int64_t pieces = t.pieces; pieces > 0; --pieces, piece += t.a_piece) {
      const Activation* a = piece;
      // A loop of one step loses a tenth to its own ends.
#pragma GCC unroll 2
      for (int64_t k = t.steps; k > 0; --k, a += kStep, w += kVector * C) {
        __m256i weights[C];
#pragma GCC unroll 8
        for (int c = 0; c < C; ++c) weights[c] = Dot::load(w + kVector * c);
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r) {
          const __m256i x = broadcast(a + r * stride);
#pragma GCC unroll 8
          for (int c = 0; c < C; ++c) acc[r][c] = Dot::run(acc[r][c], x, weights[c]);
        }
      }
    }
    if (t.fused) return store_fused<R, C>(acc, t, p.fused, s.output);
    if (t.acc_out == nullptr) return store_narrow<R, C>(acc, t, s);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 8
      for (int c = 0; c < C; ++c)
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(t.acc_out + r * kPanel + c * kLanes),
                            _mm256_xor_si256(acc[r][c], _mm256_set1_epi32(INT32_MIN)));
  }

  static Function tile(int64_t channels, int64_t pixels) {
    static constexpr Function functions[2][kRows] = {
        {run<1, 1>, run<2, 1>, run<3, 1>, run<4, 1>, run<5, 1>, run<6, 1>},
        {run<1, 2>, run<2, 2>, run<3, 2>, run<4, 2>, run<5, 2>, run<6, 2>},
    };
    return functions[channels == kPanel][pixels - 1];
  }
};

}  // namespace
}  // namespace sanderling
