// The memory of a run of the NEON kernel, and the rows that its windows read: in place where that is possible.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/depthwise_q8/packed_blocks.h"
#include "quant/requantize_neon.h"

namespace sanderling {
namespace {

using namespace pairs;

#ifdef __aarch64__
constexpr bool kFusesRows = true;
#else
constexpr bool kFusesRows = false;
#endif
using OwnPacking = Packing<kFusesRows>;

// Input rows are read in place where a window never leaves them; otherwise they are copied between columns of
// input_zero, which also flips bytes and repeats channels for the depth multiplier.
inline int64_t columns(const Window2d& w) {
  const int64_t seen = (w.out_w - 1) * w.stride_w + (w.kernel_w - 1) * w.dilation_w + 1, own = w.pad_w + w.in_w;
  return seen > own ? seen : own;
}
inline bool copies_rows(const DepthwiseQ8& c) {
  return c.flip != 0 || c.window.out_c != c.window.in_c || columns(c.window) > c.window.in_w;
}

// Scratch: bias int32 [blocks][8] and first channels int32 [blocks] of this run, a row of input_zero, tap pointers, the
// rows of the window, and, where rows are copied, a ring of them with the input row that each holds.
struct ScratchLayout {
  int64_t ring;
  size_t start, zeros, taps, rows, held, copies, row_bytes, bytes;
};

inline ScratchLayout scratch_layout(const DepthwiseQ8& c) {
  const Window2d& w = c.window;
  ScratchLayout at;
  at.row_bytes = static_cast<size_t>(columns(w) * w.out_c);
  at.ring = copies_rows(c) ? smaller((w.kernel_h - 1) * w.dilation_h + 1, w.in_h) : 0;
  at.start = static_cast<size_t>(blocks_of(w) * kBlock) * sizeof(int32_t);
  at.zeros = at.start + align64(static_cast<size_t>(blocks_of(w)) * sizeof(int32_t));
  at.taps = at.zeros + align64(at.row_bytes);
  at.rows = at.taps + static_cast<size_t>(taps_of(w)) * sizeof(const int8_t*);
  at.held = at.rows + static_cast<size_t>(w.kernel_h) * sizeof(const int8_t*);
  at.copies = align64(at.held + static_cast<size_t>(at.ring) * sizeof(int64_t));
  at.bytes = at.copies + static_cast<size_t>(at.ring) * align64(at.row_bytes);
  return at;
}

inline void copy_row(const DepthwiseQ8& c, const uint8_t* from, int8_t* to) {
  const int64_t n = c.window.in_w * c.window.in_c, repeat = c.multiplier();
  if (repeat > 1) {
    for (int64_t i = 0; i < n; ++i, to += repeat) std::memset(to, from[i] ^ c.flip, static_cast<size_t>(repeat));
    return;
  }
  if (c.flip == 0) {
    std::memcpy(to, from, static_cast<size_t>(n));
    return;
  }
  const uint8x16_t flip = vdupq_n_u8(c.flip);
  const auto copy = [&](int64_t i) { vst1q_s8(to + i, vreinterpretq_s8_u8(veorq_u8(vld1q_u8(from + i), flip))); };
  if (n < 16) {
    for (int64_t i = 0; i < n; ++i) to[i] = static_cast<int8_t>(from[i] ^ c.flip);
    return;
  }
  for (int64_t i = 0; i + 16 < n; i += 16) copy(i);
  copy(n - 16);
}

// The memory of one run() and the rows of the window that it stands at: column x of the window's row begins at
// x * out_c, counted from the padding's left edge.
class Rows {
 public:
  // `fused`: of each block, whether its bias is the fused table's; null where no block's is.
  Rows(const DepthwiseQ8& c, const Layout& packed_at, const void* packed, const FusedTable& table, const uint8_t* fused,
       const uint8_t* input, void* scratch)
      : c_(c), at_(scratch_layout(c)), input_(input), memory_(static_cast<char*>(scratch)) {
    const char* base = static_cast<const char*>(packed);
    const int32_t* from = reinterpret_cast<const int32_t*>(base + packed_at.bias);
    const int32_t* sums = reinterpret_cast<const int32_t*>(base + packed_at.sum);
    int32_t* bias = reinterpret_cast<int32_t*>(memory_);
    for (int64_t i = 0; i < packed_at.blocks * kBlock; i += 4) {
      const int32_t* own = (fused && fused[i / kBlock] ? table.start : from) + i;
      vst1q_s32(bias + i, vmlsq_n_s32(vld1q_s32(own), vld1q_s32(sums + i), c.input_zero));
    }
    // Whatever a file says, blocks are within the picture.
    const int32_t* starts = reinterpret_cast<const int32_t*>(base + packed_at.start);
    const int64_t last = c.window.out_c - kBlock;
    for (int64_t b = 0; b < packed_at.blocks; ++b)
      reinterpret_cast<int32_t*>(memory_ + at_.start)[b] =
          static_cast<int32_t>(starts[b] < 0 ? 0 : smaller(starts[b], last));
    std::memset(memory_ + at_.zeros, c.input_zero, at_.row_bytes);
    for (int64_t i = 0; i < at_.ring; ++i) held()[i] = -1;
    std::memset(memory_ + at_.copies, c.input_zero, static_cast<size_t>(at_.ring) * align64(at_.row_bytes));
  }
  const int32_t* bias() const { return reinterpret_cast<const int32_t*>(memory_); }
  const int32_t* start() const { return reinterpret_cast<const int32_t*>(memory_ + at_.start); }
  const int8_t* zeros() const { return reinterpret_cast<const int8_t*>(memory_ + at_.zeros); }
  const int8_t** taps() const { return reinterpret_cast<const int8_t**>(memory_ + at_.taps); }
  const int8_t* const* rows() const { return reinterpret_cast<const int8_t**>(memory_ + at_.rows); }

  // Makes rows() those of an output row.
  void move_to(int64_t row) {
    const Window2d& w = c_.window;
    const int64_t first = row / w.out_h * w.in_h, top = row % w.out_h * w.stride_h - w.pad_h;
    const int8_t** rows = reinterpret_cast<const int8_t**>(memory_ + at_.rows);
    for (int64_t i = 0; i < w.kernel_h; ++i) {
      const int64_t y = top + i * w.dilation_h;
      rows[i] = y < 0 || y >= w.in_h ? zeros() : input_row(first + y, y);
    }
  }

 private:
  int64_t* held() const { return reinterpret_cast<int64_t*>(memory_ + at_.held); }
  const int8_t* input_row(int64_t index, int64_t y) {
    const uint8_t* from = input_ + index * c_.window.in_w * c_.window.in_c;
    if (at_.ring == 0) return reinterpret_cast<const int8_t*>(from);
    int8_t* to =
        reinterpret_cast<int8_t*>(memory_ + at_.copies) + static_cast<size_t>(y % at_.ring) * align64(at_.row_bytes);
    if (held()[y % at_.ring] != index) {
      held()[y % at_.ring] = index;
      copy_row(c_, from, to + c_.window.pad_w * c_.window.out_c);
    }
    return to;
  }

  const DepthwiseQ8& c_;
  const ScratchLayout at_;
  const uint8_t* input_;
  char* memory_;
};

}  // namespace
}  // namespace sanderling
