// Portable kernel: the input rows that an output row needs are kept as int16 (zero point subtracted, channels repeated
// for the depth multiplier), so that each tap is a multiply-add over contiguous channels.
#include <cstring>

#include "kernels/depthwise_q8/depthwise_q8.h"
#include "quant/requantize_rows.h"

namespace sanderling {
namespace {

constexpr int64_t kTaps = 3;  // summed in one pass over the channels

int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
size_t align(size_t bytes) { return (bytes + 63) / 64 * 64; }

// Input rows held at a time: an output row's window, or the whole picture where that is smaller.
int64_t ring_rows(const Window2d& w) { return smaller((w.kernel_h - 1) * w.dilation_h + 1, w.in_h); }

// Packed: weights int16 [kernel_h][kernel_w][out_c], bias int32 [out_c], a requantize table.
// Offsets in bytes; the weights come first.
struct Layout {
  size_t bias, table, bytes;
};

Layout layout(const DepthwiseQ8& c) {
  const Window2d& w = c.window;
  Layout at;
  at.bias = align(static_cast<size_t>(w.kernel_h * w.kernel_w * w.out_c) * sizeof(int16_t));
  at.table = at.bias + align(static_cast<size_t>(w.out_c) * sizeof(int32_t));
  at.bytes = at.table + requantize_table_bytes(w.out_c);
  return at;
}

bool takes(const DepthwiseQ8&) noexcept { return true; }

size_t packed_bytes(const DepthwiseQ8& c) noexcept { return layout(c).bytes; }

void pack(const DepthwiseQ8& c, const uint8_t* weights, const int32_t* bias, void* packed) noexcept {
  const Window2d& w = c.window;
  const Layout at = layout(c);
  char* base = static_cast<char*>(packed);
  int16_t* to = static_cast<int16_t*>(packed);
  for (int64_t i = 0; i < w.kernel_h * w.kernel_w * w.out_c; ++i)
    to[i] = static_cast<int16_t>(static_cast<int8_t>(weights[i] ^ c.weight_flip) - c.weight_zero);
  int32_t* all_bias = reinterpret_cast<int32_t*>(base + at.bias);
  for (int64_t o = 0; o < w.out_c; ++o) all_bias[o] = bias ? bias[o] : 0;
  if (c.multipliers == nullptr) return;
  build_requantize_table(c.multipliers, w.out_c, base + at.table);
}

// Scratch: rows int16 [ring_rows][in_w][out_c], zeros int16 [out_c], accumulators int32 [out_c], and which input row
// each row of the ring holds.
// Offsets in bytes; the rows come first.
struct ScratchLayout {
  size_t zeros, acc, held, bytes;
};

ScratchLayout scratch_layout(const DepthwiseQ8& c) {
  const Window2d& w = c.window;
  ScratchLayout at;
  at.zeros = align(static_cast<size_t>(ring_rows(w) * w.in_w * w.out_c) * sizeof(int16_t));
  at.acc = at.zeros + align(static_cast<size_t>(w.out_c) * sizeof(int16_t));
  at.held = at.acc + align(static_cast<size_t>(w.out_c) * sizeof(int32_t));
  at.bytes = at.held + static_cast<size_t>(ring_rows(w)) * sizeof(int64_t);
  return at;
}

size_t scratch_bytes(const DepthwiseQ8& c) noexcept { return scratch_layout(c).bytes; }

void widen(const uint8_t* __restrict from, int64_t n, int64_t repeat, uint8_t flip, int32_t zero,
           int16_t* __restrict to) {
  const int16_t z = static_cast<int16_t>(zero);
  if (repeat == 1) {
    for (int64_t i = 0; i < n; ++i) to[i] = static_cast<int16_t>(static_cast<int8_t>(from[i] ^ flip) - z);
    return;
  }
  for (int64_t i = 0; i < n; ++i) {
    const int16_t x = static_cast<int16_t>(static_cast<int8_t>(from[i] ^ flip) - z);
    for (int64_t j = 0; j < repeat; ++j) *to++ = x;
  }
}

struct Tap {
  const int16_t* x;
  const int16_t* weight;
};

// to[o] = from[o] + sum over three taps; `to` may be `from`. Sums wrap.
void add_taps(const int32_t* from, const Tap* taps, int64_t n, int32_t* to) {
  const int16_t* __restrict x0 = taps[0].x;
  const int16_t* __restrict x1 = taps[1].x;
  const int16_t* __restrict x2 = taps[2].x;
  const int16_t* __restrict w0 = taps[0].weight;
  const int16_t* __restrict w1 = taps[1].weight;
  const int16_t* __restrict w2 = taps[2].weight;
#pragma GCC ivdep
  for (int64_t o = 0; o < n; ++o) {
    const int32_t sum = x0[o] * w0[o] + x1[o] * w1[o] + x2[o] * w2[o];
    to[o] = static_cast<int32_t>(static_cast<uint32_t>(from[o]) + static_cast<uint32_t>(sum));
  }
}

void run(const DepthwiseQ8& c, const void* packed, const uint8_t* input, void* output, int64_t row_begin,
         int64_t row_end, void* scratch) noexcept {
  const Window2d& w = c.window;
  const int64_t channels = w.out_c, ring = ring_rows(w);
  const char* base = static_cast<const char*>(packed);
  const Layout at = layout(c);
  const int16_t* all_weights = static_cast<const int16_t*>(packed);
  const int32_t* bias = reinterpret_cast<const int32_t*>(base + at.bias);
  const RequantizeTable table = view_requantize_table(base + at.table, channels);

  const ScratchLayout own = scratch_layout(c);
  char* memory = static_cast<char*>(scratch);
  int16_t* rows = static_cast<int16_t*>(scratch);
  int16_t* zeros = reinterpret_cast<int16_t*>(memory + own.zeros);
  int32_t* acc = reinterpret_cast<int32_t*>(memory + own.acc);
  int64_t* held = reinterpret_cast<int64_t*>(memory + own.held);

  const OutputStage stage{c.output_zero, c.low, c.high, c.flip};
  std::memset(zeros, 0, static_cast<size_t>(channels) * sizeof(int16_t));
  for (int64_t i = 0; i < ring; ++i) held[i] = -1;

  for (int64_t row = row_begin; row < row_end; ++row) {
    const int64_t batch = row / w.out_h, top = row % w.out_h * w.stride_h - w.pad_h;
    for (int64_t i = 0; i < w.kernel_h; ++i) {
      const int64_t y = top + i * w.dilation_h;
      if (y < 0 || y >= w.in_h || held[y % ring] == batch * w.in_h + y) continue;
      held[y % ring] = batch * w.in_h + y;
      widen(input + (batch * w.in_h + y) * w.in_w * w.in_c, w.in_w * w.in_c, c.multiplier(), c.flip, c.input_zero,
            rows + y % ring * w.in_w * channels);
    }
    for (int64_t x = 0; x < w.out_w; ++x) {
      const int64_t left = x * w.stride_w - w.pad_w;
      const int32_t* from = bias;
      Tap taps[kTaps];
      int64_t n = 0;
      for (int64_t i = 0; i < w.kernel_h; ++i) {
        const int64_t y = top + i * w.dilation_h;
        if (y < 0 || y >= w.in_h) continue;
        const int16_t* in_row = rows + y % ring * w.in_w * channels;
        const int16_t* weights = all_weights + i * w.kernel_w * channels;
        for (int64_t j = 0; j < w.kernel_w; ++j) {
          const int64_t in_x = left + j * w.dilation_w;
          if (in_x < 0 || in_x >= w.in_w) continue;
          taps[n++] = {in_row + in_x * channels, weights + j * channels};
          if (n < kTaps) continue;
          add_taps(from, taps, channels, acc);
          from = acc, n = 0;
        }
      }
      if (n > 0 || from == bias) {
        while (n < kTaps) taps[n++] = {zeros, zeros};
        add_taps(from, taps, channels, acc);
      }
      const int64_t at = (row * w.out_w + x) * channels;
      if (c.multipliers != nullptr)
        requantize_row(acc, table, 0, channels, stage, static_cast<uint8_t*>(output) + at);
      else
        std::memcpy(static_cast<int32_t*>(output) + at, acc, static_cast<size_t>(channels) * sizeof(int32_t));
    }
  }
}

}  // namespace

const DepthwiseQ8Kernel depthwise_q8_portable_rows = {takes, packed_bytes, pack, scratch_bytes, run};

}  // namespace sanderling
