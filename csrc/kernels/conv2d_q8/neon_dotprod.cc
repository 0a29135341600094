// Tiles of up to 8 pixels x 8 channels with dot products by element: sixteen accumulators, a vector for the next eight
// bytes of each pixel, and weights as [depth / 4][8 channels][4].
#include "kernels/conv2d_q8/neon_output.h"

namespace sanderling {
namespace {

// The sums, from the bias, of 8 pixels x 8 channels over `bytes`, a multiple of 8, before `end`, in assembly: compilers
// put the loads together, where in-order processors wait for them. v0-7 are pixels, v8-11 weights; what the next round
// needs is loaded as soon as a register is free, at [end, x16] and [weights_end, x17], with a register for each:
// llvm-mca's A55 takes longer for offsets in the instruction. The last round loads nothing.
// clang-format off
#define DOT(s, b, a, lane) "sdot %[" #s "].4s, v" #b ".16b, v" #a ".4b[" #lane "]\n\t"
#define PIXEL0 "ldr d0, [%[x], x16]\n\t"
#define PIXEL(a) "ldr d" #a ", [x" #a ", x16]\n\t"
#define WEIGHTS(b) "ldr q" #b ", [%[w" #b "], x17]\n\t"
#define PAIR(i, b, c, a, lane) DOT(s##i##0, b, a, lane) DOT(s##i##1, c, a, lane)
#define ALSO(...) __VA_ARGS__
#define NOT(...)
#define ROUND(more) \
  PAIR(0, 8, 9, 0, 0) PAIR(1, 8, 9, 1, 0) PAIR(2, 8, 9, 2, 0) PAIR(3, 8, 9, 3, 0) \
  PAIR(4, 8, 9, 4, 0) PAIR(5, 8, 9, 5, 0) PAIR(6, 8, 9, 6, 0) PAIR(7, 8, 9, 7, 0) \
  DOT(s00, 10, 0, 1) more(WEIGHTS(8)) DOT(s01, 11, 0, 1) more(PIXEL0) \
  DOT(s10, 10, 1, 1) more(WEIGHTS(9)) DOT(s11, 11, 1, 1) more(PIXEL(1)) \
  PAIR(2, 10, 11, 2, 1) more(PIXEL(2)) PAIR(3, 10, 11, 3, 1) more(PIXEL(3)) \
  PAIR(4, 10, 11, 4, 1) more(PIXEL(4)) PAIR(5, 10, 11, 5, 1) more(PIXEL(5)) \
  PAIR(6, 10, 11, 6, 1) more(PIXEL(6)) DOT(s70, 10, 7, 1) more(WEIGHTS(10)) \
  DOT(s71, 11, 7, 1) more(WEIGHTS(11)) more(PIXEL(7))
#define STEP "adds x16, x16, #8\n\tadd x17, x17, #64\n\t"
#define COPY(i) "mov %[s" #i "0].16b, %[s00].16b\n\tmov %[s" #i "1].16b, %[s01].16b\n\t"

SANDERLING_INLINE void multiply_8x8(const int8_t* end, int64_t x_stride, const int8_t* weights_end, int64_t bytes,
                                    const int32_t* bias, int32x4_t (&s)[8][2]) {
  asm volatile(
      "ldp %q[s00], %q[s01], [%[bias]]\n\t"
      "neg x16, %[bytes]\n\tneg x17, %[bytes], lsl #3\n\t"
      "add x1, %[x], %[stride]\n\tadd x2, x1, %[stride]\n\tadd x3, x2, %[stride]\n\tadd x4, x3, %[stride]\n\t"
      "add x5, x4, %[stride]\n\tadd x6, x5, %[stride]\n\tadd x7, x6, %[stride]\n\t"
      WEIGHTS(8) WEIGHTS(9) PIXEL0 PIXEL(1) PIXEL(2) PIXEL(3) PIXEL(4) PIXEL(5) PIXEL(6) PIXEL(7)
      WEIGHTS(10) WEIGHTS(11)
      COPY(1) COPY(2) COPY(3) COPY(4) COPY(5) COPY(6) COPY(7)
      STEP
      "b.eq 3f\n\t"
      "tbnz x16, #3, 2f\n\t"
      ".p2align 4\n\t"
      "1:\n\t" ROUND(ALSO) STEP
      "2:\n\t" ROUND(ALSO) STEP
      "b.ne 1b\n\t"
      "3:\n\t" ROUND(NOT)
      : [s00] "=&w"(s[0][0]), [s01] "=&w"(s[0][1]), [s10] "=&w"(s[1][0]), [s11] "=&w"(s[1][1]),
        [s20] "=&w"(s[2][0]), [s21] "=&w"(s[2][1]), [s30] "=&w"(s[3][0]), [s31] "=&w"(s[3][1]),
        [s40] "=&w"(s[4][0]), [s41] "=&w"(s[4][1]), [s50] "=&w"(s[5][0]), [s51] "=&w"(s[5][1]),
        [s60] "=&w"(s[6][0]), [s61] "=&w"(s[6][1]), [s70] "=&w"(s[7][0]), [s71] "=&w"(s[7][1])
      : [x] "r"(end), [stride] "r"(x_stride), [bytes] "r"(bytes), [bias] "r"(bias), [w8] "r"(weights_end),
        [w9] "r"(weights_end + 16), [w10] "r"(weights_end + 32), [w11] "r"(weights_end + 48)
      : "cc", "memory", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "x1", "x2", "x3", "x4",
        "x5", "x6", "x7", "x16", "x17");
}
// clang-format on

#undef DOT
#undef PIXEL0
#undef PIXEL
#undef WEIGHTS
#undef PAIR
#undef ALSO
#undef NOT
#undef ROUND
#undef STEP
#undef COPY

// `count` tiles below each other.
template <int rows, Result result>
void multiply(const Tile& t, int64_t first_row, int64_t count, int32_t* sums) {
  // One or two pixels leave the multipliers waiting for each other: two sets of sums.
  constexpr int sets = rows <= 2 ? 2 : 1;
  constexpr bool bytes = result != Result::kSums;
  const int64_t x_stride = t.x_stride, out_stride = t.out_stride, rounds = t.depth >> 3;
  const int8_t* first = t.x + first_row * x_stride;
  uint8_t* out = static_cast<uint8_t*>(t.out) + first_row * out_stride;
  const int32_t* correction = t.correction ? t.correction + first_row : nullptr;
  const bool half = (t.depth & 4) != 0, more = half || (bytes && correction);  // one branch for what is rare
  do {
    int32x4_t acc[sets][8][2];
    const int8_t* x[8];
    unrolled<rows>([&](auto i) __attribute__((always_inline)) {
      x[i] = first + i * x_stride;
      acc[sets - 1][i][0] = acc[sets - 1][i][1] = vdupq_n_s32(0);
    });
    const int8_t* w = t.weights;
    int64_t k = rounds;
    if (rows == 8 && k > 0) {
      multiply_8x8(first + 8 * rounds, x_stride, w + 64 * rounds, 8 * rounds, t.bias, acc[0]);
      unrolled<rows>([&](auto i) __attribute__((always_inline)) { x[i] += 8 * rounds; });
      w += 64 * rounds;
      k = 0;
    } else {
      const int32x4_t bias0 = vld1q_s32(t.bias), bias1 = vld1q_s32(t.bias + 4);
      unrolled<rows>([&](auto i) __attribute__((always_inline)) { acc[0][i][0] = bias0, acc[0][i][1] = bias1; });
    }
    for (; rows < 8 && k > 0; --k) {
      int8x8_t a[8];
      unrolled<rows>([&](auto i) __attribute__((always_inline)) {
        a[i] = vld1_s8(x[i]);
        x[i] += 8;
      });
      const int8x16_t b0 = vld1q_s8(w), b1 = vld1q_s8(w + 16);
      unrolled<rows>([&](auto i) __attribute__((always_inline)) {
        acc[0][i][0] = vdotq_lane_s32(acc[0][i][0], b0, a[i], 0);
        acc[0][i][1] = vdotq_lane_s32(acc[0][i][1], b1, a[i], 0);
      });
      const int8x16_t b2 = vld1q_s8(w + 32), b3 = vld1q_s8(w + 48);
      unrolled<rows>([&](auto i) __attribute__((always_inline)) {
        acc[sets - 1][i][0] = vdotq_lane_s32(acc[sets - 1][i][0], b2, a[i], 1);
        acc[sets - 1][i][1] = vdotq_lane_s32(acc[sets - 1][i][1], b3, a[i], 1);
      });
      w += 64;
    }
    if (more) {
      if (bytes && correction) {
        unrolled<rows>([&](auto i) __attribute__((always_inline)) {
          const int32x4_t c = vld1q_dup_s32(correction + i);
          acc[0][i][0] = vaddq_s32(acc[0][i][0], c), acc[0][i][1] = vaddq_s32(acc[0][i][1], c);
        });
        correction += rows;
      }
      if (half) {
        const int8x16_t b0 = vld1q_s8(w), b1 = vld1q_s8(w + 16);
        unrolled<rows>([&](auto i) __attribute__((always_inline)) {
          const int8x8_t a = vreinterpret_s8_s32(vld1_dup_s32(reinterpret_cast<const int32_t*>(x[i])));
          acc[0][i][0] = vdotq_lane_s32(acc[0][i][0], b0, a, 0);
          acc[0][i][1] = vdotq_lane_s32(acc[0][i][1], b1, a, 0);
        });
      }
    }
    if constexpr (sets > 1)
      unrolled<rows>([&](auto i) __attribute__((always_inline)) {
        acc[0][i][0] = vaddq_s32(acc[0][i][0], acc[1][i][0]), acc[0][i][1] = vaddq_s32(acc[0][i][1], acc[1][i][1]);
      });

    if constexpr (!bytes) {
      unrolled<rows>([&](auto i) __attribute__((always_inline)) {
        vst1q_s32(sums + i * kBuffer, acc[0][i][0]);
        vst1q_s32(sums + i * kBuffer + 4, acc[0][i][1]);
      });
      sums += rows * kBuffer;
    } else {
      constexpr int pairs = (rows + 1) / 2;
      int8x16_t y[pairs];
      if constexpr (result == Result::kFused) {
        const FusedScales scales = fused_scales(t.scale, t.offset);
        unrolled<pairs>([&](auto p) __attribute__((always_inline)) {
          constexpr int i = 2 * decltype(p)::value, j = i + 1 < rows ? i + 1 : i;
          y[p] = bytes_fused(acc[0][i][0], acc[0][i][1], acc[0][j][0], acc[0][j][1], scales);
        });
      } else {
        constexpr RequantizeNeon kind = requantize_kind(result);
        const int32x4_t m0 = vld1q_s32(t.multiplier), m1 = vld1q_s32(t.multiplier + 4);
        const int32x4_t s0 = vld1q_s32(t.shift), s1 = vld1q_s32(t.shift + 4);
        const int16x8_t zero = vdupq_n_s16(static_cast<int16_t>(t.zero));
        unrolled<rows>([&](auto i) __attribute__((always_inline)) {
          acc[0][i][0] = requantize_neon<kind>(acc[0][i][0], m0, s0);
          acc[0][i][1] = requantize_neon<kind>(acc[0][i][1], m1, s1);
        });
        unrolled<pairs>([&](auto p) __attribute__((always_inline)) {
          constexpr int i = 2 * decltype(p)::value, j = i + 1 < rows ? i + 1 : i;
          y[p] = bytes_of_words(acc[0][i][0], acc[0][i][1], acc[0][j][0], acc[0][j][1], zero);
        });
      }
      if (!t.whole) clamp<pairs>(t, y);
      unrolled<pairs>([&](auto p) __attribute__((always_inline)) {
        const uint64x2_t both = vreinterpretq_u64_s8(y[p]);
        vst1_u64(reinterpret_cast<uint64_t*>(out), vget_low_u64(both));
        out += out_stride;
        if constexpr (2 * decltype(p)::value + 1 < rows) {
          vst1q_lane_u64(reinterpret_cast<uint64_t*>(out), both, 1);
          out += out_stride;
        }
      });
    }
    first += rows * x_stride;
  } while (--count > 0);
}

template <Result result>
void multiply_all(const Tile& t, int64_t rows, int32_t* sums) {
  const int64_t whole = rows / 8 * 8;
  if (whole > 0) multiply<8, result>(t, 0, rows / 8, sums);
  sums += whole * kBuffer;
  switch (rows - whole) {
    case 0: return;
    case 1: return multiply<1, result>(t, whole, 1, sums);
    case 2: return multiply<2, result>(t, whole, 1, sums);
    case 3: return multiply<3, result>(t, whole, 1, sums);
    case 4: return multiply<4, result>(t, whole, 1, sums);
    case 5: return multiply<5, result>(t, whole, 1, sums);
    case 6: return multiply<6, result>(t, whole, 1, sums);
    default: return multiply<7, result>(t, whole, 1, sums);
  }
}

struct Dot : DotStrips {
  static constexpr int64_t kRows = 8, kPanel = 8, kMostRows = 256;
  SANDERLING_INLINE int32x4_t add_bytes(int32x4_t sums, int8x16_t x) { return vdotq_s32(sums, x, vdupq_n_s8(1)); }
  static void bytes(const Tile& t, int64_t rows, int64_t channels) {
    alignas(64) int32_t buffer[kMostRows * kBuffer];
    switch (rescaling(t)) {
      case Result::kFused: return multiply_all<Result::kFused>(t, rows, buffer);
      case Result::kRight: return multiply_all<Result::kRight>(t, rows, buffer);
      case Result::kRelu: return multiply_all<Result::kRelu>(t, rows, buffer);
      default: break;
    }
    multiply_all<Result::kSums>(t, rows, buffer);
    rescale_rows<Result::kAny>(t, buffer, rows, channels);
  }
  static void sums(const Tile& t, int64_t rows, int64_t channels) {
    alignas(64) int32_t buffer[kMostRows * kBuffer];
    multiply_all<Result::kSums>(t, rows, buffer);
    copy_buffer(t, buffer, rows, channels);
  }
};

}  // namespace

const Conv2dQ8Kernel conv2d_q8_neon_dotprod_dot8x8 = TiledConv2d<Dot>::kernel;

}  // namespace sanderling
