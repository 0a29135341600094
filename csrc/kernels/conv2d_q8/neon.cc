// Sums of up to 4 pixels x 16 channels for processors without dot products. Four bytes of a pixel and of each of four
// channels are two multiplications into int16 and a pairwise addition to int32; weights are [strips of 4 channels]
// [depth / 4] and in these [2 halves][4 channels][2], the pixel's two halves are each spread over a register.
//
// Two products fit int16 unless both are -128 * -128: panels where two weights of -128 meet add each product alone.
#include "kernels/conv2d_q8/neon_output.h"

namespace sanderling {
namespace {

#ifdef __aarch64__

// The sums, from the bias, of 4 pixels x 16 channels, in assembly: compilers' order of these instructions takes 1.3 to
// 2 times as long on in-order processors, and GCC 12 spills accumulators. Unit u = 4 * pixel + strip is a product
// (MUL), its partner two units later (MLA), and their sum another two units later (ADD); for the last units that is in
// the next round.
//   v0-3 two pixels' pairs, v4-7 strips, v8-11 and v28-31 products, v12-27 sums
// clang-format off
#define MUL(t, w, x) "smull v" #t ".8h, v" #w ".8b, v" #x ".8b\n\t"
#define MLA(t, w, x) "smlal2 v" #t ".8h, v" #w ".16b, v" #x ".16b\n\t"
#define ADD(sum, t) "sadalp v" #sum ".4s, v" #t ".8h\n\t"
#define PIXEL(a, b, from) "ld2r {v" #a ".8h, v" #b ".8h}, [" from "]\n\t"
#define NEXT(x) "add " x ", " x ", #4\n\t"
#define WEIGHTS(v, from) "ldr q" #v ", [" from ", %[at]]\n\t"
#define ZERO(v) "movi v" #v ".4s, #0\n\t"
#define BIAS(a, b, at) "ldp q" #a ", q" #b ", [%[bias], #" #at "]\n\t"
#define COPY(to, from) "mov v" #to ".16b, v" #from ".16b\n\t"
#define STORE(a, b, at) "stp q" #a ", q" #b ", [%[sums], #" #at "]\n\t"
#define ALSO(...) __VA_ARGS__
#define NOT(...)
#define ROUND(more) \
  MUL(28, 4, 0) MLA(10, 6, 3) ADD(24, 8) \
  MUL(29, 5, 0) MLA(11, 7, 3) WEIGHTS(6, "%[w2]") PIXEL(2, 3, "%[x1]") WEIGHTS(7, "%[w3]") \
  "add %[at], %[at], #16\n\tsubs %[rounds], %[rounds], #1\n\t" ADD(25, 9) \
  MUL(30, 6, 0) MLA(28, 4, 1) ADD(26, 10) \
  MUL(31, 7, 0) MLA(29, 5, 1) ADD(27, 11) \
  MUL(8, 4, 2) MLA(30, 6, 1) ADD(12, 28) \
  MUL(9, 5, 2) MLA(31, 7, 1) PIXEL(0, 1, "%[x2]") ADD(13, 29) \
  MUL(10, 6, 2) MLA(8, 4, 3) ADD(14, 30) \
  MUL(11, 7, 2) MLA(9, 5, 3) ADD(15, 31) \
  MUL(28, 4, 0) MLA(10, 6, 3) ADD(16, 8) \
  MUL(29, 5, 0) MLA(11, 7, 3) PIXEL(2, 3, "%[x3]") ADD(17, 9) \
  MUL(30, 6, 0) MLA(28, 4, 1) ADD(18, 10) \
  MUL(31, 7, 0) MLA(29, 5, 1) ADD(19, 11) \
  MUL(8, 4, 2) MLA(30, 6, 1) ADD(20, 28) \
  MUL(9, 5, 2) MLA(31, 7, 1) more(PIXEL(0, 1, "%[x0]")) ADD(21, 29) \
  MUL(10, 6, 2) MLA(8, 4, 3) ADD(22, 30) MUL(11, 7, 2) MLA(9, 5, 3) \
  more(WEIGHTS(4, "%[w0]") WEIGHTS(5, "%[w1]") NEXT("%[x0]") NEXT("%[x1]") NEXT("%[x2]") NEXT("%[x3]")) ADD(23, 31)

SANDERLING_INLINE void multiply_4x16(const int8_t* x, int64_t x_stride, const int8_t* w, int64_t depth,
                                     const int32_t* bias, int32_t* sums) {
  const int8_t *x0 = x, *x1 = x0 + x_stride, *x2 = x1 + x_stride, *x3 = x2 + x_stride;
  int64_t rounds = depth >> 2, at = 0;
  asm volatile(
      BIAS(12, 13, 0) BIAS(14, 15, 32)
      PIXEL(0, 1, "%[x0]") WEIGHTS(4, "%[w0]") WEIGHTS(5, "%[w1]") NEXT("%[x0]")
      ZERO(3) ZERO(8) ZERO(9) ZERO(10) ZERO(11)  // nothing is left of a round before the first one
      COPY(16, 12) COPY(17, 13) COPY(18, 14) COPY(19, 15) COPY(20, 12) COPY(21, 13) COPY(22, 14) COPY(23, 15)
      COPY(24, 12) COPY(25, 13) COPY(26, 14) COPY(27, 15)
      "cmp %[rounds], #1\n\t"
      "b.eq 2f\n\t"
      "1:\n\t"
      ROUND(ALSO)
      "cmp %[rounds], #1\n\t"
      "b.ne 1b\n\t"
      "2:\n\t"
      ROUND(NOT)
      ADD(24, 8) MLA(10, 6, 3) STORE(12, 13, 0) STORE(14, 15, 32) ADD(25, 9) MLA(11, 7, 3) STORE(16, 17, 64)
      STORE(18, 19, 96) STORE(20, 21, 128) STORE(22, 23, 160) ADD(26, 10) ADD(27, 11)
      STORE(24, 25, 192) STORE(26, 27, 224)
      : [x0] "+&r"(x0), [x1] "+&r"(x1), [x2] "+&r"(x2), [x3] "+&r"(x3), [rounds] "+&r"(rounds), [at] "+&r"(at)
      : [w0] "r"(w), [w1] "r"(w + 4 * depth), [w2] "r"(w + 8 * depth), [w3] "r"(w + 12 * depth), [sums] "r"(sums),
        [bias] "r"(bias)
      : "cc", "memory", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13", "v14",
        "v15", "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29", "v30",
        "v31");
}
// clang-format on

#undef MUL
#undef MLA
#undef ADD
#undef PIXEL
#undef NEXT
#undef WEIGHTS
#undef ZERO
#undef BIAS
#undef COPY
#undef STORE
#undef ALSO
#undef NOT
#undef ROUND

constexpr int64_t kTileRows = 4, kTileChannels = 16;

#else

constexpr int64_t kTileRows = 2, kTileChannels = 16;  // of sixteen registers, eight accumulate

#endif

// The same for any tile. Counts are words of the processor.
template <int rows, int strips, bool paired>
void multiply(const int8_t* x, intptr_t x_stride, const int8_t* w, intptr_t depth, const int32_t* bias, int32_t* sums) {
  int32x4_t acc[rows][strips];
  const int8_t *row[rows], *from[strips];
  unrolled<strips>([&](auto j) __attribute__((always_inline)) { from[j] = w + j * 4 * depth; });
  unrolled<rows>([&](auto i) __attribute__((always_inline)) {
    row[i] = x + i * x_stride;
    unrolled<strips>([&](auto j) __attribute__((always_inline)) { acc[i][j] = vld1q_s32(bias + 4 * j); });
  });
  for (intptr_t left = depth; left > 0; left -= 4) {
    int8x8_t a0[rows], a1[rows];
    unrolled<rows>([&](auto i) __attribute__((always_inline)) {
      const int16x4x2_t a = vld2_dup_s16(reinterpret_cast<const int16_t*>(row[i]));
      row[i] += 4;
      a0[i] = vreinterpret_s8_s16(a.val[0]), a1[i] = vreinterpret_s8_s16(a.val[1]);
    });
    // Two strips at a time: with what they accumulate that fills the sixteen registers of 32 bits.
    unrolled<(strips + 1) / 2>([&](auto pair) __attribute__((always_inline)) {
      constexpr int first = 2 * decltype(pair)::value, two = first + 1 < strips ? 2 : 1;
      int8x16_t b[two];
      int16x8_t product[two][rows];
      unrolled<two>([&](auto j) __attribute__((always_inline)) {
        b[j] = vld1q_s8(from[first + j]);
        from[first + j] += 16;
#ifndef __aarch64__
        asm("" : "+r"(from[first + j]));  // or compilers add to one pointer for each strip
#endif
      });
      const auto all = [&](const auto& f) __attribute__((always_inline)) {
        unrolled<two>([&](auto j) __attribute__((always_inline)) {
          unrolled<rows>([&](auto i) __attribute__((always_inline)) { f(i, j); });
        });
      };
      const auto add = [&](auto i, auto j) __attribute__((always_inline)) {
        acc[i][first + j] = vpadalq_s16(acc[i][first + j], product[j][i]);
      };
      all([&](auto i, auto j) __attribute__((always_inline)) { product[j][i] = vmull_s8(vget_low_s8(b[j]), a0[i]); });
      if constexpr (!paired) all(add);
      all([&](auto i, auto j) __attribute__((always_inline)) {
        product[j][i] =
            paired ? vmlal_s8(product[j][i], vget_high_s8(b[j]), a1[i]) : vmull_s8(vget_high_s8(b[j]), a1[i]);
      });
      all(add);
    });
  }
  unrolled<rows>([&](auto i) __attribute__((always_inline)) {
    unrolled<strips>([&](auto j) __attribute__((always_inline)) { vst1q_s32(sums + i * kBuffer + 4 * j, acc[i][j]); });
  });
}

template <int rows, bool paired>
SANDERLING_INLINE void multiply_rows(const Tile& t, intptr_t first, intptr_t channels, int32_t* sums) {
  const intptr_t depth = static_cast<intptr_t>(t.depth), x_stride = static_cast<intptr_t>(t.x_stride);
  const int8_t* x = t.x + first * x_stride;
  intptr_t j = 0;
  sums += first * kBuffer;
  for (; j + kTileChannels <= channels; j += kTileChannels) {
    const int8_t* w = t.weights + j * depth;
#ifdef __aarch64__
    if constexpr (rows == 4 && paired)
      multiply_4x16(x, x_stride, w, depth, t.bias + j, sums + j);
    else
#endif
      multiply<rows, kTileChannels / 4, paired>(x, x_stride, w, depth, t.bias + j, sums + j);
  }
  if (channels & 8) multiply<rows, 2, paired>(x, x_stride, t.weights + j * depth, depth, t.bias + j, sums + j), j += 8;
  if (channels & 4) multiply<rows, 1, paired>(x, x_stride, t.weights + j * depth, depth, t.bias + j, sums + j);
}

template <bool paired>
void multiply_all(const Tile& t, intptr_t rows, intptr_t channels, int32_t* sums) {
  intptr_t i = 0;
  for (; i + kTileRows <= rows; i += kTileRows) multiply_rows<kTileRows, paired>(t, i, channels, sums);
  if constexpr (kTileRows == 4) {
    if (rows - i == 3) return multiply_rows<3, paired>(t, i, channels, sums);
    if (rows - i == 2) return multiply_rows<2, paired>(t, i, channels, sums);
  }
  if (rows - i == 1) multiply_rows<1, paired>(t, i, channels, sums);
}

struct Pairs : PairStrips {
  static constexpr int64_t kRows = kTileRows, kPanel = kBuffer, kMostRows = 128;
  SANDERLING_INLINE int32x4_t add_bytes(int32x4_t sums, int8x16_t x) { return vpadalq_s16(sums, vpaddlq_s8(x)); }
  static void multiply_tile(const Tile& t, int64_t rows, int64_t channels, int32_t* sums) {
    const intptr_t n = static_cast<intptr_t>(rows), width = static_cast<intptr_t>(channels);
    (t.flags & kPairsOverflow) ? multiply_all<false>(t, n, width, sums) : multiply_all<true>(t, n, width, sums);
  }
  static void bytes(const Tile& t, int64_t rows, int64_t channels) {
    alignas(64) int32_t buffer[kMostRows * kBuffer];
    multiply_tile(t, rows, channels, buffer);
    rescale_buffer(t, buffer, rows, channels);
  }
  static void sums(const Tile& t, int64_t rows, int64_t channels) {
    alignas(64) int32_t buffer[kMostRows * kBuffer];
    multiply_tile(t, rows, channels, buffer);
    copy_buffer(t, buffer, rows, channels);
  }
};

}  // namespace

const Conv2dQ8Kernel conv2d_q8_neon_pairs4x16 = TiledConv2d<Pairs>::kernel;

}  // namespace sanderling
