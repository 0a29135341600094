// NEON kernel with dot products, for 3x3 windows that move one column at a time. Four neighbouring columns of eight
// channels are interleaved, so that each channel has its four bytes together: one sdot with the weights (a, b, c, 0)
// gives the row's share of one pixel, one with (0, a, b, c) that of the next.
#include "kernels/depthwise_q8/neon_rows.h"

namespace sanderling {
namespace {

struct Columns {
  int8x16_t low, high;  // channels 0 to 3, and 4 to 7
};

inline int8x16_t load(const int8_t* x) { return vcombine_s8(vld1_s8(x), vcreate_s8(0)); }

inline Columns interleave(int8x16_t c0, int8x16_t c1, int8x16_t c2, int8x16_t c3) {
  const int8x16_t even = vzip1q_s8(c0, c2), odd = vzip1q_s8(c1, c3);
  return {vzip1q_s8(even, odd), vzip2q_s8(even, odd)};
}

inline Sums add_dots(Sums s, Columns x, int8x16_t low, int8x16_t high) {
  return {vdotq_s32(s.low, x.low, low), vdotq_s32(s.high, x.high, high)};
}

inline int8x16_t next(int8x16_t weights) { return vreinterpretq_s8_u32(vshlq_n_u32(vreinterpretq_u32_s8(weights), 8)); }

template <Tail kTail>
void row_3x3(const Window2d& w, const Work& work, const Rows& rows, uint8_t* output) {
  const OutputStageNeon stage = stage_of<kTail>(work);
  const int64_t channels = w.out_c, pairs = w.out_w / 2;
  const bool odd = w.out_w % 2 != 0;
  // Kept from the compiler, which would compute each address anew.
  int64_t c1 = channels, c2 = 2 * channels, c3 = 3 * channels;
  asm("" : "+r"(c1), "+r"(c2), "+r"(c3));
  const char* record = work.records;
  for (int64_t b = 0; b < work.narrow; ++b, record += work.narrow_bytes) {
    const int8_t* weights = weights_of<int8_t>(record);
    const int8x16_t w0 = vld1q_s8(weights), w1 = vld1q_s8(weights + 16), w2 = vld1q_s8(weights + 32),
                    w3 = vld1q_s8(weights + 48), w4 = vld1q_s8(weights + 64), w5 = vld1q_s8(weights + 80);
    const int8x16_t n0 = next(w0), n1 = next(w1), n2 = next(w2), n3 = next(w3), n4 = next(w4), n5 = next(w5);
    const int32_t* m = multipliers_of(record);
    const int32x4_t multiplier0 = vld1q_s32(m), multiplier1 = vld1q_s32(m + 4), shift0 = vld1q_s32(m + 8),
                    shift1 = vld1q_s32(m + 12);
    const Sums bias{vld1q_s32(work.bias + b * kBlock), vld1q_s32(work.bias + b * kBlock + 4)};
    const auto scale = [&](Sums s) {
      return Sums{requantize_neon<kind_of<kTail>()>(s.low, multiplier0, shift0),
                  requantize_neon<kind_of<kTail>()>(s.high, multiplier1, shift1)};
    };
    const int64_t start = work.start[b];
    const int8_t* p0 = rows.rows()[0] + start;
    const int8_t* p1 = rows.rows()[1] + start;
    const int8_t* p2 = rows.rows()[2] + start;
    const auto columns = [&](const int8_t* x) { return interleave(load(x), load(x + c1), load(x + c2), load(x + c3)); };
    uint8_t* out = output + start;
    for (int64_t i = 0; i < pairs; ++i) {
      const Columns x0 = columns(p0), x1 = columns(p1), x2 = columns(p2);
      const Sums s = add_dots(add_dots(add_dots(bias, x0, w0, w1), x1, w2, w3), x2, w4, w5);
      const Sums t = add_dots(add_dots(add_dots(bias, x0, n0, n1), x1, n2, n3), x2, n4, n5);
      const uint64x2_t both = vreinterpretq_u64_u8(finish<kTail>(scale(s), scale(t), stage));
      vst1q_lane_u64(reinterpret_cast<uint64_t*>(out), both, 0);
      vst1q_lane_u64(reinterpret_cast<uint64_t*>(out + c1), both, 1);
      p0 += c2;
      p1 += c2;
      p2 += c2;
      out += c2;
    }
    if (odd) {
      // The fourth column may lie outside; its weights are zero.
      const auto last = [&](const int8_t* x) { return interleave(load(x), load(x + c1), load(x + c2), load(x + c2)); };
      const Sums s = scale(add_dots(add_dots(add_dots(bias, last(p0), w0, w1), last(p1), w2, w3), last(p2), w4, w5));
      vst1_u8(out, vget_low_u8(finish<kTail>(s, s, stage)));
    }
  }
}

struct Dots {
  static constexpr Order kOrder = Order::kDots;
  template <RequantizeNeon kKind>
  static void row(const Window2d& w, const Work& work, const Rows& rows, uint8_t* out) {
    if (kKind == RequantizeNeon::kAny) return row_3x3<Tail::kAny>(w, work, rows, out);
    if (kKind == RequantizeNeon::kRelu && work.unclamped) return row_3x3<Tail::kRelu>(w, work, rows, out);
    row_3x3<Tail::kClamp>(w, work, rows, out);
  }
};

bool takes(const DepthwiseQ8& c) noexcept {
  const Window2d& w = c.window;
  return c.multipliers != nullptr && w.out_c >= kBlock && w.kernel_h == 3 && w.kernel_w == 3 && w.dilation_w == 1 &&
         w.stride_w == 1;
}

size_t packed_bytes(const DepthwiseQ8& c) noexcept { return layout(c, Order::kDots).bytes; }

void pack(const DepthwiseQ8& c, const uint8_t* weights, const int32_t* bias, void* packed) noexcept {
  pack_blocks(c, Order::kDots, weights, bias, packed);
}

size_t scratch_bytes(const DepthwiseQ8& c) noexcept { return scratch_layout(c).bytes; }

void run(const DepthwiseQ8& c, const void* packed, const uint8_t* input, void* output, int64_t row_begin,
         int64_t row_end, void* scratch) noexcept {
  run_kernel<Dots>(c, packed, input, output, row_begin, row_end, scratch);
}

}  // namespace

const DepthwiseQ8Kernel depthwise_q8_neon_dotprod_dots = {takes, packed_bytes, pack, scratch_bytes, run};

}  // namespace sanderling
