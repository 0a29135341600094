// What NEON tiles share: loops over registers, and from int32 sums to bytes.
#pragma once

#include "kernels/conv2d_q8/neon_tiles.h"
#include "quant/requantize_neon.h"

#define SANDERLING_INLINE static inline __attribute__((always_inline))

namespace sanderling {
namespace {

// Compile-time loops: arrays indexed by their counters become registers, even with GCC 12.
template <int n>
struct Index {
  static constexpr int value = n;
  constexpr operator int() const { return n; }
};
template <int n, class F>
SANDERLING_INLINE void unrolled(F&& f) {
  if constexpr (n > 0) {
    unrolled<n - 1>(f);
    f(Index<n - 1>{});
  }
}

SANDERLING_INLINE OutputStageNeon output_stage(const Tile& t) {
  return output_stage_neon(t.zero, t.low, t.high, t.flip);
}

// How the sums of a tile are rescaled.
static inline RequantizeNeon rescaling(const Tile& t) {
  if (t.flags & kGeneral) return RequantizeNeon::kAny;
  return t.low >= t.zero ? RequantizeNeon::kRelu : RequantizeNeon::kRight;
}

// Rows of kBuffer sums, without bias: of one panel of channels.
constexpr int64_t kBuffer = 16;

// Bytes of 4 * fours channels from `first` on. In each round there are eight vectors, as in-order processors wait for
// the results of each.
template <RequantizeNeon kind, int fours, bool corrected>
void rescale_columns(const Tile& t, const int32_t* sums, int64_t rows, int64_t first) {
  constexpr int step = 8 / fours;  // rows of one round
  int32x4_t bias[fours], multiplier[fours], shift[fours];
  unrolled<fours>([&](auto j) __attribute__((always_inline)) {
    bias[j] = vld1q_s32(t.bias + first + 4 * j);
    multiplier[j] = vld1q_s32(t.multiplier + first + 4 * j);
    shift[j] = vld1q_s32(t.shift + first + 4 * j);
  });
  const OutputStageNeon stage = output_stage(t);
  const int64_t out_stride = t.out_stride;
  uint8_t* out = static_cast<uint8_t*>(t.out) + first;
  sums += first;
  for (int64_t row = 0; row < rows; row += step) {
    int32x4_t x[8];
    unrolled<8>([&](auto v) __attribute__((always_inline)) {
      x[v] = vaddq_s32(vld1q_s32(sums + v / fours * kBuffer + v % fours * 4), bias[v % fours]);
    });
    if constexpr (corrected) {
      // The last round may be short of rows.
      unrolled<8>([&](auto v) __attribute__((always_inline)) {
        x[v] = vaddq_s32(x[v], vld1q_dup_s32(t.correction + least(row + v / fours, rows - 1)));
      });
    }
    unrolled<8>([&](auto v) __attribute__((always_inline)) {
      x[v] = requantize_neon<kind>(x[v], multiplier[v % fours], shift[v % fours]);
    });
    const uint8x16_t y0 = output_neon<kind>(x[0], x[1], x[2], x[3], stage);
    const uint8x16_t y1 = output_neon<kind>(x[4], x[5], x[6], x[7], stage);
    sums += step * kBuffer;
    if (row + step <= rows) {
      if constexpr (fours == 4) {
        vst1q_u8(out, y0);
        vst1q_u8(out + out_stride, y1);
      } else if constexpr (fours == 2) {
        vst1_u8(out, vget_low_u8(y0));
        vst1_u8(out + out_stride, vget_high_u8(y0));
        vst1_u8(out + 2 * out_stride, vget_low_u8(y1));
        vst1_u8(out + 3 * out_stride, vget_high_u8(y1));
      } else {
        unrolled<8>([&](auto v) __attribute__((always_inline)) {
          vst1q_lane_u32(reinterpret_cast<uint32_t*>(out + v * out_stride), vreinterpretq_u32_u8(v < 4 ? y0 : y1),
                         v % 4);
        });
      }
      out += step * out_stride;
    } else {
      alignas(16) uint8_t bytes[32];
      vst1q_u8(bytes, y0);
      vst1q_u8(bytes + 16, y1);
      for (int64_t i = 0; i < rows - row; ++i)
        std::memcpy(out + i * out_stride, bytes + i * 4 * fours, static_cast<size_t>(4 * fours));
    }
  }
}

template <RequantizeNeon kind, bool corrected>
void rescale_all(const Tile& t, const int32_t* sums, int64_t rows, int64_t channels) {
  if (channels & 16) rescale_columns<kind, 4, corrected>(t, sums, rows, 0);
  if (channels & 8) rescale_columns<kind, 2, corrected>(t, sums, rows, 0);
  if (channels & 4) rescale_columns<kind, 1, corrected>(t, sums, rows, channels & 8);
}

template <RequantizeNeon kind>
void rescale_rows(const Tile& t, const int32_t* sums, int64_t rows, int64_t channels) {
  t.correction ? rescale_all<kind, true>(t, sums, rows, channels) : rescale_all<kind, false>(t, sums, rows, channels);
}

// Bytes from sums; `channels` is a multiple of 4, at most kBuffer. The buffer has whole rounds of eight rows.
static inline void rescale_buffer(const Tile& t, const int32_t* sums, int64_t rows, int64_t channels) {
  switch (rescaling(t)) {
    case RequantizeNeon::kAny: return rescale_rows<RequantizeNeon::kAny>(t, sums, rows, channels);
    case RequantizeNeon::kRight: return rescale_rows<RequantizeNeon::kRight>(t, sums, rows, channels);
    case RequantizeNeon::kRelu: return rescale_rows<RequantizeNeon::kRelu>(t, sums, rows, channels);
  }
}

// int32 output: sums, bias and correction.
static inline void copy_buffer(const Tile& t, const int32_t* sums, int64_t rows, int64_t channels) {
  int32_t* out = static_cast<int32_t*>(t.out);
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < channels; j += 4) {
      int32x4_t x = vaddq_s32(vld1q_s32(sums + i * kBuffer + j), vld1q_s32(t.bias + j));
      if (t.correction) x = vaddq_s32(x, vdupq_n_s32(t.correction[i]));
      vst1q_s32(out + i * t.out_stride + j, x);
    }
}

}  // namespace
}  // namespace sanderling
