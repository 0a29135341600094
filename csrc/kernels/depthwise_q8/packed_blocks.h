// What the NEON kernel packs, in plain C++: blocks of eight channels. For the kernel, and for packing on another
// processor (packers.cc).
//
// The zero point of the input goes into the bias of a run (bias - input_zero * sum of weights), so that raw bytes are
// multiplied; pixels outside the picture then have to be input_zero.
//
// A block is narrow where its weights (zero point subtracted) are bytes and two products fit int16, wide otherwise;
// of the narrow blocks those are light in which the products of any row of a 3x3 window fit int16.
// Light blocks come first, wide ones last. The last block begins at out_c - 8: channels that two blocks share are
// computed twice.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/depthwise_q8/depthwise_q8.h"
#include "quant/fused_table.h"
#include "quant/requantize_neon_kind.h"

namespace sanderling {
namespace {
namespace pairs {

constexpr int64_t kBlock = 8;

inline size_t align64(size_t bytes) { return (bytes + 63) / 64 * 64; }
inline int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
inline int64_t taps_of(const Window2d& w) { return w.kernel_h * w.kernel_w; }
inline int64_t blocks_of(const Window2d& w) { return (w.out_c + kBlock - 1) / kBlock; }

// Packed: Header, then int32 start[blocks], bias[blocks][8], weight_sum[blocks][8], fused_table.h's table (of narrow
// blocks), then the records of blocks: multiplier int32[8], shift int32[8], weights [taps][8], int8 or, in a wide
// block, int16.
struct Header {
  RequantizeNeon kind;
  int32_t light, narrow;  // blocks; narrow counts the light ones too
};

struct Layout {
  int64_t taps, blocks;
  size_t start, bias, sum, fused, records, narrow_bytes, wide_bytes, bytes;
};

inline Layout layout(const DepthwiseQ8& c) {
  Layout at;
  at.taps = taps_of(c.window), at.blocks = blocks_of(c.window);
  const size_t lanes = static_cast<size_t>(at.blocks * kBlock) * sizeof(int32_t);
  at.start = align64(sizeof(Header));
  at.bias = at.start + align64(static_cast<size_t>(at.blocks) * sizeof(int32_t));
  at.sum = at.bias + lanes;
  at.fused = at.sum + lanes;
  at.records = align64(at.fused + fused_table_bytes(at.blocks * kBlock, at.blocks));
  at.narrow_bytes = (2 * kBlock * sizeof(int32_t) + static_cast<size_t>(at.taps * kBlock) + 15) / 16 * 16;
  at.wide_bytes = 2 * kBlock * sizeof(int32_t) + static_cast<size_t>(at.taps * kBlock) * sizeof(int16_t);
  at.bytes = at.records + static_cast<size_t>(at.blocks) * at.wide_bytes;
  return at;
}

// Windows whose rows have loops that rescale by fused_rescale.h.
inline bool has_fused_loops(const DepthwiseQ8& c) {
  const Window2d& w = c.window;
  return w.kernel_h == w.kernel_w && (w.kernel_w == 3 || w.kernel_w == 5) && w.dilation_w == 1 && w.stride_w <= 2 &&
         w.out_w > 1 && c.flip == 0 && c.is_whole_relu();
}

inline int32_t weight_at(const DepthwiseQ8& c, const uint8_t* weights, int64_t tap, int64_t channel) {
  return static_cast<int8_t>(weights[tap * c.window.out_c + channel] ^ c.weight_flip) - c.weight_zero;
}

enum class Weights { kLight, kNarrow, kWide };

inline Weights weights_kind(const DepthwiseQ8& c, const uint8_t* weights, int64_t start, int64_t taps) {
  constexpr int32_t kMost = 255;  // 255 * 128 fits int16
  bool light = taps == 9;
  for (int64_t i = 0; i < kBlock; ++i) {
    int32_t last = 0, row = 0;
    for (int64_t t = 0; t < taps; ++t) {
      const int32_t w = weight_at(c, weights, t, start + i), size = w < 0 ? -w : w;
      if (w < -128 || w > 127) return Weights::kWide;
      if (t % 2 == 1 && last + size > kMost) return Weights::kWide;
      last = size;
      row = t % 3 == 0 ? size : row + size;
      light &= row <= kMost;
    }
  }
  return light ? Weights::kLight : Weights::kNarrow;
}

// Of a block's channels from `start` on; false where some have none.
inline bool fuse_block(const DepthwiseQ8& c, const uint8_t* weights, const int32_t* bias, int64_t start, int64_t block,
                       char* table, int64_t entries) {
  for (int64_t i = 0; i < kBlock; ++i) {
    int64_t positive = 0, negative = 0;
    for (int64_t t = 0; t < taps_of(c.window); ++t) {
      const int32_t w = weight_at(c, weights, t, start + i);
      (w < 0 ? negative : positive) += w < 0 ? -w : w;
    }
    const int32_t own_bias = bias ? bias[start + i] : 0;
    FusedRescale found;
    if (!find_fused_rescale(c.multipliers[start + i], sum_range(own_bias, positive, negative, c.input_zero),
                            c.output_zero, c.low, c.high, found))
      return false;
    set_fused(found, own_bias, table, entries, block * kBlock + i);
  }
  return true;
}

inline void pack_blocks(const DepthwiseQ8& c, const uint8_t* weights, const int32_t* bias, bool fuses, void* packed) {
  const Layout at = layout(c);
  const int64_t channels = c.window.out_c;
  char* base = static_cast<char*>(packed);
  int32_t* starts = reinterpret_cast<int32_t*>(base + at.start);
  int32_t* all_bias = reinterpret_cast<int32_t*>(base + at.bias);
  int32_t* sums = reinterpret_cast<int32_t*>(base + at.sum);
  char* record = base + at.records;
  Header header{requantize_neon_kind(c.multipliers, channels, c.output_zero, c.low), 0, 0};
  std::memset(base + at.fused, 0, at.records - at.fused);
  start_fused_table(base + at.fused, c.input_zero);
  fuses = fuses && has_fused_loops(c);
  int64_t block = 0;
  for (const Weights kind : {Weights::kLight, Weights::kNarrow, Weights::kWide}) {
    const bool narrow = kind != Weights::kWide;
    for (int64_t b = 0; b < at.blocks; ++b) {
      const int64_t start = smaller(b * kBlock, channels - kBlock);
      if (weights_kind(c, weights, start, at.taps) != kind) continue;
      starts[block] = static_cast<int32_t>(start);
      int32_t* multipliers = reinterpret_cast<int32_t*>(record);
      int8_t* bytes = reinterpret_cast<int8_t*>(record + 2 * kBlock * sizeof(int32_t));
      int16_t* words = reinterpret_cast<int16_t*>(bytes);
      if (narrow) std::memset(bytes, 0, at.narrow_bytes - 2 * kBlock * sizeof(int32_t));
      for (int64_t i = 0; i < kBlock; ++i) {
        multipliers[i] = c.multipliers[start + i].multiplier;
        multipliers[kBlock + i] = c.multipliers[start + i].shift;
        int32_t sum = 0;
        for (int64_t t = 0; t < at.taps; ++t) {
          const int32_t w = weight_at(c, weights, t, start + i);
          sum = wrapping_add(sum, w);
          if (!narrow)
            words[t * kBlock + i] = static_cast<int16_t>(w);
          else
            bytes[t * kBlock + i] = static_cast<int8_t>(w);
        }
        all_bias[block * kBlock + i] = bias ? bias[start + i] : 0;
        sums[block * kBlock + i] = sum;
      }
      const int64_t entries = at.blocks * kBlock;
      if (fuses && narrow && fuse_block(c, weights, bias, start, block, base + at.fused, entries))
        set_fused_block(base + at.fused, entries, block);
      record += narrow ? at.narrow_bytes : at.wide_bytes;
      ++block;
    }
    if (kind == Weights::kLight) header.light = static_cast<int32_t>(block);
    if (narrow) header.narrow = static_cast<int32_t>(block);
  }
  std::memcpy(packed, &header, sizeof header);
}

// kFuses: whether every processor of the family has the fused multiply-add; of ARMv7 not all have.
template <bool kFuses>
struct Packing {
  static bool takes(const DepthwiseQ8& c) noexcept { return c.multipliers != nullptr && c.window.out_c >= kBlock; }
  static size_t packed_bytes(const DepthwiseQ8& c) noexcept { return layout(c).bytes; }
  static void pack(const DepthwiseQ8& c, const uint8_t* weights, const int32_t* bias, void* packed) noexcept {
    pack_blocks(c, weights, bias, kFuses, packed);
  }
};

}  // namespace pairs
}  // namespace
}  // namespace sanderling
