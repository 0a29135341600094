// NEON kernel with dot products for any window (see neon_columns.h): one sdot has four rows of four channels.
#include <arm_neon.h>

#include <utility>

#include "kernels/depthwise_q8/neon_columns.h"

#define SANDERLING_INLINE inline __attribute__((always_inline))

namespace sanderling {
namespace {

constexpr int64_t kCache = 16384;  // bytes of the input that blocks take turns with

struct Column {
  int8x16_t low, high;  // channels 0 to 3, and 4 to 7
};

struct Sums {
  int32x4_t low, high;
};

SANDERLING_INLINE Column load_column(const int8_t* x) { return {vld1q_s8(x), vld1q_s8(x + 16)}; }

// Four rows from one column of the picture on; a row outside of the picture points to input_zero.
struct FourRows {
  const int8_t *a, *b, *c, *d;
};

// `inside` columns of the picture, `step` apart, and input_zero beside them. kPair: of two blocks, `second` bytes
// apart.
template <bool kFlip, bool kPair>
void interleave(const FourRows& rows, int64_t step, int64_t before, int64_t inside, int64_t after, int8_t zero,
                uint8_t flip, int8_t* to, int64_t second) {
  const int8x16_t outside = vdupq_n_s8(zero), mask = vreinterpretq_s8_u8(vdupq_n_u8(flip));
  const auto store = [&](int8_t* at, int8x16_t low, int8x16_t high) {
    vst1q_s8(at, low);
    vst1q_s8(at + 16, high);
  };
  const auto fill = [&](int64_t n) {
    for (int64_t i = 0; i < n; ++i, to += kColumn) {
      store(to, outside, outside);
      if (kPair) store(to + second, outside, outside);
    }
  };
  const auto load = [](const int8_t* x) { return kPair ? vld1q_s8(x) : vcombine_s8(vld1_s8(x), vcreate_s8(0)); };
  fill(before);
  const int8_t *a = rows.a, *b = rows.b, *c = rows.c, *d = rows.d;
  for (int64_t i = 0; i < inside; ++i, to += kColumn, a += step, b += step, c += step, d += step) {
    int8x16_t xa = load(a), xb = load(b), xc = load(c), xd = load(d);
    if (kFlip) xa = veorq_s8(xa, mask), xb = veorq_s8(xb, mask), xc = veorq_s8(xc, mask), xd = veorq_s8(xd, mask);
    const int8x16_t even = vzip1q_s8(xa, xc), odd = vzip1q_s8(xb, xd);
    store(to, vzip1q_s8(even, odd), vzip2q_s8(even, odd));
    if (kPair) {
      const int8x16_t even2 = vzip2q_s8(xa, xc), odd2 = vzip2q_s8(xb, xd);
      store(to + second, vzip1q_s8(even2, odd2), vzip2q_s8(even2, odd2));
    }
  }
  fill(after);
}

// What the output rows of a block need that share interleaved columns.
struct Rows {
  const int8_t* columns;
  const int8_t* weights;
  int64_t weights_of_row;  // bytes
  const int64_t* offsets;  // of the columns of each row of taps, or for kTaps = 0 of each tap
  int64_t rows_of_taps, stride_w, pixels, out_c, out_row;
  const BlockHeader* block;
  const int32_t* bias;
  const float *scale, *offset;  // of fused_rescale.h
  OutputStageNeon stage;
};

// kRelu: a ReLU whose range is that of the output, so output_zero = low = -128; kFused: the same by fused_rescale.h.
enum class Tail { kFused, kRelu, kClamp, kAny };

template <Tail kTail>
struct Scale {
  int32x4_t multiplier0, multiplier1, shift0, shift1;
  OutputStageNeon stage;

  explicit Scale(const Rows& r)
      : multiplier0(vld1q_s32(r.block->multiplier)),
        multiplier1(vld1q_s32(r.block->multiplier + 4)),
        shift0(vld1q_s32(r.block->shift)),
        shift1(vld1q_s32(r.block->shift + 4)),
        stage(r.stage) {}
};
template <>
struct Scale<Tail::kFused> {
  FusedScales scales;

