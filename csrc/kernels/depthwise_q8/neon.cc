// NEON kernel: two products of bytes are added in int16, then to the int32 sums (see neon_layout.h for wide blocks).
#include "kernels/depthwise_q8/neon_layout.h"

namespace sanderling {
namespace {

struct Work {
  const int32_t* start;
  const int32_t* bias;
  const char* records;
  int64_t narrow, blocks, taps;
  size_t narrow_bytes, wide_bytes;
  OutputStageNeon stage;
};

struct Sums {
  int32x4_t low, high;
};

inline const int32_t* multipliers_of(const char* record) { return reinterpret_cast<const int32_t*>(record); }
template <class Weight>
inline const Weight* weights_of(const char* record) {
  return reinterpret_cast<const Weight*>(record + 2 * kBlock * sizeof(int32_t));
}

inline Sums add(Sums s, int16x8_t products) {
  return {vaddw_s16(s.low, vget_low_s16(products)), vaddw_high_s16(s.high, products)};
}
inline Sums add_two(Sums s, int8x8_t x0, int8x8_t w0, int8x8_t x1, int8x8_t w1) {
  return add(s, vmlal_s8(vmull_s8(x0, w0), x1, w1));
}
inline Sums add_one(Sums s, int8x8_t x, int8x8_t w) { return add(s, vmull_s8(x, w)); }

template <RequantizeNeon kKind>
inline Sums rescale(Sums s, const int32_t* multipliers) {
  return {requantize_neon<kKind>(s.low, vld1q_s32(multipliers), vld1q_s32(multipliers + kBlock)),
          requantize_neon<kKind>(s.high, vld1q_s32(multipliers + 4), vld1q_s32(multipliers + kBlock + 4))};
}

// One pixel of any window; x has a pointer for each tap. kTaps = 0: any number.
template <RequantizeNeon kKind, int kTaps>
void narrow_pixel(const Work& work, const int8_t* const* x, uint8_t* out) {
  const int64_t taps = kTaps > 0 ? kTaps : work.taps;
  const char* record = work.records;
  for (int64_t b = 0; b < work.narrow; ++b, record += work.narrow_bytes) {
    const int64_t start = work.start[b];
    const int8_t* w = weights_of<int8_t>(record);
    Sums s{vld1q_s32(work.bias + b * kBlock), vld1q_s32(work.bias + b * kBlock + 4)};
    int64_t t = 0;
#pragma GCC unroll 16
    for (; t + 1 < taps; t += 2)
      s = add_two(s, vld1_s8(x[t] + start), vld1_s8(w + t * kBlock), vld1_s8(x[t + 1] + start),
                  vld1_s8(w + t * kBlock + kBlock));
    if (t < taps) s = add_one(s, vld1_s8(x[t] + start), vld1_s8(w + t * kBlock));
    s = rescale<kKind>(s, multipliers_of(record));
    vst1_u8(out + start, output_neon<kKind>(s.low, s.high, work.stage));
  }
}

template <RequantizeNeon kKind>
void wide_pixel(const Work& work, const int8_t* const* x, uint8_t* out) {
  const char* record = work.records + static_cast<size_t>(work.narrow) * work.narrow_bytes;
  for (int64_t b = work.narrow; b < work.blocks; ++b, record += work.wide_bytes) {
    const int64_t start = work.start[b];
    const int16_t* w = weights_of<int16_t>(record);
    Sums s{vld1q_s32(work.bias + b * kBlock), vld1q_s32(work.bias + b * kBlock + 4)};
    for (int64_t t = 0; t < work.taps; ++t) {
      const int16x8_t value = vmovl_s8(vld1_s8(x[t] + start)), weight = vld1q_s16(w + t * kBlock);
      s.low = vmlal_s16(s.low, vget_low_s16(value), vget_low_s16(weight));
      s.high = vmlal_high_s16(s.high, value, weight);
    }
    s = rescale<kKind>(s, multipliers_of(record));
    vst1_u8(out + start, output_neon<kKind>(s.low, s.high, work.stage));
  }
}

// Two neighbouring pixels of a 3x3 window; the rows point at the first pixel's left column, all columns are inside.
template <RequantizeNeon kKind, int kStride>
void narrow_pair_3x3(const Work& work, const int8_t* row0, const int8_t* row1, const int8_t* row2, int64_t channels,
                     uint8_t* out) {
  const char* record = work.records;
  for (int64_t b = 0; b < work.narrow; ++b, record += work.narrow_bytes) {
    const int64_t start = work.start[b];
    const int8_t* w = weights_of<int8_t>(record);
    const int32_t* bias = work.bias + b * kBlock;
    const int8_t* x0 = row0 + start;
    const int8_t* x1 = row1 + start;
    const int8_t* x2 = row2 + start;
    Sums s{vld1q_s32(bias), vld1q_s32(bias + 4)}, t = s;
    const auto at = [channels](const int8_t* x, int column) { return vld1_s8(x + column * channels); };
    const int8x8_t w0 = vld1_s8(w), w1 = vld1_s8(w + 8), w2 = vld1_s8(w + 16), w3 = vld1_s8(w + 24),
                   w4 = vld1_s8(w + 32), w5 = vld1_s8(w + 40), w6 = vld1_s8(w + 48), w7 = vld1_s8(w + 56),
                   w8 = vld1_s8(w + 64);
    s = add_two(s, at(x0, 0), w0, at(x0, 1), w1);
    t = add_two(t, at(x0, kStride), w0, at(x0, kStride + 1), w1);
    s = add_two(s, at(x0, 2), w2, at(x1, 0), w3);
    t = add_two(t, at(x0, kStride + 2), w2, at(x1, kStride), w3);
    s = add_two(s, at(x1, 1), w4, at(x1, 2), w5);
    t = add_two(t, at(x1, kStride + 1), w4, at(x1, kStride + 2), w5);
    s = add_two(s, at(x2, 0), w6, at(x2, 1), w7);
    t = add_two(t, at(x2, kStride), w6, at(x2, kStride + 1), w7);
    s = add_one(s, at(x2, 2), w8);
    t = add_one(t, at(x2, kStride + 2), w8);
    s = rescale<kKind>(s, multipliers_of(record));
    t = rescale<kKind>(t, multipliers_of(record));
    const uint64x2_t y = vreinterpretq_u64_u8(output_neon<kKind>(s.low, s.high, t.low, t.high, work.stage));
    vst1_u8(out + start, vreinterpret_u8_u64(vget_low_u64(y)));
    vst1_u8(out + channels + start, vreinterpret_u8_u64(vget_high_u64(y)));
  }
}

// Output pixels whose columns are all inside the picture.
struct Interior {
  int64_t begin, end;
};

Interior interior(const Window2d& w) {
  const int64_t begin = smaller((w.pad_w + w.stride_w - 1) / w.stride_w, w.out_w);
  const int64_t room = w.in_w + w.pad_w - ((w.kernel_w - 1) * w.dilation_w + 1);
  const int64_t end = room < 0 ? 0 : smaller(room / w.stride_w + 1, w.out_w);
  return {begin, end > begin ? end : begin};
}

void set_taps(const Window2d& w, const Rows& rows, int64_t x) {
  const int8_t** taps = rows.taps();
  const int64_t left = x * w.stride_w - w.pad_w;
  for (int64_t i = 0; i < w.kernel_h; ++i)
    for (int64_t j = 0; j < w.kernel_w; ++j) {
      const int64_t column = left + j * w.dilation_w;
      *taps++ = column < 0 || column >= w.in_w ? rows.zeros() : rows.rows()[i] + column * w.out_c;
    }
}

template <RequantizeNeon kKind, int kTaps>
void narrow_pixels(const Window2d& w, const Work& work, const Rows& rows, uint8_t* out, int64_t begin, int64_t end) {
  for (int64_t x = begin; x < end; ++x) {
    set_taps(w, rows, x);
    narrow_pixel<kKind, kTaps>(work, rows.taps(), out + x * w.out_c);
  }
}

// A row of a 3x3 window without dilation.
template <RequantizeNeon kKind, int kStride>
void narrow_row_3x3(const Window2d& w, const Work& work, const Rows& rows, uint8_t* out) {
  const Interior in = interior(w);
  if (in.end - in.begin < 2) return narrow_pixels<kKind, 9>(w, work, rows, out, 0, w.out_w);
  narrow_pixels<kKind, 9>(w, work, rows, out, 0, in.begin);
  for (int64_t x = in.begin; x < in.end; x += 2) {
    // An odd one out is computed twice.
    x = smaller(x, in.end - 2);
    const int64_t from = (x * kStride - w.pad_w) * w.out_c;
    narrow_pair_3x3<kKind, kStride>(work, rows.rows()[0] + from, rows.rows()[1] + from, rows.rows()[2] + from, w.out_c,
                                    out + x * w.out_c);
  }
  narrow_pixels<kKind, 9>(w, work, rows, out, in.end, w.out_w);
}

template <RequantizeNeon kKind>
void narrow_row(const Window2d& w, const Work& work, const Rows& rows, uint8_t* out) {
  if (kKind != RequantizeNeon::kAny) {
    const bool dense = w.kernel_h == 3 && w.kernel_w == 3 && w.dilation_w == 1;
    if (dense && w.stride_w == 1) return narrow_row_3x3<kKind, 1>(w, work, rows, out);
    if (dense && w.stride_w == 2) return narrow_row_3x3<kKind, 2>(w, work, rows, out);
    if (work.taps == 25) return narrow_pixels<kKind, 25>(w, work, rows, out, 0, w.out_w);
  }
  narrow_pixels<kKind, 0>(w, work, rows, out, 0, w.out_w);
}

template <RequantizeNeon kKind>
void run_rows(const Window2d& w, const Work& work, Rows& rows, uint8_t* output, int64_t begin, int64_t end) {
  for (int64_t row = begin; row < end; ++row) {
    rows.move_to(row);
    uint8_t* out = output + row * w.out_w * w.out_c;
    if (work.narrow > 0) narrow_row<kKind>(w, work, rows, out);
    if (work.narrow == work.blocks) continue;
    for (int64_t x = 0; x < w.out_w; ++x) {
      set_taps(w, rows, x);
      wide_pixel<kKind>(work, rows.taps(), out + x * w.out_c);
    }
  }
}

bool takes(const DepthwiseQ8& c) noexcept { return c.multipliers != nullptr && c.window.out_c >= kBlock; }

size_t packed_bytes(const DepthwiseQ8& c) noexcept { return layout(c).bytes; }

void pack(const DepthwiseQ8& c, const uint8_t* weights, const int32_t* bias, void* packed) noexcept {
  pack_blocks(c, weights, bias, packed);
}

size_t scratch_bytes(const DepthwiseQ8& c) noexcept { return scratch_layout(c).bytes; }

void run(const DepthwiseQ8& c, const void* packed, const uint8_t* input, void* output, int64_t row_begin,
         int64_t row_end, void* scratch) noexcept {
  const Layout at = layout(c);
  const char* base = static_cast<const char*>(packed);
  Header header;
  std::memcpy(&header, packed, sizeof header);
  Rows rows(c, packed, input, scratch);
  const Work work{reinterpret_cast<const int32_t*>(base + at.start),
                  rows.bias(),
                  base + at.records,
                  header.narrow,
                  at.blocks,
                  at.taps,
                  at.narrow_bytes,
                  at.wide_bytes,
                  output_stage_neon(c.output_zero, c.low, c.high, c.flip)};
  uint8_t* out = static_cast<uint8_t*>(output);
  switch (header.kind) {
    case RequantizeNeon::kRelu: return run_rows<RequantizeNeon::kRelu>(c.window, work, rows, out, row_begin, row_end);
    case RequantizeNeon::kRight: return run_rows<RequantizeNeon::kRight>(c.window, work, rows, out, row_begin, row_end);
    case RequantizeNeon::kAny: return run_rows<RequantizeNeon::kAny>(c.window, work, rows, out, row_begin, row_end);
  }
}

}  // namespace

const DepthwiseQ8Kernel depthwise_q8_neon_pairs = {takes, packed_bytes, pack, scratch_bytes, run};

}  // namespace sanderling
