// NEON kernel: two products of bytes are added in int16, then to the int32 sums (see packed_blocks.h for wide blocks).
#include "kernels/depthwise_q8/neon_rows.h"

namespace sanderling {
namespace {

inline Sums add(Sums s, int16x8_t products) {
  return {vaddw_s16(s.low, vget_low_s16(products)), add_high(s.high, products)};
}
inline Sums add_two(Sums s, int8x8_t x0, int8x8_t w0, int8x8_t x1, int8x8_t w1) {
  return add(s, vmlal_s8(vmull_s8(x0, w0), x1, w1));
}
inline Sums add_one(Sums s, int8x8_t x, int8x8_t w) { return add(s, vmull_s8(x, w)); }

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

template <RequantizeNeon kKind, int kTaps>
void narrow_pixels(const Window2d& w, const Work& work, const Rows& rows, uint8_t* out) {
  for (int64_t x = 0; x < w.out_w; ++x) {
    set_taps(w, rows, x);
    narrow_pixel<kKind, kTaps>(work, rows.taps(), out + x * w.out_c);
  }
}

// Narrow blocks of a 3x3 window; light ones sum a row's products in int16.
template <bool kLight>
struct Bytes3x3 {
  using Column = int8x8_t;
  using Weight = int8_t;
  int8x8_t w0, w1, w2, w3, w4, w5, w6, w7, w8;