  explicit Scale(const Rows& r) : scales(fused_scales(r.scale, r.offset)) {}
};

SANDERLING_INLINE uint8x16_t finish(Sums s, Sums t, const Scale<Tail::kFused>& r) {
  return vreinterpretq_u8_s8(bytes_fused(s.low, s.high, t.low, t.high, r.scales));
}
template <Tail kTail>
SANDERLING_INLINE uint8x16_t finish(Sums s, Sums t, const Scale<kTail>& r) {
  constexpr RequantizeNeon kKind = kTail == Tail::kRelu    ? RequantizeNeon::kRelu
                                   : kTail == Tail::kClamp ? RequantizeNeon::kRight
                                                           : RequantizeNeon::kAny;
  const int32x4_t a = requantize_neon<kKind>(s.low, r.multiplier0, r.shift0);
  const int32x4_t b = requantize_neon<kKind>(s.high, r.multiplier1, r.shift1);
  const int32x4_t c = requantize_neon<kKind>(t.low, r.multiplier0, r.shift0);
  const int32x4_t d = requantize_neon<kKind>(t.high, r.multiplier1, r.shift1);
  if (kTail == Tail::kAny) return output_neon<kKind>(a, b, c, d, r.stage);
  int16x8_t ab = vuzp1q_s16(vreinterpretq_s16_s32(a), vreinterpretq_s16_s32(b));
  int16x8_t cd = vuzp1q_s16(vreinterpretq_s16_s32(c), vreinterpretq_s16_s32(d));
  // Saturating to [0, 255] is the clamp, and stage.flip has the zero point: see run.
  if (kTail == Tail::kRelu) return veorq_u8(vqmovun_high_s16(vqmovun_s16(ab), cd), r.stage.flip);
  ab = vqaddq_s16(ab, r.stage.zero), cd = vqaddq_s16(cd, r.stage.zero);
  const int8x16_t y = vminq_s8(vmaxq_s8(vqmovn_high_s16(vqmovn_s16(ab), cd), r.stage.low), r.stage.high);
  return veorq_u8(vreinterpretq_u8_s8(y), r.stage.flip);
}

// Sums of kPixels neighbouring pixels of each of kRows rows, row by row. Indices are template arguments throughout, so
// that arrays become registers.
template <int... i>
using Indices = std::integer_sequence<int, i...>;

// Loads and products that stay in the order in which they are written, for cores that issue in order: compilers put
// loads next to their use, and pair them, which takes Cortex-A55 longer than two loads.
template <int kOffset>
SANDERLING_INLINE int8x16_t load_here(const int8_t* x) {
  int8x16_t y;
  asm volatile("ldr %q0, [%1, %2]" : "=w"(y) : "r"(x), "i"(kOffset) : "memory");
  return y;
}
SANDERLING_INLINE int32x4_t dot_here(int32x4_t sum, int8x16_t x, int8x16_t w) {
  asm volatile("sdot %0.4s, %1.16b, %2.16b" : "+w"(sum) : "w"(x), "w"(w));
  return sum;
}

// The columns of the window that all pixels see together, and the weights of their rows. Column c is tap c - p *
// kStride of pixel p. Each is loaded among the products of the column before. The order of the products too is kept in
// a loop of nothing else; among rescaled results compilers find a better one.
template <int kTaps, int kStride, bool kOrdered, int kRows, int kPixels>
struct Columns {
  static constexpr int kAll = kRows * kPixels, kColumns = (kPixels - 1) * kStride + kTaps;
  const int8_t* from;
  const int8_t* weights;
  const int8_t* second_row;  // of weights
  // By halves of four channels.
  int8x16_t x[2][kColumns], w[2][kRows * kTaps];

