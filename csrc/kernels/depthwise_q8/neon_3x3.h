// Rows of 3x3 windows without dilation, two pixels at a time, and wide blocks.
#pragma once

#include "kernels/depthwise_q8/neon_blocks.h"

namespace sanderling {
namespace {

// Three columns of a row.
template <class Column>
struct Row3 {
  Column a, b, c;
};

// Sums of neighbouring pixels.
struct Pair {
  Sums s, t;
};

// From the sums of a block's pixels to bytes.
template <Tail kTail>
struct Rescale {
  int32x4_t multiplier0, multiplier1, shift0, shift1;

  Rescale(const Work& work, int64_t block) {
    const int32_t* m = multipliers_of(record_of(work, block));
    multiplier0 = vld1q_s32(m), multiplier1 = vld1q_s32(m + 4);
    shift0 = vld1q_s32(m + 8), shift1 = vld1q_s32(m + 12);
  }
  Sums apply(Sums s) const {
    return {requantize_neon<kind_of<kTail>()>(s.low, multiplier0, shift0),
            requantize_neon<kind_of<kTail>()>(s.high, multiplier1, shift1)};
  }
  uint8x16_t operator()(const Pair& p, const OutputStageNeon& stage) const {
    return finish<kTail>(apply(p.s), apply(p.t), stage);
  }
};

#ifdef __aarch64__
template <>
struct Rescale<Tail::kFused> {
  FusedScales scales;

  Rescale(const Work& work, int64_t block)
      : scales(fused_scales(work.table.scale + block * kBlock, work.table.offset + block * kBlock)) {}
  uint8x16_t operator()(const Pair& p, const OutputStageNeon&) const {
    return vreinterpretq_u8_s8(bytes_fused(p.s.low, p.s.high, p.t.low, p.t.high, scales));
  }
};
#endif

// Blocks [begin, end) of a row of two pixels and more. Taps has the weights of a block and sums them with the columns
// of three rows. A pair is rescaled among the products of the next one, or of the next block's first, as either alone
// waits for its own results. In an odd row the first two pairs share a pixel.
template <Tail kTail, class Taps, int kStride>
void row_3x3(const Window2d& w, const Work& work, const Rows& rows, uint8_t* output, int64_t begin, int64_t end) {
  using Row = Row3<typename Taps::Column>;
  if (begin == end) return;
  const int8_t* const row0 = rows.rows()[0];
  const int8_t* const row1 = rows.rows()[1];
  const int8_t* const row2 = rows.rows()[2];
  const OutputStageNeon stage = stage_of<kTail>(work);
  // Words of the processor: of twice their size there are too few registers in 32 bits.
  const intptr_t channels = static_cast<intptr_t>(w.out_c), pairs = static_cast<intptr_t>(w.out_w + 1) / 2;
  const intptr_t second_pair = static_cast<intptr_t>(2 - w.out_w % 2) * channels;
  // Kept from the compiler, which would compute each address anew.
  intptr_t c1 = channels, c2 = 2 * channels, c3 = 3 * channels, c4 = 4 * channels;
  asm("" : "+r"(c1), "+r"(c2), "+r"(c3), "+r"(c4));
  const auto first = [&](const int8_t* x) { return Row{Taps::load(x), Taps::load(x + c1), Taps::load(x + c2)}; };
  const auto second = [&](const int8_t* x, Row left) {
    if (kStride == 1) return Row{left.b, left.c, Taps::load(x + c3)};
    return Row{left.c, Taps::load(x + c3), Taps::load(x + c4)};
  };
  Rescale<kTail> rescale_pair(work, begin);
  Pair last{};
  uint8_t* to = output + work.start[begin];  // of `last`; what is written there before the first pair is overwritten
  for (int64_t b = begin; b < end; ++b) {
    const char* record = record_of(work, b);
    const Taps taps(weights_of<typename Taps::Weight>(record));
    const Sums bias{vld1q_s32(work.bias + b * kBlock), vld1q_s32(work.bias + b * kBlock + 4)};
    const int64_t start = work.start[b];
    const int8_t* p0 = row0 + start;
    const int8_t* p1 = row1 + start;
    const int8_t* p2 = row2 + start;
    const auto sums = [&]() __attribute__((always_inline)) {
      const Row x = first(p0), y = first(p1), z = first(p2);
      const Row x1 = second(p0, x), y1 = second(p1, y), z1 = second(p2, z);
      return Pair{taps(bias, x, y, z), taps(bias, x1, y1, z1)};
    };
    const auto advance = [&](intptr_t step) { p0 += step, p1 += step, p2 += step; };
    const auto store = [&]() __attribute__((always_inline)) { store_halves(to, to + c1, rescale_pair(last, stage)); };
    const Pair head = sums();
    store();
    last = head;
    to = output + start;
    uint8_t* next_to = to + second_pair;
    rescale_pair = Rescale<kTail>(work, b);
    advance(kStride * second_pair);
    for (intptr_t i = pairs; i > 1; --i) {
      const Pair next = sums();
      advance(kStride == 1 ? c2 : c4);
      store();
      last = next;
      to = next_to;
      next_to += c2;
    }
  }
  store_halves(to, to + c1, rescale_pair(last, stage));
}

// Wide blocks: words, multiplied into int32.
struct Words3x3 {
  using Column = int16x8_t;
  using Weight = int16_t;
  int16x8_t w0, w1, w2, w3, w4, w5, w6, w7, w8;

  explicit Words3x3(const int16_t* w)
      : w0(vld1q_s16(w)),
        w1(vld1q_s16(w + 8)),
        w2(vld1q_s16(w + 16)),
        w3(vld1q_s16(w + 24)),
        w4(vld1q_s16(w + 32)),
        w5(vld1q_s16(w + 40)),
        w6(vld1q_s16(w + 48)),
        w7(vld1q_s16(w + 56)),
        w8(vld1q_s16(w + 64)) {}
  static Column load(const int8_t* x) { return vmovl_s8(vld1_s8(x)); }
  using Row = Row3<Column>;
  Sums operator()(Sums s, Row x, Row y, Row z) const {
    s = add_words(add_words(add_words(s, x.a, w0), x.b, w1), x.c, w2);
    s = add_words(add_words(add_words(s, y.a, w3), y.b, w4), y.c, w5);
    return add_words(add_words(add_words(s, z.a, w6), z.b, w7), z.c, w8);
  }
};

template <RequantizeNeon kKind>
void wide_blocks(const Window2d& w, const Work& work, const Rows& rows, uint8_t* out) {
  if (w.kernel_h == 3 && w.kernel_w == 3 && w.dilation_w == 1 && w.stride_w <= 2 && w.out_w > 1) {
    constexpr Tail kTail = kKind == RequantizeNeon::kAny ? Tail::kAny : Tail::kClamp;
    if (w.stride_w == 1) return row_3x3<kTail, Words3x3, 1>(w, work, rows, out, work.narrow, work.blocks);
    return row_3x3<kTail, Words3x3, 2>(w, work, rows, out, work.narrow, work.blocks);
  }
  for (int64_t x = 0; x < w.out_w; ++x) {
    set_taps(w, rows, x);
    wide_pixel<kKind>(work, rows.taps(), out + x * w.out_c);
  }
}

}  // namespace
}  // namespace sanderling
