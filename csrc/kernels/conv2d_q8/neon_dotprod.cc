// Tiles of up to 8 pixels x 8 channels with dot products by element: sixteen accumulators, a vector for the next eight
// bytes of each pixel, and weights as [depth / 4][8 channels][4].
#include "kernels/conv2d_q8/neon_output.h"

namespace sanderling {
namespace {

enum class Result {
  kSums,   // without bias, rows of kBuffer
  kRight,  // bytes, as in requantize_neon.h
  kRelu,
};

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
  do {
    int32x4_t acc[sets][8][2];
    const int8_t* x[8];
    unrolled<rows>([&](auto i) __attribute__((always_inline)) {
      x[i] = first + i * x_stride;
      acc[sets - 1][i][0] = acc[sets - 1][i][1] = vdupq_n_s32(0);
    });
    if constexpr (bytes) {
      const int32x4_t bias0 = vld1q_s32(t.bias), bias1 = vld1q_s32(t.bias + 4);
      unrolled<rows>([&](auto i) __attribute__((always_inline)) { acc[0][i][0] = bias0, acc[0][i][1] = bias1; });
      if (correction) {
        unrolled<rows>([&](auto i) __attribute__((always_inline)) {
          const int32x4_t c = vld1q_dup_s32(correction + i);
          acc[0][i][0] = vaddq_s32(bias0, c), acc[0][i][1] = vaddq_s32(bias1, c);
        });
        correction += rows;
      }
    } else if constexpr (sets > 1) {
      unrolled<rows>([&](auto i) __attribute__((always_inline)) { acc[0][i][0] = acc[0][i][1] = vdupq_n_s32(0); });
    }
    const int8_t* w = t.weights;
    for (int64_t k = rounds; k > 0; --k) {
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

    if constexpr (!bytes) {
      unrolled<rows>([&](auto i) __attribute__((always_inline)) {
        vst1q_s32(sums + i * kBuffer, acc[0][i][0]);
        vst1q_s32(sums + i * kBuffer + 4, acc[0][i][1]);
      });
      sums += rows * kBuffer;
    } else {
      constexpr RequantizeNeon kind = result == Result::kRelu ? RequantizeNeon::kRelu : RequantizeNeon::kRight;
      const int32x4_t m0 = vld1q_s32(t.multiplier), m1 = vld1q_s32(t.multiplier + 4);
      const int32x4_t s0 = vld1q_s32(t.shift), s1 = vld1q_s32(t.shift + 4);
      const OutputStageNeon stage = output_stage(t);
      unrolled<rows>([&](auto i) __attribute__((always_inline)) {
        acc[0][i][0] = requantize_neon<kind>(acc[0][i][0], m0, s0);
        acc[0][i][1] = requantize_neon<kind>(acc[0][i][1], m1, s1);
      });
      unrolled<(rows + 1) / 2>([&](auto pair) __attribute__((always_inline)) {
        constexpr int i = 2 * decltype(pair)::value, j = i + 1 < rows ? i + 1 : i;
        const uint64x2_t y =
            vreinterpretq_u64_u8(output_neon<kind>(acc[0][i][0], acc[0][i][1], acc[0][j][0], acc[0][j][1], stage));
        vst1_u64(reinterpret_cast<uint64_t*>(out), vget_low_u64(y));
        out += out_stride;
        if constexpr (j > i) {
          vst1q_lane_u64(reinterpret_cast<uint64_t*>(out), y, 1);
          out += out_stride;
        }
      });
    }
    first += rows * x_stride;
  } while (--count > 0);
}

// Tiles of nearly the same size: 49 rows are seven of 7, not six of 8 and one of 1.
template <Result result>
void multiply_all(const Tile& t, int64_t rows, int32_t* sums) {
  const int64_t tiles = (rows + 7) / 8, each = (rows + tiles - 1) / tiles;
  for (int64_t i = 0; i < rows;) {
    const int64_t left = rows - i, size = least(each, left), count = left / size;
    switch (size) {
      case 1: multiply<1, result>(t, i, count, sums); break;
      case 2: multiply<2, result>(t, i, count, sums); break;
      case 3: multiply<3, result>(t, i, count, sums); break;
      case 4: multiply<4, result>(t, i, count, sums); break;
      case 5: multiply<5, result>(t, i, count, sums); break;
      case 6: multiply<6, result>(t, i, count, sums); break;
      case 7: multiply<7, result>(t, i, count, sums); break;
      default: multiply<8, result>(t, i, count, sums); break;
    }
    i += count * size;
    sums += count * size * kBuffer;
  }
}

struct Dot {
  static constexpr int64_t kRows = 8, kStrip = 8, kPanel = 8, kDepthUnit = 4;
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
  static void bytes(const Tile& t, int64_t rows, int64_t channels) {
    alignas(64) int32_t buffer[kMostRows * kBuffer];
    switch (rescaling(t)) {
      case RequantizeNeon::kRight: return multiply_all<Result::kRight>(t, rows, buffer);
      case RequantizeNeon::kRelu: return multiply_all<Result::kRelu>(t, rows, buffer);
      case RequantizeNeon::kAny: break;
    }
    multiply_all<Result::kSums>(t, rows, buffer);
    rescale_rows<RequantizeNeon::kAny>(t, buffer, rows, channels);
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