  template <int h, int c>
  SANDERLING_INLINE void load() {
    if constexpr (c < kColumns) x[h][c] = load_here<c * kColumn + 16 * h>(from);
    if constexpr (c < kTaps) {
      w[h][c] = load_here<c * kColumn + 16 * h>(weights);
      if constexpr (kRows == 2) w[h][kTaps + c] = load_here<c * kColumn + 16 * h>(second_row);
    }
  }
  template <int h, int c, int q>
  SANDERLING_INLINE void add_one(Sums (&s)[kAll]) {
    constexpr int j = c - q % kPixels * kStride;
    if constexpr (j >= 0 && j < kTaps) {
      int32x4_t& sum = h == 0 ? s[q].low : s[q].high;
      const int8x16_t v = w[h][q / kPixels * kTaps + j];
      sum = kOrdered ? dot_here(sum, x[h][c], v) : vdotq_s32(sum, x[h][c], v);
    }
  }
  template <int c, int... q>
  SANDERLING_INLINE void add_column(Sums (&s)[kAll], Indices<q...>) {
    load<0, c + 1>();
    (add_one<0, c, q>(s), ...);
    load<1, c + 1>();
    (add_one<1, c, q>(s), ...);
  }
  template <int... c>
  SANDERLING_INLINE void add(Sums (&s)[kAll], Indices<c...>) {
    load<0, 0>();
    load<1, 0>();
    (add_column<c>(s, std::make_integer_sequence<int, kAll>()), ...);
  }
};
template <class W, int kRows, int kPixels>
SANDERLING_INLINE void add_columns(Sums (&s)[kRows * kPixels], const int8_t* x, const int8_t* w,
                                   int64_t weights_of_row) {
  using All = Columns<W::kTaps, W::kStride, !W::kOnce, kRows, kPixels>;
  All columns;
  columns.from = x, columns.weights = w, columns.second_row = w + weights_of_row;
  columns.add(s, std::make_integer_sequence<int, All::kColumns>());
}
// One tap of pixels that lie `step` bytes apart.
template <int kPixels, int... q>
SANDERLING_INLINE void add_one(Sums (&s)[sizeof...(q)], const int8_t* x, int64_t step, const int8_t* w,
                               int64_t weights_of_row, Indices<q...>) {
  const auto add = [&](Sums sums, const int8_t* from, Column v) __attribute__((always_inline)) {
    return Sums{vdotq_s32(sums.low, vld1q_s8(from), v.low), vdotq_s32(sums.high, vld1q_s8(from + 16), v.high)};
  };
  ((s[q] = add(s[q], x + q % kPixels * step, load_column(w + q / kPixels * weights_of_row))), ...);
}
// The bias is loaded for each pixel: copies in registers would take the units that multiply.
SANDERLING_INLINE Sums load_bias(const int32_t* bias) {
  asm("" : "+r"(bias));
  return {vld1q_s32(bias), vld1q_s32(bias + 4)};
}
template <int... q>
SANDERLING_INLINE void start(Sums (&s)[sizeof...(q)], const int32_t* bias, Indices<q...>) {
  ((s[q] = load_bias(bias)), ...);
}

// kTaps = 0: any width, dilation and stride. kOnce: there is one row of taps.
template <int kTaps_, int kStride_, bool kOnce_>
struct Window {
  static constexpr int kTaps = kTaps_, kStride = kStride_;
  static constexpr bool kOnce = kOnce_;
};

template <Tail kTail, class W, int kRows, int kPixels>
SANDERLING_INLINE void pixels(const Rows& r, const Scale<kTail>& scale, int64_t x, uint8_t* out) {
  constexpr int kAll = kRows * kPixels;
  const auto all = std::make_integer_sequence<int, kAll>();
  Sums s[kAll];
  start(s, r.bias, all);
  const int8_t* w = r.weights;
  if constexpr (W::kTaps == 0) {
    const int64_t step = r.stride_w * kColumn;
    const int8_t* from = r.columns + x * step;
    for (int64_t t = 0; t < r.rows_of_taps; ++t, w += kColumn)
      add_one<kPixels>(s, from + r.offsets[t], step, w, r.weights_of_row, all);
  } else {
    const int8_t* from = r.columns + x * (W::kStride * kColumn);
    if constexpr (W::kOnce) {
      add_columns<W, kRows, kPixels>(s, from, w, r.weights_of_row);
    } else {
      for (int64_t t = 0; t < r.rows_of_taps; ++t, w += W::kTaps * kColumn)
        add_columns<W, kRows, kPixels>(s, from + r.offsets[t], w, r.weights_of_row);
    }
  }
  // Two results at a time, of which the second may be unused.
  const auto at = [&](int q) {
    return reinterpret_cast<uint64_t*>(out + q / kPixels * r.out_row + q % kPixels * r.out_c);
  };
  const uint64x2_t first = vreinterpretq_u64_u8(finish(s[0], s[kAll > 1 ? 1 : 0], scale));
  vst1q_lane_u64(at(0), first, 0);
  if constexpr (kAll > 1) vst1q_lane_u64(at(1), first, 1);
  if constexpr (kAll > 2) {
    const uint64x2_t second = vreinterpretq_u64_u8(finish(s[2], s[3], scale));
    vst1q_lane_u64(at(2), second, 0);
    vst1q_lane_u64(at(3), second, 1);
  }
}

// kRows output rows.
template <Tail kTail, class W, int kRows>
void rows_of(const Rows& rows, uint8_t* out) {
  const Rows r = rows;  // a copy, as stores of bytes might change what it refers to
  const Scale<kTail> scale(r);
  constexpr int kPixels = 4 / kRows;
  int64_t x = 0;
  for (; x + kPixels <= r.pixels; x += kPixels, out += kPixels * r.out_c)
    pixels<kTail, W, kRows, kPixels>(r, scale, x, out);
  if (kPixels == 4 && (r.pixels & 2) != 0) {
    pixels<kTail, W, kRows, 2>(r, scale, x, out);
    x += 2, out += 2 * r.out_c;
  }
  if (r.pixels & 1) pixels<kTail, W, kRows, 1>(r, scale, x, out);
}

// Windows whose rows of taps have loops of their own.
inline bool unrolled(Tail tail, const Window2d& w) {
  return tail != Tail::kAny && w.dilation_w == 1 && w.stride_w <= 2 && (w.kernel_w == 3 || w.kernel_w == 5);
}

using RowsOf = void (*)(const Rows&, uint8_t*);

// One and two rows of a window, and one row of taps.
struct Functions {
  RowsOf one, two, one_once, two_once;
};

template <Tail kTail, int kTaps, int kStride>
constexpr Functions functions() {
  return {rows_of<kTail, Window<kTaps, kStride, false>, 1>, rows_of<kTail, Window<kTaps, kStride, false>, 2>,
          rows_of<kTail, Window<kTaps, kStride, kTaps == 3>, 1>, rows_of<kTail, Window<kTaps, kStride, kTaps == 3>, 2>};
}

template <Tail kTail>
Functions functions(const Window2d& w) {
  if (!unrolled(kTail, w)) return functions<kTail, 0, 0>();
  if (w.kernel_w == 3) return w.stride_w == 1 ? functions<kTail, 3, 1>() : functions<kTail, 3, 2>();
  return w.stride_w == 1 ? functions<kTail, 5, 1>() : functions<kTail, 5, 2>();
}

Functions functions(Tail tail, const Window2d& w) {
  if (tail == Tail::kFused) return functions<Tail::kFused>(w);
  if (tail == Tail::kRelu) return functions<Tail::kRelu>(w);
  return tail == Tail::kClamp ? functions<Tail::kClamp>(w) : functions<Tail::kAny, 0, 0>();
}

// Eight channels on their way down the output.
struct Block {
  Rows rows;
  RowsOf one, two;
  const int8_t* weights;
  uint8_t* out;
  int32_t bias[kBlock];

