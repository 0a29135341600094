// Tiles of up to 8 pixels x 8 channels of products of 2 x 8 by 8 x 2 matrices: sixteen accumulators, each of two pixels
// and two channels. Weights are [depth / 8][4 pairs of channels][2][8].
#include "kernels/conv2d_q8/neon_output.h"

namespace sanderling {
namespace {

SANDERLING_INLINE int32x4_t low_halves(int32x4_t a, int32x4_t b) {
  return vreinterpretq_s32_s64(vzip1q_s64(vreinterpretq_s64_s32(a), vreinterpretq_s64_s32(b)));
}
SANDERLING_INLINE int32x4_t high_halves(int32x4_t a, int32x4_t b) {
  return vreinterpretq_s32_s64(vzip2q_s64(vreinterpretq_s64_s32(a), vreinterpretq_s64_s32(b)));
}

// Values of two channels, twice: as accumulators have them.
SANDERLING_INLINE int32x4_t two_channels(const void* values, int64_t channel) {
  return vreinterpretq_s32_s64(vld1q_dup_s64(static_cast<const int64_t*>(values) + channel / 2));
}

// `count` tiles of 2 * pairs pixels below each other; the last row of the last one is missing where `rows` is odd.
template <int pairs, Result result>
void multiply(const Tile& t, int64_t first_row, int64_t count, int64_t rows, int32_t* sums) {
  constexpr bool bytes = result != Result::kSums, fuse = result == Result::kFused;
  const int64_t x_stride = t.x_stride, out_stride = t.out_stride, rounds = t.depth >> 3;
  alignas(16) float offset[16];
  if constexpr (fuse)
    unrolled<4>([&](auto j) __attribute__((always_inline)) {
      vst1q_s32(reinterpret_cast<int32_t*>(offset) + 4 * j, two_channels(t.offset, 2 * j));
    });
  for (int64_t tile = 0; tile < count; ++tile) {
    const int64_t at = first_row + tile * 2 * pairs;
    const int8_t* x[2 * pairs];
    int32x4_t acc[pairs][4];
    unrolled<2 * pairs>([&](auto i)
                            __attribute__((always_inline)) { x[i] = t.x + least(at + i, rows - 1) * x_stride; });
    unrolled<4>([&](auto j) __attribute__((always_inline)) {
      acc[0][j] = two_channels(t.bias, 2 * j);
      unrolled<pairs - 1>([&](auto i) __attribute__((always_inline)) { acc[i + 1][j] = acc[0][j]; });
    });
    if (bytes && t.correction)
      unrolled<pairs>([&](auto i) __attribute__((always_inline)) {
        const int32x4_t c = vcombine_s32(vld1_dup_s32(t.correction + least(at + 2 * i, rows - 1)),
                                         vld1_dup_s32(t.correction + least(at + 2 * i + 1, rows - 1)));
        unrolled<4>([&](auto j) __attribute__((always_inline)) { acc[i][j] = vaddq_s32(acc[i][j], c); });
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
    if constexpr (!bytes) {
      unrolled<pairs>([&](auto i) __attribute__((always_inline)) {
        vst1q_s32(sums, low_halves(acc[i][0], acc[i][1]));
        vst1q_s32(sums + 4, low_halves(acc[i][2], acc[i][3]));
        vst1q_s32(sums + kBuffer, high_halves(acc[i][0], acc[i][1]));
        vst1q_s32(sums + kBuffer + 4, high_halves(acc[i][2], acc[i][3]));
        sums += 2 * kBuffer;
      });
    } else {
      // Of each pair: [4 pairs of channels][2 pixels][2].
      int8x16_t y[pairs];
      if constexpr (fuse) {
        float32x4_t s[4];
        unrolled<4>([&](auto j)
                        __attribute__((always_inline)) { s[j] = vreinterpretq_f32_s32(two_channels(t.scale, 2 * j)); });
        const FusedScales scales{s[0], s[1], s[2], s[3], offset, offset + 8};
        unrolled<pairs>([&](auto i) __attribute__((always_inline)) {
          y[i] = bytes_fused(acc[i][0], acc[i][1], acc[i][2], acc[i][3], scales);
        });
      } else {
        constexpr RequantizeNeon kind = requantize_kind(result);
        const int16x8_t zero = vdupq_n_s16(static_cast<int16_t>(t.zero));
        unrolled<4>([&](auto j) __attribute__((always_inline)) {
          const int32x4_t multiplier = two_channels(t.multiplier, 2 * j), shift = two_channels(t.shift, 2 * j);
          unrolled<pairs>([&](auto i) __attribute__((always_inline)) {
            acc[i][j] = requantize_neon<kind>(acc[i][j], multiplier, shift);
          });
        });
        unrolled<pairs>([&](auto i) __attribute__((always_inline)) {
          y[i] = bytes_of_words(acc[i][0], acc[i][1], acc[i][2], acc[i][3], zero);
        });
      }
      if (!t.whole) clamp<pairs>(t, y);
      uint8_t* out = static_cast<uint8_t*>(t.out) + at * out_stride;
      unrolled<(pairs + 1) / 2>([&](auto two) __attribute__((always_inline)) {
        constexpr int i = 2 * decltype(two)::value, j = i + 1 < pairs ? i + 1 : i;
        const uint16x8_t first = vreinterpretq_u16_s8(y[i]), second = vreinterpretq_u16_s8(y[j]);
        const uint64x2_t even = vreinterpretq_u64_u16(vuzp1q_u16(first, second));
        const uint64x2_t odd = vreinterpretq_u64_u16(vuzp2q_u16(first, second));
        const bool last = j + 1 == pairs && at + 2 * pairs > rows;
        vst1_u64(reinterpret_cast<uint64_t*>(out), vget_low_u64(even));
        if (j > i || !last) vst1_u64(reinterpret_cast<uint64_t*>(out + out_stride), vget_low_u64(odd));
        if constexpr (j > i) {
          vst1q_lane_u64(reinterpret_cast<uint64_t*>(out + 2 * out_stride), even, 1);
          if (!last) vst1q_lane_u64(reinterpret_cast<uint64_t*>(out + 3 * out_stride), odd, 1);
        }
        out += 4 * out_stride;
      });
    }
  }
}

// Tiles of nearly the same size.
template <Result result>
void multiply_all(const Tile& t, int64_t rows, int32_t* sums) {
  if (rows % 8 == 0) return multiply<4, result>(t, 0, rows / 8, rows, sums);
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

struct Matrix : MatrixStrips {
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

const Conv2dQ8Kernel conv2d_q8_neon_i8mm_mmla8x8 = TiledConv2d<Matrix>::kernel;

}  // namespace sanderling
