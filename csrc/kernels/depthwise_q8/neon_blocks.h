// What is above neon_layout.h: blocks of a row, and their rescaling.
#pragma once

#include "kernels/depthwise_q8/neon_layout.h"

namespace sanderling {
namespace {

struct Work {
  const int32_t* start;
  const int32_t* bias;
  const char* records;
  int64_t light, narrow, blocks, taps;
  size_t narrow_bytes, wide_bytes;
  OutputStageNeon stage;
  bool unclamped;  // see Tail
  FusedTable table;
  const uint8_t* fused;  // of each block: whether its bias and rescaling are the table's; null where no block's are
};

struct Sums {
  int32x4_t low, high;
};

// Operations on upper halves, which ARMv7 does not have.
#ifdef __aarch64__
inline int32x4_t add_high(int32x4_t s, int16x8_t x) { return vaddw_high_s16(s, x); }
inline int32x4_t multiply_add_high(int32x4_t s, int16x8_t x, int16x8_t y) { return vmlal_high_s16(s, x, y); }
inline int16x8_t narrow(int32x4_t a, int32x4_t b) { return vqmovn_high_s32(vqmovn_s32(a), b); }
inline uint8x16_t narrow_unsigned(int16x8_t a, int16x8_t b) { return vqmovun_high_s16(vqmovun_s16(a), b); }
#else
inline int32x4_t add_high(int32x4_t s, int16x8_t x) { return vaddw_s16(s, vget_high_s16(x)); }
inline int32x4_t multiply_add_high(int32x4_t s, int16x8_t x, int16x8_t y) {
  return vmlal_s16(s, vget_high_s16(x), vget_high_s16(y));
}
inline int16x8_t narrow(int32x4_t a, int32x4_t b) { return vcombine_s16(vqmovn_s32(a), vqmovn_s32(b)); }
inline uint8x16_t narrow_unsigned(int16x8_t a, int16x8_t b) { return vcombine_u8(vqmovun_s16(a), vqmovun_s16(b)); }
#endif

inline Sums add_words(Sums s, int16x8_t x, int16x8_t w) {
  return {vmlal_s16(s.low, vget_low_s16(x), vget_low_s16(w)), multiply_add_high(s.high, x, w)};
}

inline void store_halves(uint8_t* low, uint8_t* high, uint8x16_t both) {
#ifdef __aarch64__
  vst1q_lane_u64(reinterpret_cast<uint64_t*>(low), vreinterpretq_u64_u8(both), 0);
  vst1q_lane_u64(reinterpret_cast<uint64_t*>(high), vreinterpretq_u64_u8(both), 1);
#else  // where a store of 64 bits faults unless aligned
  vst1_u8(low, vget_low_u8(both));
  vst1_u8(high, vget_high_u8(both));
#endif
}

inline const int32_t* multipliers_of(const char* record) { return reinterpret_cast<const int32_t*>(record); }
inline const char* record_of(const Work& work, int64_t block) {
  const int64_t wide = block - work.narrow;
  const size_t narrow_bytes = static_cast<size_t>(wide < 0 ? block : work.narrow) * work.narrow_bytes;
  return work.records + narrow_bytes + static_cast<size_t>(wide < 0 ? 0 : wide) * work.wide_bytes;
}
template <class Weight>
inline const Weight* weights_of(const char* record) {
  return reinterpret_cast<const Weight*>(record + 2 * kBlock * sizeof(int32_t));
}

template <RequantizeNeon kKind>
inline Sums rescale(Sums s, const int32_t* multipliers) {
  return {requantize_neon<kKind>(s.low, vld1q_s32(multipliers), vld1q_s32(multipliers + kBlock)),
          requantize_neon<kKind>(s.high, vld1q_s32(multipliers + 4), vld1q_s32(multipliers + kBlock + 4))};
}

// What follows the sums of a 3x3 window; kRelu: a ReLU whose range is that of the output, so output_zero = low = -128;
// kFused: the same by fused_rescale.h.
enum class Tail { kFused, kRelu, kClamp, kAny };

template <Tail kTail>
constexpr RequantizeNeon kind_of() {
  if (kTail == Tail::kRelu) return RequantizeNeon::kRelu;
  return kTail == Tail::kClamp ? RequantizeNeon::kRight : RequantizeNeon::kAny;
}

template <Tail kTail>
inline uint8x16_t finish(Sums s, Sums t, const OutputStageNeon& stage) {
  if (kTail != Tail::kRelu) return output_neon<kind_of<kTail>()>(s.low, s.high, t.low, t.high, stage);
  // Saturating to [0, 255] is the clamp, and stage.flip has the zero point: see stage_of.
  return veorq_u8(narrow_unsigned(narrow(s.low, s.high), narrow(t.low, t.high)), stage.flip);
}

template <Tail kTail>
inline OutputStageNeon stage_of(const Work& work) {
  OutputStageNeon stage = work.stage;
  if (kTail == Tail::kRelu) stage.flip = veorq_u8(stage.flip, vdupq_n_u8(0x80));
  return stage;
}

inline void set_taps(const Window2d& w, const Rows& rows, int64_t x) {
  const int8_t** taps = rows.taps();
  for (int64_t i = 0; i < w.kernel_h; ++i)
    for (int64_t j = 0; j < w.kernel_w; ++j) *taps++ = rows.rows()[i] + (x * w.stride_w + j * w.dilation_w) * w.out_c;
}

template <RequantizeNeon kKind>
inline void wide_pixel(const Work& work, const int8_t* const* x, uint8_t* out) {
  const char* record = record_of(work, work.narrow);
  for (int64_t b = work.narrow; b < work.blocks; ++b, record += work.wide_bytes) {
    const int64_t start = work.start[b];
    const int16_t* w = weights_of<int16_t>(record);
    Sums s{vld1q_s32(work.bias + b * kBlock), vld1q_s32(work.bias + b * kBlock + 4)};
    for (int64_t t = 0; t < work.taps; ++t) {
      s = add_words(s, vmovl_s8(vld1_s8(x[t] + start)), vld1q_s16(w + t * kBlock));
    }
    s = rescale<kKind>(s, multipliers_of(record));
    vst1_u8(out + start, output_neon<kKind>(s.low, s.high, work.stage));
  }
}

}  // namespace
}  // namespace sanderling