  explicit Bytes3x3(const int8_t* w)
      : w0(vld1_s8(w)),
        w1(vld1_s8(w + 8)),
        w2(vld1_s8(w + 16)),
        w3(vld1_s8(w + 24)),
        w4(vld1_s8(w + 32)),
        w5(vld1_s8(w + 40)),
        w6(vld1_s8(w + 48)),
        w7(vld1_s8(w + 56)),
        w8(vld1_s8(w + 64)) {}
  static Column load(const int8_t* x) { return vld1_s8(x); }
  using Row = Row3<Column>;
  Sums operator()(Sums s, Row x, Row y, Row z) const {
    if (kLight) {
      s = add(s, vmlal_s8(vmlal_s8(vmull_s8(x.a, w0), x.b, w1), x.c, w2));
      s = add(s, vmlal_s8(vmlal_s8(vmull_s8(y.a, w3), y.b, w4), y.c, w5));
      return add(s, vmlal_s8(vmlal_s8(vmull_s8(z.a, w6), z.b, w7), z.c, w8));
    }
    s = add_two(s, x.a, w0, x.b, w1);
    s = add_two(s, x.c, w2, y.a, w3);
    s = add_two(s, y.b, w4, y.c, w5);
    s = add_two(s, z.a, w6, z.b, w7);
    return add_one(s, z.c, w8);
  }
};

template <Tail kTail, int kStride>
void blocks_3x3(const Window2d& w, const Work& work, const Rows& rows, uint8_t* out, int64_t begin, int64_t end) {
  const int64_t light = work.light < begin ? begin : smaller(work.light, end);
  row_3x3<kTail, Bytes3x3<true>, kStride>(w, work, rows, out, begin, light);
  row_3x3<kTail, Bytes3x3<false>, kStride>(w, work, rows, out, light, end);
}

// Five columns of a row.
struct Row5 {
  int8x8_t a, b, c, d, e;
};

// Two rows of a 5x5 window, ten taps.
inline Sums add_rows(Sums s, const int8_t* w, Row5 x, Row5 y) {
  s = add_two(s, x.a, vld1_s8(w), x.b, vld1_s8(w + 8));
  s = add_two(s, x.c, vld1_s8(w + 16), x.d, vld1_s8(w + 24));
  s = add_two(s, x.e, vld1_s8(w + 32), y.a, vld1_s8(w + 40));
  s = add_two(s, y.b, vld1_s8(w + 48), y.c, vld1_s8(w + 56));
  return add_two(s, y.d, vld1_s8(w + 64), y.e, vld1_s8(w + 72));
}
inline Sums add_row(Sums s, const int8_t* w, Row5 x) {
  s = add_two(s, x.a, vld1_s8(w), x.b, vld1_s8(w + 8));
  s = add_two(s, x.c, vld1_s8(w + 16), x.d, vld1_s8(w + 24));
  return add_one(s, x.e, vld1_s8(w + 32));
}

// Narrow blocks of a row of a 5x5 window without dilation, two pixels at a time, in the order of row_3x3.
template <Tail kTail, int kStride>
void row_5x5(const Window2d& w, const Work& work, const Rows& rows, uint8_t* output, int64_t begin, int64_t end) {
  const OutputStageNeon stage = stage_of<kTail>(work);
  const intptr_t channels = static_cast<intptr_t>(w.out_c), pairs = static_cast<intptr_t>(w.out_w + 1) / 2;
  const intptr_t second_pair = static_cast<intptr_t>(2 - w.out_w % 2) * channels;
  intptr_t c1 = channels, c2 = 2 * c1, c3 = 3 * c1, c4 = 4 * c1, c5 = 5 * c1, c6 = 6 * c1;
#ifdef __aarch64__  // kept in registers; 32-bit ARM has too few
  asm("" : "+r"(c1), "+r"(c2), "+r"(c3), "+r"(c4), "+r"(c5), "+r"(c6));
#endif
  const auto first = [&](const int8_t* x) {
    return Row5{vld1_s8(x), vld1_s8(x + c1), vld1_s8(x + c2), vld1_s8(x + c3), vld1_s8(x + c4)};
  };
  const auto second = [&](const int8_t* x, Row5 left) {
    if (kStride == 1) return Row5{left.b, left.c, left.d, left.e, vld1_s8(x + c5)};
    return Row5{left.c, left.d, left.e, vld1_s8(x + c5), vld1_s8(x + c6)};
  };
  const char* record = record_of(work, begin);
  Rescale<kTail> rescale_pair(work, begin);
  Pair last{};
  uint8_t* to = output + work.start[begin];
  const auto store = [&]() __attribute__((always_inline)) { store_halves(to, to + c1, rescale_pair(last, stage)); };
  for (int64_t b = begin; b < end; ++b, record += work.narrow_bytes) {
    const int8_t* weights = weights_of<int8_t>(record);
    const Sums bias{vld1q_s32(work.bias + b * kBlock), vld1q_s32(work.bias + b * kBlock + 4)};
    int64_t at = work.start[b];
    const auto sums = [&]() __attribute__((always_inline)) {
      const int8_t* const* p = rows.rows();
      const Row5 x0 = first(p[0] + at), x1 = first(p[1] + at);
      Sums s = add_rows(bias, weights, x0, x1);
      Sums t = add_rows(bias, weights, second(p[0] + at, x0), second(p[1] + at, x1));
      const Row5 x2 = first(p[2] + at), x3 = first(p[3] + at);
      s = add_rows(s, weights + 80, x2, x3);
      t = add_rows(t, weights + 80, second(p[2] + at, x2), second(p[3] + at, x3));
      const Row5 x4 = first(p[4] + at);
      return Pair{add_row(s, weights + 160, x4), add_row(t, weights + 160, second(p[4] + at, x4))};
    };
    const Pair head = sums();
    store();
    last = head;
    to = output + at;
    uint8_t* next_to = to + second_pair;
    rescale_pair = Rescale<kTail>(work, b);
    at += kStride * second_pair;
    for (intptr_t i = pairs; i > 1; --i) {
      const Pair next = sums();
      at += kStride == 1 ? c2 : c4;
      store();
      last = next;
      to = next_to;
      next_to += c2;
    }
  }
  store();
}

struct Pairs {
  // Whether the window is one of those that have loops of their own.
  template <Tail kTail>
  static bool square(const Window2d& w, const Work& work, const Rows& rows, uint8_t* out, int64_t begin, int64_t end) {
    if (w.out_w == 1) return false;
    const bool three = w.kernel_h == 3 && w.kernel_w == 3, five = w.kernel_h == 5 && w.kernel_w == 5;
    if (three && w.stride_w == 1) blocks_3x3<kTail, 1>(w, work, rows, out, begin, end);
    if (three && w.stride_w == 2) blocks_3x3<kTail, 2>(w, work, rows, out, begin, end);
    if (five && w.stride_w == 1) row_5x5<kTail, 1>(w, work, rows, out, begin, end);
    if (five && w.stride_w == 2) row_5x5<kTail, 2>(w, work, rows, out, begin, end);
    return three || five;
  }
  template <RequantizeNeon kKind>
  static void row(const Window2d& w, const Work& work, const Rows& rows, uint8_t* out) {
    const bool plain = kKind != RequantizeNeon::kAny && w.dilation_w == 1 && w.stride_w <= 2;
    const bool relu = kKind == RequantizeNeon::kRelu && work.unclamped;
#ifdef __aarch64__
    if (work.fused) {  // only where there are such loops
      for (int64_t begin = 0, end = 0; begin < work.narrow; begin = end) {
        const uint8_t fused = work.fused[begin];
        while (end < work.narrow && work.fused[end] == fused) ++end;
        fused ? square<Tail::kFused>(w, work, rows, out, begin, end)
              : square<Tail::kRelu>(w, work, rows, out, begin, end);
      }
      return;
    }
#endif
    if (plain && relu && square<Tail::kRelu>(w, work, rows, out, 0, work.narrow)) return;
    if (plain && square<Tail::kClamp>(w, work, rows, out, 0, work.narrow)) return;
    narrow_pixels<kKind, 0>(w, work, rows, out);
  }
};

size_t scratch_bytes(const DepthwiseQ8& c) noexcept { return scratch_layout(c).bytes; }

void run(const DepthwiseQ8& c, const void* packed, const uint8_t* input, void* output, int64_t row_begin,
         int64_t row_end, void* scratch) noexcept {
  run_kernel<Pairs>(c, packed, input, output, row_begin, row_end, scratch);
}

}  // namespace

const DepthwiseQ8Kernel depthwise_q8_neon_pairs = {OwnPacking::takes, OwnPacking::packed_bytes, OwnPacking::pack,
                                                   scratch_bytes, run};

}  // namespace sanderling
