// Tiles of up to 8 pixels x 8 channels with dot products by element: sixteen accumulators, a vector for the next eight
// bytes of each pixel, and weights as [depth / 4][8 channels][4].
#include "kernels/conv2d_q8/neon_output.h"

namespace sanderling {
namespace {

template <int rows, bool rescale>
void tile(const Tile& t) {
  // One or two pixels leave the multipliers waiting for each other: two sets of sums.
  constexpr int sets = rows <= 2 ? 2 : 1;
  int32x4_t acc[sets][8][2];
  const int8_t* x[8];
  const int32x4_t bias0 = vld1q_s32(t.bias), bias1 = vld1q_s32(t.bias + 4);
  unrolled<rows>([&](auto i) __attribute__((always_inline)) {
    x[i] = t.x + i * t.x_stride;
    acc[0][i][0] = bias0, acc[0][i][1] = bias1;
    if constexpr (sets > 1) acc[1][i][0] = acc[1][i][1] = vdupq_n_s32(0);
  });
  if (t.correction)
    unrolled<rows>([&](auto i) __attribute__((always_inline)) {
      const int32x4_t correction = vld1q_dup_s32(t.correction + i);
      acc[0][i][0] = vaddq_s32(bias0, correction), acc[0][i][1] = vaddq_s32(bias1, correction);
    });
  const int8_t* w = t.weights;
  for (int64_t k = t.depth >> 3; k > 0; --k) {
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
  if (t.depth & 4) {
    const int8x16_t b0 = vld1q_s8(w), b1 = vld1q_s8(w + 16);
    unrolled<rows>([&](auto i) __attribute__((always_inline)) {
      const int8x8_t a = vreinterpret_s8_s32(vld1_dup_s32(reinterpret_cast<const int32_t*>(x[i])));
      acc[0][i][0] = vdotq_lane_s32(acc[0][i][0], b0, a, 0);
      acc[0][i][1] = vdotq_lane_s32(acc[0][i][1], b1, a, 0);
    });
  }
  if constexpr (sets > 1)
    unrolled<rows>([&](auto i) __attribute__((always_inline)) {
      acc[0][i][0] = vaddq_s32(acc[0][i][0], acc[1][i][0]), acc[0][i][1] = vaddq_s32(acc[0][i][1], acc[1][i][1]);
    });

  if constexpr (!rescale) {
    int32_t* out = static_cast<int32_t*>(t.out);
    const int64_t out_stride = t.out_stride;
    unrolled<rows>([&](auto i) __attribute__((always_inline)) {
      vst1q_s32(out, acc[0][i][0]);
      vst1q_s32(out + 4, acc[0][i][1]);
      out += out_stride;
    });
  } else {
    const int32x4_t m0 = vld1q_s32(t.multiplier), m1 = vld1q_s32(t.multiplier + 4);
    const int32x4_t s0 = vld1q_s32(t.shift), s1 = vld1q_s32(t.shift + 4);
    const OutputStageNeon stage = output_stage(t);
    uint8_t* out = static_cast<uint8_t*>(t.out);
    const int64_t out_stride = t.out_stride;
    unrolled<rows>([&](auto i) __attribute__((always_inline)) {
      acc[0][i][0] = vqrdmulhq_s32(acc[0][i][0], m0);
      acc[0][i][1] = vqrdmulhq_s32(acc[0][i][1], m1);
    });
    // See requantize_neon.h: halves are rounded away from zero, where negative values are not clamped away anyway.
    if (t.low < t.zero)
      unrolled<rows>([&](auto i) __attribute__((always_inline)) {
        acc[0][i][0] = vsraq_n_s32(acc[0][i][0], acc[0][i][0], 31);
        acc[0][i][1] = vsraq_n_s32(acc[0][i][1], acc[0][i][1], 31);
      });
    unrolled<rows>([&](auto i) __attribute__((always_inline)) {
      acc[0][i][0] = vrshlq_s32(acc[0][i][0], s0);
      acc[0][i][1] = vrshlq_s32(acc[0][i][1], s1);
    });
    unrolled<(rows + 1) / 2>([&](auto pair) __attribute__((always_inline)) {
      constexpr int i = 2 * decltype(pair)::value, j = i + 1 < rows ? i + 1 : i;
      const uint64x2_t y = vreinterpretq_u64_u8(
          output_neon<RequantizeNeon::kRight>(acc[0][i][0], acc[0][i][1], acc[0][j][0], acc[0][j][1], stage));
      vst1_u64(reinterpret_cast<uint64_t*>(out), vget_low_u64(y));
      out += out_stride;
      if constexpr (j > i) vst1q_lane_u64(reinterpret_cast<uint64_t*>(out), y, 1);
      out += out_stride;
    });
  }
}

template <bool rescale>
void tile_of(const Tile& t, int64_t rows) {
  switch (rows) {
    case 1: return tile<1, rescale>(t);
    case 2: return tile<2, rescale>(t);
    case 3: return tile<3, rescale>(t);
    case 4: return tile<4, rescale>(t);
    case 5: return tile<5, rescale>(t);
    case 6: return tile<6, rescale>(t);
    case 7: return tile<7, rescale>(t);
    default: return tile<8, rescale>(t);
  }
}

struct Dot8x8 {
  static constexpr int64_t kRows = 8, kChannels = 8, kDepthUnit = 4;
  static int64_t index(int64_t channel, int64_t k, int64_t) { return k / 4 * 32 + channel * 4 + k % 4; }
  static uint8_t inspect(const int8_t*, int64_t) { return 0; }
  static int32_t sum(const int8_t* row, int64_t n) {
    int32x4_t s = vdupq_n_s32(0);
    int64_t k = 0;
    for (; k + 16 <= n; k += 16) s = vdotq_s32(s, vld1q_s8(row + k), vdupq_n_s8(1));
    int32_t all = vaddvq_s32(s);
    for (; k < n; ++k) all += row[k];
    return all;
  }
  static void bytes(const Tile& t, int64_t rows) { tile_of<true>(t, rows); }
  static void sums(const Tile& t, int64_t rows) { tile_of<false>(t, rows); }
  static void rescale(const Tile& t, const int32_t* sums, uint8_t* out) {
    rescale_four(t, 0, sums, out);
    rescale_four(t, 4, sums, out);
  }
};

}  // namespace

const Conv2dQ8Kernel conv2d_q8_neon_dotprod_dot8x8 = TiledConv2d<Dot8x8>::kernel;

}  // namespace sanderling
