// Tiles of up to 8 pixels x 8 channels of products of 2 x 8 by 8 x 2 matrices: sixteen accumulators, each of two pixels
// and two channels. Weights are [depth / 8][4 pairs of channels][2][8].
#include "kernels/conv2d_q8/neon_output.h"

namespace sanderling {
namespace {

enum class Result {
  kSums,   // without bias, rows of kBuffer
  kRight,  // bytes, as in requantize_neon.h
  kRelu,
};

SANDERLING_INLINE int32x4_t low_halves(int32x4_t a, int32x4_t b) {
  return vreinterpretq_s32_s64(vzip1q_s64(vreinterpretq_s64_s32(a), vreinterpretq_s64_s32(b)));
}
SANDERLING_INLINE int32x4_t high_halves(int32x4_t a, int32x4_t b) {
  return vreinterpretq_s32_s64(vzip2q_s64(vreinterpretq_s64_s32(a), vreinterpretq_s64_s32(b)));
}

// `count` tiles of 2 * pairs pixels below each other; the last row of the last one is missing where `rows` is odd.
template <int pairs, Result result>
void multiply(const Tile& t, int64_t first_row, int64_t count, int64_t rows, int32_t* sums) {
  const int64_t x_stride = t.x_stride, out_stride = t.out_stride, rounds = t.depth >> 3;
  for (int64_t tile = 0; tile < count; ++tile) {
    const int64_t at = first_row + tile * 2 * pairs;
    const int8_t* x[2 * pairs];
    int32x4_t acc[pairs][4];
    unrolled<2 * pairs>([&](auto i)
                            __attribute__((always_inline)) { x[i] = t.x + least(at + i, rows - 1) * x_stride; });
    unrolled<pairs>([&](auto i) __attribute__((always_inline)) {
      unrolled<4>([&](auto j) __attribute__((always_inline)) { acc[i][j] = vdupq_n_s32(0); });
    });
    const int8_t* w = t.weights;
    for (int64_t k = rounds; k > 0; --k, w += 64) {
      int8x16_t a[pairs];
      unrolled<pairs>([&](auto i) __attribute__((always_inline)) {
        const int64x1_t even = vld1_s64(reinterpret_cast<const int64_t*>(x[2 * i]));
        const int64_t* odd = reinterpret_cast<const int64_t*>(x[2 * i + 1]);
        a[i] = vreinterpretq_s8_s64(vld1q_lane_s64(odd, vcombine_s64(even, even), 1));
        x[2 * i] += 8, x[2 * i + 1] += 8;
      });
      unrolled<4>([&](auto j) __attribute__((always_inline)) {
        const int8x16_t v = vld1q_s8(w + 16 * j);
        unrolled<pairs>([&](auto i) __attribute__((always_inline)) { acc[i][j] = vmmlaq_s32(acc[i][j], a[i], v); });
      });
    }
    // From pairs of pixels to rows.
    int32x4_t row[2 * pairs][2];
    unrolled<pairs>([&](auto i) __attribute__((always_inline)) {
      row[2 * i][0] = low_halves(acc[i][0], acc[i][1]), row[2 * i][1] = low_halves(acc[i][2], acc[i][3]);
      row[2 * i + 1][0] = high_halves(acc[i][0], acc[i][1]), row[2 * i + 1][1] = high_halves(acc[i][2], acc[i][3]);
    });
    if constexpr (result == Result::kSums) {
      unrolled<2 * pairs>([&](auto i) __attribute__((always_inline)) {
        vst1q_s32(sums + i * kBuffer, row[i][0]);
        vst1q_s32(sums + i * kBuffer + 4, row[i][1]);
      });
      sums += 2 * pairs * kBuffer;
    } else {
      constexpr RequantizeNeon kind = result == Result::kRelu ? RequantizeNeon::kRelu : RequantizeNeon::kRight;
      const int32x4_t bias0 = vld1q_s32(t.bias), bias1 = vld1q_s32(t.bias + 4);
      const int32x4_t m0 = vld1q_s32(t.multiplier), m1 = vld1q_s32(t.multiplier + 4);
      const int32x4_t s0 = vld1q_s32(t.shift), s1 = vld1q_s32(t.shift + 4);
      const OutputStageNeon stage = output_stage(t);
      unrolled<2 * pairs>([&](auto i) __attribute__((always_inline)) {
        row[i][0] = vaddq_s32(row[i][0], bias0), row[i][1] = vaddq_s32(row[i][1], bias1);
      });
      if (t.correction)
        unrolled<2 * pairs>([&](auto i) __attribute__((always_inline)) {
          const int32x4_t c = vld1q_dup_s32(t.correction + least(at + i, rows - 1));
          row[i][0] = vaddq_s32(row[i][0], c), row[i][1] = vaddq_s32(row[i][1], c);
        });
      uint8_t* out = static_cast<uint8_t*>(t.out) + at * out_stride;
      unrolled<2 * pairs>([&](auto i) __attribute__((always_inline)) {
        row[i][0] = requantize_neon<kind>(row[i][0], m0, s0);
        row[i][1] = requantize_neon<kind>(row[i][1], m1, s1);
      });
      unrolled<pairs>([&](auto p) __attribute__((always_inline)) {
        constexpr int i = 2 * decltype(p)::value;
        const uint64x2_t y =
            vreinterpretq_u64_u8(output_neon<kind>(row[i][0], row[i][1], row[i + 1][0], row[i + 1][1], stage));
        vst1_u64(reinterpret_cast<uint64_t*>(out), vget_low_u64(y));
        out += out_stride;
        if (i + 2 < 2 * pairs || at + i + 1 < rows) vst1q_lane_u64(reinterpret_cast<uint64_t*>(out), y, 1);
        out += out_stride;
      });
    }
  }
}

// Tiles of nearly the same size.
template <Result result>
void multiply_all(const Tile& t, int64_t rows, int32_t* sums) {
  const int64_t pairs = (rows + 1) / 2, tiles = (pairs + 3) / 4, each = (pairs + tiles - 1) / tiles;
  for (int64_t i = 0; i < pairs;) {
    const int64_t size = least(each, pairs - i), count = (pairs - i) / size;
    switch (size) {
      case 1: multiply<1, result>(t, 2 * i, count, rows, sums); break;
      case 2: multiply<2, result>(t, 2 * i, count, rows, sums); break;
      case 3: multiply<3, result>(t, 2 * i, count, rows, sums); break;
      default: multiply<4, result>(t, 2 * i, count, rows, sums); break;
    }
    i += count * size;
    sums += count * size * 2 * kBuffer;
  }
}

struct Matrix {
  static constexpr int64_t kRows = 8, kStrip = 8, kPanel = 8, kDepthUnit = 8;
  static int64_t index(int64_t channel, int64_t k, int64_t) { return k / 8 * 64 + channel * 8 + k % 8; }
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

const Conv2dQ8Kernel conv2d_q8_neon_i8mm_mmla8x8 = TiledConv2d<Matrix>::kernel;

}  // namespace sanderling