  // The next n output rows, from rows.columns.
  void run(int64_t n) {
    rows.weights = weights;
    int64_t i = 0;
    for (; i + 2 <= n; i += 2, rows.weights += 2 * rows.weights_of_row, out += 2 * rows.out_row) two(rows, out);
    if (i < n) {
      one(rows, out);
      out += rows.out_row;
    }
  }
};

size_t scratch_bytes(const DepthwiseQ8& c) noexcept { return ScratchLayout(c).bytes; }

void run(const DepthwiseQ8& c, const void* packed, const uint8_t* input, void* output, int64_t row_begin,
         int64_t row_end, void* scratch) noexcept {
  const Window2d& w = c.window;
  const PackedLayout at(c);
  const ScratchLayout own(c);
  const char* records = static_cast<const char*>(packed) + at.records;
  const char* table = static_cast<const char*>(packed) + at.fused;
  const FusedTable fused = view_fused_table(table, at.blocks * kBlock);
  Header header;
  std::memcpy(&header, packed, sizeof header);
  char* memory = static_cast<char*>(scratch);
  int64_t* offsets = reinterpret_cast<int64_t*>(memory);
  int8_t* zeros = reinterpret_cast<int8_t*>(memory + own.zeros);
  int8_t* columns_at = reinterpret_cast<int8_t*>(memory + own.columns);
  const uint8_t zero_byte = static_cast<uint8_t>(c.input_zero) ^ c.flip;
  bool has_zeros = false;

  const int64_t group_bytes = static_cast<int64_t>(own.group_bytes), all_groups_bytes = at.rows.groups * group_bytes;
  const int64_t all = columns(w);
  const bool relu = header.kind == RequantizeNeon::kRelu && c.is_whole_relu();
  const Tail tail = header.kind == RequantizeNeon::kAny ? Tail::kAny : relu ? Tail::kRelu : Tail::kClamp;
  // With a tail for any rescaling columns stand by taps: then all blocks are fused or none is.
  const bool fuses =
      c.is_whole_relu() && fused_table_holds(table, c.input_zero) && (relu || all_fused(fused, at.blocks));
  const bool by_tap = !unrolled(fuses ? Tail::kFused : tail, w);
  const int64_t per_group = by_tap ? w.kernel_w : 1, per_part = at.rows.groups * per_group;
  for (int64_t i = 0; i < at.parts * per_part; ++i) {
    const int64_t group = i % per_part / per_group, j = i % per_group;
    offsets[i] = group * group_bytes + j * w.dilation_w * kColumn;
  }
  const int64_t before = smaller(w.pad_w, all), inside = smaller(w.in_w, all - before), after = all - before - inside;

  const Functions all_functions = functions(tail, w);
  const Functions fused_functions = fuses ? functions(Tail::kFused, w) : all_functions;
  Rows common{};
  common.weights_of_row = static_cast<int64_t>(at.row_bytes);
  common.offsets = offsets;
  common.stride_w = w.stride_w;
  common.pixels = w.out_w;
  common.out_c = w.out_c;
  common.out_row = w.out_w * w.out_c;
  common.stage = output_stage_neon(c.output_zero, c.low, c.high, c.flip);
  if (relu) common.stage.flip = veorq_u8(common.stage.flip, vdupq_n_u8(0x80));
  const auto interleave_one = c.flip ? interleave<true, false> : interleave<false, false>;
  const auto interleave_two = c.flip ? interleave<true, true> : interleave<false, true>;
  Block blocks[2];

  // Blocks go through so many rows that these stay in the cache.
  const int64_t row_bytes = w.in_w * w.in_c, picture_bytes = w.in_h * row_bytes;
  const int64_t kept =
      smaller(kCache / (w.stride_h * row_bytes + 1) / at.rows.together + 1, w.out_h) * at.rows.together;
  for (int64_t row = row_begin, tile = 0; row < row_end; row += tile) {
    const int64_t batch = row / w.out_h, y = row % w.out_h;
    tile = smaller(kept, smaller(row_end - row, w.out_h - y));
    const int8_t* picture = reinterpret_cast<const int8_t*>(input) + batch * picture_bytes;
    for (int64_t b = 0, n_blocks = 0; b < at.blocks; b += n_blocks) {
      const int64_t start = block_start(w, b);
      n_blocks = b + 1 < at.blocks && block_start(w, b + 1) == start + kBlock ? 2 : 1;
      for (int64_t i = 0; i < n_blocks; ++i) {
        Block& own_block = blocks[i];
        const char* record = records + static_cast<size_t>(b + i) * at.record_bytes;
        const BlockHeader& header_of_block = *reinterpret_cast<const BlockHeader*>(record);
        own_block.rows = common;
        Rows& r = own_block.rows;
        r.columns = columns_at + i * all_groups_bytes;
        r.block = &header_of_block;
        // Whatever a file says: no more parts than there is room for.
        r.rows_of_taps = (header_of_block.parts < 1 ? 1 : smaller(header_of_block.parts, at.parts)) * per_part;
        const bool fuse = fuses && fused.has[b + i];
        const Functions& own_functions = fuse ? fused_functions : all_functions;
        own_block.one = r.rows_of_taps == 1 ? own_functions.one_once : own_functions.one;
        own_block.two = r.rows_of_taps == 1 ? own_functions.two_once : own_functions.two;
        const int32_t* own_bias = fuse ? fused.start + (b + i) * kBlock : header_of_block.bias;
        vst1q_s32(own_block.bias, vmlsq_n_s32(vld1q_s32(own_bias), vld1q_s32(header_of_block.sum), c.input_zero));
        vst1q_s32(own_block.bias + 4,
                  vmlsq_n_s32(vld1q_s32(own_bias + 4), vld1q_s32(header_of_block.sum + 4), c.input_zero));
        r.bias = own_block.bias;
        r.scale = fused.scale + (b + i) * kBlock, r.offset = fused.offset + (b + i) * kBlock;
        own_block.weights = reinterpret_cast<const int8_t*>(record + sizeof(BlockHeader));
        own_block.out = static_cast<uint8_t*>(output) + row * r.out_row + start + i * kBlock;
      }
      for (int64_t done = 0, n = 0; done < tile; done += n) {
        n = smaller(at.rows.together, tile - done);
        const int64_t top = (y + done) * w.stride_h - w.pad_h, slots = (n - 1) * w.stride_h + w.kernel_h;
        const auto input_row = [&](int64_t slot) {
          const int64_t in_y = top + slot * w.dilation_h;
          if (in_y >= 0 && in_y < w.in_h) return picture + in_y * row_bytes + start;
          if (!has_zeros) std::memset(zeros, zero_byte, static_cast<size_t>(row_bytes));
          has_zeros = true;
          return static_cast<const int8_t*>(zeros);
        };
        for (int64_t g = 0; g < at.rows.groups; ++g) {
          const int8_t* first = input_row(4 * g);
          // Rows without a weight may be any that exist.
          const auto other = [&](int64_t i) { return 4 * g + i < slots ? input_row(4 * g + i) : first; };
          const FourRows rows{first, other(1), other(2), other(3)};
          (n_blocks == 2 ? interleave_two : interleave_one)(rows, w.in_c, before, inside, after,
                                                            static_cast<int8_t>(c.input_zero), c.flip,
                                                            columns_at + g * group_bytes, all_groups_bytes);
        }
        for (int64_t i = 0; i < n_blocks; ++i) blocks[i].run(n);
      }
    }
  }
}

}  // namespace

const DepthwiseQ8Kernel depthwise_q8_neon_dotprod_dots = {Packing::takes, Packing::packed_bytes, Packing::pack,
                                                          scratch_bytes, run};

}  // namespace sanderling
