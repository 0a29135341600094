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

// What a tile's sums become.
enum class Result {
  kSums,  // int32
  kRelu,  // bytes, as in requantize_neon.h, by bytes_of_words()
  kRight,
  kAny,    // bytes
  kFused,  // bytes, by bytes_fused()
};
static inline Result rescaling(const Tile& t) {
  if (!(t.flags & kUnfused)) return Result::kFused;
  if (t.flags & kGeneral) return Result::kAny;
  return t.low >= t.zero ? Result::kRelu : Result::kRight;
}
constexpr RequantizeNeon requantize_kind(Result r) {
  return r == Result::kRelu    ? RequantizeNeon::kRelu
         : r == Result::kRight ? RequantizeNeon::kRight
                               : RequantizeNeon::kAny;
}

// Of tiles that are not whole.
template <int n>
SANDERLING_INLINE void clamp(const Tile& t, int8x16_t (&y)[n]) {
  const int8x16_t low = vdupq_n_s8(static_cast<int8_t>(t.low)), high = vdupq_n_s8(static_cast<int8_t>(t.high));
  const int8x16_t flip = vreinterpretq_s8_u8(vdupq_n_u8(t.flip));
  unrolled<n>([&](auto i)
                  __attribute__((always_inline)) { y[i] = veorq_s8(vminq_s8(vmaxq_s8(y[i], low), high), flip); });
}

// Rows of kBuffer sums, with the bias: of one panel of channels.
constexpr int64_t kBuffer = 16;

// Bytes of 4 * fours channels from `first` on. In each round there are eight vectors, as in-order processors wait for
// the results of each.
template <Result kind, int fours, bool corrected>
void rescale_columns(const Tile& t, const int32_t* sums, int64_t rows, int64_t first) {
  constexpr int step = 8 / fours;  // rows of one round
  int32x4_t multiplier[fours], shift[fours];
  float32x4_t scale[fours];
  unrolled<fours>([&](auto j) __attribute__((always_inline)) {
    if constexpr (kind == Result::kFused) {
      scale[j] = vld1q_f32(t.scale + first + 4 * j);
    } else {
      multiplier[j] = vld1q_s32(t.multiplier + first + 4 * j);
      shift[j] = vld1q_s32(t.shift + first + 4 * j);
    }
  });
  const OutputStageNeon stage = output_stage(t);
  const float* offset = t.offset + first;
  alignas(16) float twice[8];  // of four channels
  if constexpr (kind == Result::kFused && fours == 1) {
    vst1q_f32(twice, vld1q_f32(offset));
    vst1q_f32(twice + 4, vld1q_f32(offset));
    offset = twice;
  }
  const int64_t out_stride = t.out_stride;
  const bool whole = t.whole;
  uint8_t* out = static_cast<uint8_t*>(t.out) + first;
  sums += first;
  for (int64_t row = 0; row < rows; row += step) {
    int32x4_t x[8];
    unrolled<8>([&](auto v)
                    __attribute__((always_inline)) { x[v] = vld1q_s32(sums + v / fours * kBuffer + v % fours * 4); });
    if constexpr (corrected) {
      // The last round may be short of rows; of corrections there are whole rounds.
      unrolled<8>([&](auto v) __attribute__((always_inline)) {
        x[v] = vaddq_s32(x[v], vld1q_dup_s32(t.correction + row + v / fours));
      });
    }
    int8x16_t y[2];
    if constexpr (kind != Result::kFused) {
      constexpr RequantizeNeon way = requantize_kind(kind);
      unrolled<8>([&](auto v) __attribute__((always_inline)) {
        x[v] = requantize_neon<way>(x[v], multiplier[v % fours], shift[v % fours]);
      });
      if constexpr (kind == Result::kAny) {
        y[0] = vreinterpretq_s8_u8(output_neon<way>(x[0], x[1], x[2], x[3], stage));
        y[1] = vreinterpretq_s8_u8(output_neon<way>(x[4], x[5], x[6], x[7], stage));
      } else {
        y[0] = bytes_of_words(x[0], x[1], x[2], x[3], stage.zero);
        y[1] = bytes_of_words(x[4], x[5], x[6], x[7], stage.zero);
      }
    } else {
#ifdef __aarch64__
      constexpr int c1 = 1 % fours, c2 = 2 % fours, c3 = 3 % fours;
      const FusedScales scales{scale[0], scale[c1], scale[c2], scale[c3], offset, offset + (fours == 4 ? 8 : 0)};
      y[0] = bytes_fused(x[0], x[1], x[2], x[3], scales);
      y[1] = bytes_fused(x[4], x[5], x[6], x[7], scales);
#endif
    }
    if (kind != Result::kAny && !whole) clamp<2>(t, y);
    const uint8x16_t y0 = vreinterpretq_u8_s8(y[0]), y1 = vreinterpretq_u8_s8(y[1]);
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

template <Result kind, bool corrected>
void rescale_all(const Tile& t, const int32_t* sums, int64_t rows, int64_t channels) {
  if (channels & 16) rescale_columns<kind, 4, corrected>(t, sums, rows, 0);
  if (channels & 8) rescale_columns<kind, 2, corrected>(t, sums, rows, 0);
  if (channels & 4) rescale_columns<kind, 1, corrected>(t, sums, rows, channels & 8);
}

template <Result kind>
void rescale_rows(const Tile& t, const int32_t* sums, int64_t rows, int64_t channels) {
  t.correction ? rescale_all<kind, true>(t, sums, rows, channels) : rescale_all<kind, false>(t, sums, rows, channels);
}

// Bytes from sums; `channels` is a multiple of 4, at most kBuffer. The buffer has whole rounds of eight rows.
static inline void rescale_buffer(const Tile& t, const int32_t* sums, int64_t rows, int64_t channels) {
  switch (rescaling(t)) {
    case Result::kRight: return rescale_rows<Result::kRight>(t, sums, rows, channels);
    case Result::kRelu: return rescale_rows<Result::kRelu>(t, sums, rows, channels);
#ifdef __aarch64__
    case Result::kFused: return rescale_rows<Result::kFused>(t, sums, rows, channels);
#endif
    default: return rescale_rows<Result::kAny>(t, sums, rows, channels);
  }
}

// int32 output: sums and correction.
static inline void copy_buffer(const Tile& t, const int32_t* sums, int64_t rows, int64_t channels) {
  int32_t* out = static_cast<int32_t*>(t.out);
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < channels; j += 4) {
      int32x4_t x = vld1q_s32(sums + i * kBuffer + j);
      if (t.correction) x = vaddq_s32(x, vdupq_n_s32(t.correction[i]));
      vst1q_s32(out + i * t.out_stride + j, x);
    }
}

}  // namespace
}  // namespace sanderling
