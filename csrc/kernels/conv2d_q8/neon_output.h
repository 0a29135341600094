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

// Sixteen bytes of output: `fours` vectors of each row in one round, from channel `first` on.
template <RequantizeNeon kind, int fours>
void rescale_columns(const Tile& t, const int32_t* sums, int64_t rows, int64_t first) {
  constexpr int step = 4 / fours;  // rows of one round
  int32x4_t bias[4], multiplier[4], shift[4];
  unrolled<fours>([&](auto j) __attribute__((always_inline)) {
    bias[j] = vld1q_s32(t.bias + first + 4 * j);
    multiplier[j] = vld1q_s32(t.multiplier + first + 4 * j);
    shift[j] = vld1q_s32(t.shift + first + 4 * j);
  });
  const OutputStageNeon stage = output_stage(t);
  const int64_t out_stride = t.out_stride;
  uint8_t* out = static_cast<uint8_t*>(t.out) + first;
  sums += first;
  const int32_t* correction = t.correction;
  for (int64_t row = 0; row < rows; row += step) {
    int32x4_t x[4];
    unrolled<step>([&](auto i) __attribute__((always_inline)) {
      unrolled<fours>([&](auto j) __attribute__((always_inline)) {
        x[i * fours + j] = vaddq_s32(vld1q_s32(sums + i * kBuffer + 4 * j), bias[j]);
      });
    });
    if (correction) {
      // The last round may be short of rows.
      unrolled<step>([&](auto i) __attribute__((always_inline)) {
        const int32x4_t c = vld1q_dup_s32(correction + (row + i < rows ? row + i : row));
        unrolled<fours>([&](auto j)
                            __attribute__((always_inline)) { x[i * fours + j] = vaddq_s32(x[i * fours + j], c); });
      });
    }
    unrolled<4>([&](auto v) __attribute__((always_inline)) {
      x[v] = requantize_neon<kind>(x[v], multiplier[v % fours], shift[v % fours]);
    });
    const uint8x16_t y = output_neon<kind>(x[0], x[1], x[2], x[3], stage);
    if constexpr (fours == 4) {
      vst1q_u8(out, y);
    } else if constexpr (fours == 2) {
      vst1_u8(out, vget_low_u8(y));
      if (row + 1 < rows) vst1_u8(out + out_stride, vget_high_u8(y));
    } else {
      const uint32x4_t words = vreinterpretq_u32_u8(y);
      vst1q_lane_u32(reinterpret_cast<uint32_t*>(out), words, 0);
      if (row + 1 < rows) vst1q_lane_u32(reinterpret_cast<uint32_t*>(out + out_stride), words, 1);
      if (row + 2 < rows) vst1q_lane_u32(reinterpret_cast<uint32_t*>(out + 2 * out_stride), words, 2);
      if (row + 3 < rows) vst1q_lane_u32(reinterpret_cast<uint32_t*>(out + 3 * out_stride), words, 3);
    }
    sums += step * kBuffer;
    out += step * out_stride;
  }
}

template <RequantizeNeon kind>
void rescale_rows(const Tile& t, const int32_t* sums, int64_t rows, int64_t channels) {
  if (channels & 16) rescale_columns<kind, 4>(t, sums, rows, 0);
  if (channels & 8) rescale_columns<kind, 2>(t, sums, rows, 0);
  if (channels & 4) rescale_columns<kind, 1>(t, sums, rows, channels & 8);
}

// Bytes from sums; `channels` is a multiple of 4, at most kBuffer. The buffer has whole rounds of four rows.
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
