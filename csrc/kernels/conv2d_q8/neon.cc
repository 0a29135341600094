// Tiles of up to 4 pixels x 4 channels for processors without dot products: sixteen products are two multiplications
// into int16 and a pairwise addition to one of sixteen accumulators, whose lanes are added up at the end. Weights are
// [depth / 16][4 channels][16], and [4 channels][8] for a last half.
//
// Two products fit int16 unless both are -128 * -128: panels where two weights of -128 meet add each product alone.
#include "kernels/conv2d_q8/neon_output.h"

namespace sanderling {
namespace {

constexpr uint8_t kPairsOverflow = 1;

#ifdef __aarch64__
// The sums of 4 x 4 products over `depth` bytes, one vector for each pixel. In assembly, because compilers' order of
// these instructions takes 1.3 to 2 times as long on in-order processors, and GCC 12 spills accumulators. Unit
// u = 4 * channel + pixel is a product (MUL), its partner two units later (MLA), and their sum another two units later
// (ADD); for the last units that is in the next round. Loads stand together, between rounds and after the last unit.
//   v0-3 pixels, v4-7 channels, v16-27 and the outputs accumulators, v28-31 and v8-11 products
// clang-format off
#define MUL(t, a, b) "smull v" #t ".8h, v" #a ".8b, v" #b ".8b\n\t"
#define MLA(t, a, b) "smlal2 v" #t ".8h, v" #a ".16b, v" #b ".16b\n\t"
#define ADD(acc, t) "sadalp " acc ".4s, v" #t ".8h\n\t"
#define LOAD(v, from) "ldr q" #v ", " from "\n\t"
#define HALF(v, from) "ldr d" #v ", " from "\n\t"
#define ZERO(v) "movi " v ".4s, #0\n\t"
#define PAIRS(to, from) "addp " to ".4s, " to ".4s, " from ".4s\n\t"
#define BEGIN_ROUND \
  MUL(28, 0, 4) MLA(10, 2, 7) ADD("v24", 8) MUL(29, 1, 4) MLA(11, 3, 7) \
  LOAD(2, "[%[x2], %[at]]") LOAD(3, "[%[x3], %[at]]") LOAD(7, "[%[w], #48]") \
  "add %[at], %[at], #16\n\tadd %[w], %[w], #64\n\t"
#define END_ROUND \
  ADD("v25", 9) MUL(30, 2, 4) MLA(28, 0, 4) ADD("v26", 10) \
  MUL(31, 3, 4) MLA(29, 1, 4) ADD("v27", 11) MUL(8, 0, 5) MLA(30, 2, 4) ADD("%[s0]", 28) \
  MUL(9, 1, 5) MLA(31, 3, 4) ADD("%[s1]", 29) MUL(10, 2, 5) MLA(8, 0, 5) ADD("%[s2]", 30) \
  MUL(11, 3, 5) MLA(9, 1, 5) ADD("%[s3]", 31) MUL(28, 0, 6) MLA(10, 2, 5) ADD("v16", 8) \
  MUL(29, 1, 6) MLA(11, 3, 5) ADD("v17", 9) MUL(30, 2, 6) MLA(28, 0, 6) ADD("v18", 10) \
  MUL(31, 3, 6) MLA(29, 1, 6) ADD("v19", 11) MUL(8, 0, 7) MLA(30, 2, 6) ADD("v20", 28) \
  MUL(9, 1, 7) MLA(31, 3, 6) ADD("v21", 29) MUL(10, 2, 7) MLA(8, 0, 7) ADD("v22", 30) \
  MUL(11, 3, 7) MLA(9, 1, 7) ADD("v23", 31)

SANDERLING_INLINE void multiply_4x4(const int8_t* const (&x)[4], const int8_t* w, int64_t depth, int32x4_t (&sum)[4]) {
  int64_t blocks = depth >> 4, at = 0;
  asm("cmp %[blocks], #0\n\t"
      ZERO("%[s0]") ZERO("%[s1]") ZERO("%[s2]") ZERO("%[s3]")
      ZERO("v16") ZERO("v17") ZERO("v18") ZERO("v19") ZERO("v20") ZERO("v21")
      ZERO("v22") ZERO("v23") ZERO("v24") ZERO("v25") ZERO("v26") ZERO("v27")
      "b.eq 3f\n\t"
      LOAD(0, "[%[x0]]") LOAD(4, "[%[w]]") LOAD(1, "[%[x1]]") LOAD(5, "[%[w], #16]") LOAD(6, "[%[w], #32]")
      // Nothing is left of a round before the first one.
      ZERO("v2") ZERO("v3") ZERO("v7") ZERO("v8") ZERO("v9") ZERO("v10") ZERO("v11")
      "subs %[blocks], %[blocks], #1\n\t"
      "b.eq 2f\n\t"
      "1:\n\t"
      BEGIN_ROUND
      "subs %[blocks], %[blocks], #1\n\t"
      END_ROUND
      LOAD(4, "[%[w]]") LOAD(0, "[%[x0], %[at]]") LOAD(1, "[%[x1], %[at]]") LOAD(5, "[%[w], #16]") LOAD(6, "[%[w], #32]")
      "b.ne 1b\n\t"
      "2:\n\t"
      BEGIN_ROUND
      END_ROUND
      ADD("v24", 8) MLA(10, 2, 7) ADD("v25", 9) MLA(11, 3, 7)
      ADD("v26", 10) ADD("v27", 11)
      "3:\n\t"
      "tbz %[depth], #3, 4f\n\t"
      HALF(4, "[%[w]]") HALF(0, "[%[x0], %[at]]") HALF(1, "[%[x1], %[at]]") HALF(2, "[%[x2], %[at]]")
      HALF(3, "[%[x3], %[at]]") HALF(5, "[%[w], #8]") HALF(6, "[%[w], #16]") HALF(7, "[%[w], #24]")
      MUL(28, 0, 4) MUL(29, 1, 4) MUL(30, 2, 4)
      MUL(31, 3, 4) ADD("%[s0]", 28) MUL(8, 0, 5) ADD("%[s1]", 29) MUL(9, 1, 5) ADD("%[s2]", 30)
      MUL(10, 2, 5) ADD("%[s3]", 31) MUL(11, 3, 5) ADD("v16", 8) MUL(28, 0, 6) ADD("v17", 9)
      MUL(29, 1, 6) ADD("v18", 10) MUL(30, 2, 6) ADD("v19", 11) MUL(31, 3, 6) ADD("v20", 28)
      MUL(8, 0, 7) ADD("v21", 29) MUL(9, 1, 7) ADD("v22", 30) MUL(10, 2, 7) ADD("v23", 31)
      MUL(11, 3, 7) ADD("v24", 8) ADD("v25", 9) ADD("v26", 10)
      ADD("v27", 11)
      "4:\n\t"
      PAIRS("%[s0]", "v16") PAIRS("v20", "v24") PAIRS("%[s1]", "v17") PAIRS("v21", "v25")
      PAIRS("%[s2]", "v18") PAIRS("v22", "v26") PAIRS("%[s3]", "v19") PAIRS("v23", "v27")
      PAIRS("%[s0]", "v20") PAIRS("%[s1]", "v21") PAIRS("%[s2]", "v22") PAIRS("%[s3]", "v23")
      : [s0] "=&w"(sum[0]), [s1] "=&w"(sum[1]), [s2] "=&w"(sum[2]), [s3] "=&w"(sum[3]), [w] "+&r"(w),
        [blocks] "+&r"(blocks), [at] "+&r"(at)
      : [x0] "r"(x[0]), [x1] "r"(x[1]), [x2] "r"(x[2]), [x3] "r"(x[3]), [depth] "r"(depth)
      : "cc", "memory", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v16", "v17", "v18",
        "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29", "v30", "v31");
}
// clang-format on

#undef MUL
#undef MLA
#undef ADD
#undef LOAD
#undef HALF
#undef ZERO
#undef PAIRS
#undef BEGIN_ROUND
#undef END_ROUND

int32x4_t add_pairs(int32x4_t a, int32x4_t b) { return vpaddq_s32(a, b); }

#else

int32x4_t add_pairs(int32x4_t a, int32x4_t b) {
  return vcombine_s32(vpadd_s32(vget_low_s32(a), vget_high_s32(a)), vpadd_s32(vget_low_s32(b), vget_high_s32(b)));
}

#endif

template <int rows, bool paired>
SANDERLING_INLINE void multiply(const int8_t* const (&x)[4], const int8_t* w, int64_t depth, int32x4_t (&sum)[4]) {
  int32x4_t acc[4][4];
  unrolled<rows>(
      [&](auto i) __attribute__((always_inline)) { acc[i][0] = acc[i][1] = acc[i][2] = acc[i][3] = vdupq_n_s32(0); });
  const int64_t end = depth / 16 * 16;
  for (int64_t at = 0; at < end; at += 16, w += 64) {
    int8x16_t a[4];
    unrolled<rows>([&](auto i) __attribute__((always_inline)) { a[i] = vld1q_s8(x[i] + at); });
    unrolled<4>([&](auto j) __attribute__((always_inline)) {
      const int8x16_t b = vld1q_s8(w + 16 * j);
      const int8x8_t low = vget_low_s8(b), high = vget_high_s8(b);
      int16x8_t product[4];
      unrolled<rows>([&](auto i) __attribute__((always_inline)) { product[i] = vmull_s8(vget_low_s8(a[i]), low); });
      unrolled<rows>([&](auto i) __attribute__((always_inline)) {
        if constexpr (paired) {
          product[i] = vmlal_s8(product[i], vget_high_s8(a[i]), high);
        } else {
          acc[i][j] = vpadalq_s16(acc[i][j], product[i]);
          product[i] = vmull_s8(vget_high_s8(a[i]), high);
        }
      });
      unrolled<rows>([&](auto i) __attribute__((always_inline)) { acc[i][j] = vpadalq_s16(acc[i][j], product[i]); });
    });
  }
  if (depth & 8) {
    int8x8_t a[4];
    unrolled<rows>([&](auto i) __attribute__((always_inline)) { a[i] = vld1_s8(x[i] + end); });
    unrolled<4>([&](auto j) __attribute__((always_inline)) {
      const int8x8_t b = vld1_s8(w + 8 * j);
      unrolled<rows>([&](auto i)
                         __attribute__((always_inline)) { acc[i][j] = vpadalq_s16(acc[i][j], vmull_s8(a[i], b)); });
    });
  }
  unrolled<rows>([&](auto i) __attribute__((always_inline)) {
    sum[i] = add_pairs(add_pairs(acc[i][0], acc[i][1]), add_pairs(acc[i][2], acc[i][3]));
  });
}

template <int rows, bool paired, bool rescale>
void tile(const Tile& t) {
  const int8_t* x[4];
  unrolled<rows>([&](auto i) __attribute__((always_inline)) { x[i] = t.x + i * t.x_stride; });
  int32x4_t sum[4];
#ifdef __aarch64__
  if constexpr (rows == 4 && paired)
    multiply_4x4(x, t.weights, t.depth, sum);
  else
#endif
    multiply<rows, paired>(x, t.weights, t.depth, sum);
  const int32x4_t bias = vld1q_s32(t.bias);
  unrolled<rows>([&](auto i) __attribute__((always_inline)) { sum[i] = vaddq_s32(sum[i], bias); });
  if (t.correction)
    unrolled<rows>([&](auto i)
                       __attribute__((always_inline)) { sum[i] = vaddq_s32(sum[i], vld1q_dup_s32(t.correction + i)); });
  const int64_t out_stride = t.out_stride;
  if constexpr (!rescale) {
    int32_t* out = static_cast<int32_t*>(t.out);
    unrolled<rows>([&](auto i) __attribute__((always_inline)) { vst1q_s32(out + i * out_stride, sum[i]); });
  } else {
    const int32x4_t multiplier = vld1q_s32(t.multiplier), shift = vld1q_s32(t.shift);
    unrolled<rows>([&](auto i) __attribute__((always_inline)) { sum[i] = vqrdmulhq_s32(sum[i], multiplier); });
    // See requantize_neon.h: halves are rounded away from zero, where negative values are not clamped away anyway.
    if (t.low < t.zero)
      unrolled<rows>([&](auto i) __attribute__((always_inline)) { sum[i] = vsraq_n_s32(sum[i], sum[i], 31); });
    unrolled<4>([&](auto i) __attribute__((always_inline)) {
      if constexpr (i < rows)
        sum[i] = vrshlq_s32(sum[i], shift);
      else
        sum[i] = sum[0];
    });
    const uint32x4_t y =
        vreinterpretq_u32_u8(output_neon<RequantizeNeon::kRight>(sum[0], sum[1], sum[2], sum[3], output_stage(t)));
    uint8_t* out = static_cast<uint8_t*>(t.out);
    unrolled<rows>([&](auto i) __attribute__((always_inline)) {
      vst1q_lane_u32(reinterpret_cast<uint32_t*>(out), y, decltype(i)::value);
      out += out_stride;
    });
  }
}

template <bool paired, bool rescale>
void tile_of(const Tile& t, int64_t rows) {
  switch (rows) {
    case 1: return tile<1, paired, rescale>(t);
#ifndef __aarch64__
    default: return tile<2, paired, rescale>(t);
#else
    case 2: return tile<2, paired, rescale>(t);
    case 3: return tile<3, paired, rescale>(t);
    default: return tile<4, paired, rescale>(t);
#endif
  }
}

struct Pairs4x4 {
#ifdef __aarch64__
  static constexpr int64_t kRows = 4;
#else
  static constexpr int64_t kRows = 2;  // of sixteen registers, eight accumulate
#endif
  static constexpr int64_t kChannels = 4, kDepthUnit = 8;
  static int64_t index(int64_t channel, int64_t k, int64_t depth) {
    if (k < depth / 16 * 16) return k / 16 * 64 + channel * 16 + k % 16;
    return depth / 16 * 64 + channel * 8 + k % 8;
  }
  static uint8_t inspect(const int8_t* panel, int64_t depth) {
    for (int64_t block = 0; block < depth / 16 * 4; ++block)
      for (int64_t k = 0; k < 8; ++k)
        if (panel[block * 16 + k] == -128 && panel[block * 16 + k + 8] == -128) return kPairsOverflow;
    return 0;
  }
  static int32_t sum(const int8_t* row, int64_t n) {
    int32x4_t s = vdupq_n_s32(0);
    int64_t k = 0;
    for (; k + 16 <= n; k += 16) s = vpadalq_s16(s, vpaddlq_s8(vld1q_s8(row + k)));
    s = add_pairs(s, s);
    int32_t all = vgetq_lane_s32(add_pairs(s, s), 0);
    for (; k < n; ++k) all += row[k];
    return all;
  }
  static void bytes(const Tile& t, int64_t rows) {
    (t.flags & kPairsOverflow) ? tile_of<false, true>(t, rows) : tile_of<true, true>(t, rows);
  }
  static void sums(const Tile& t, int64_t rows) {
    (t.flags & kPairsOverflow) ? tile_of<false, false>(t, rows) : tile_of<true, false>(t, rows);
  }
  static void rescale(const Tile& t, const int32_t* sums, uint8_t* out) { rescale_four(t, 0, sums, out); }
};

}  // namespace

const Conv2dQ8Kernel conv2d_q8_neon_pairs4x4 = TiledConv2d<Pairs4x4>::kernel;

}  // namespace sanderling
