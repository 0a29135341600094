// What the x86 kernels share that sum four rows of a channel in one instruction (vpdpbusd).
//
// The vector holds kLanes lanes of 16 bytes. A block has up to 16 * kLanes channels and four vectors: in vector j lane
// l has channels 16 l + 4 j .. + 3, four rows each, which is the order that byte and word unpacking gives, and that
// packing to bytes undoes. A block with fewer channels, 16 * width of them, has kLanes / width output pixels beside
// each other.
//
// Four input rows that are interleaved once serve `together` output rows, by weights moved down by stride_h rows each.
// With u = input + 128 as an unsigned number and zu = input_zero + 128, over the whole window (padding holds zu):
//
//   acc = bias - zu * sum(w) + sum(u * w),   w = weight - weight_zero
//
// where w may need a second or a third signed byte, which are multiplied in turn. Without vpdpbusd (kHalves = 2) rows 0
// and 2 and rows 1 and 3 are two vectors of words instead, and so are weights, of which one part is enough.
#pragma once

#include <cstring>

#include "kernels/depthwise_q8/row_groups.h"
#include "quant/fused_table.h"
#include "quant/narrow_requantize.h"
#include "quant/requantize_rows.h"

namespace sanderling {
namespace {

struct Block {
  int64_t channel, channels, width;
};

inline int64_t within(int64_t x, int64_t low, int64_t high) { return x < low ? low : x > high ? high : x; }

template <int kLanes>
int64_t count_blocks(int64_t out_c) {
  int64_t n = out_c / (16 * kLanes), rest = (out_c % (16 * kLanes) + 15) / 16;
  for (; rest > 0; rest &= rest - 1) ++n;
  return n;
}

// Whole blocks first, then the powers of two of which the rest is the sum.
template <int kLanes>
Block block_at(int64_t out_c, int64_t index) {
  const int64_t whole = out_c / (16 * kLanes);
  if (index < whole) return {index * 16 * kLanes, 16 * kLanes, kLanes};
  int64_t channel = whole * 16 * kLanes, width = 2 * kLanes;
  for (int64_t n = whole - 1; n < index;) {
    width /= 2;
    if (((out_c - channel + 15) / 16 & width) == 0) continue;
    if (++n < index) channel += 16 * width;
  }
  return {channel, smaller(16 * width, out_c - channel), width};
}

// Offsets in bytes of: weights [blocks][together][parts][groups][kernel_w][kHalves][4 vectors], then for each entry of
// the blocks' vectors bias + the narrow table's bias, the sum of weights and the narrow table; how many parts each
// block uses, and the rescaling of single channels, for accumulators that NarrowTable cannot take: memory that others
// do not touch.
template <int kLanes, int kHalves>
struct PackedLayout {
  static constexpr int64_t kVector = 16 * kLanes;  // bytes
  static constexpr int64_t kEntries = 4 * kVector / 4;
  int64_t blocks, entries, taps, parts, row_bytes, block_bytes;
  RowGroups rows;
  size_t start, sum, narrow, used_parts, is_wide, fused, wide, bytes;

  explicit PackedLayout(const DepthwiseQ8& c) {
    rows = row_groups(c.window);
    blocks = count_blocks<kLanes>(c.window.out_c);
    entries = blocks * kEntries;
    taps = rows.groups * c.window.kernel_w;
    parts = kHalves > 1 ? 1 : weight_parts(c);
    row_bytes = parts * taps * kHalves * 4 * kVector;
    block_bytes = rows.together * row_bytes;
    const size_t all = static_cast<size_t>(entries) * sizeof(int32_t);
    start = static_cast<size_t>(blocks * block_bytes);
    sum = start + all;
    narrow = sum + all;
    used_parts = narrow + narrow_table_bytes(entries);
    is_wide = used_parts + static_cast<size_t>(round_up(blocks, 16)) * sizeof(int32_t);
    fused = is_wide + 16;
    wide = fused + fused_table_bytes(entries, blocks);
    bytes = wide + requantize_table_bytes(c.window.out_c);
  }
};

// The channel of an entry (vector and lane's element) of a block, counted from the block's first.
inline int64_t entry_channel(int64_t entry, int64_t lanes, int64_t width) {
  const int64_t vector = entry / (4 * lanes), element = entry % (4 * lanes);
  return element / 4 % width * 16 + vector * 4 + element % 4;
}

template <int kLanes, int kHalves>
void pack_interleaved(const DepthwiseQ8& c, const uint8_t* weights, const int32_t* bias, void* packed) {
  const Window2d& w = c.window;
  const PackedLayout<kLanes, kHalves> at(c);
  char* base = static_cast<char*>(packed);
  std::memset(base, 0, at.wide);
  int32_t* used_parts = reinterpret_cast<int32_t*>(base + at.used_parts);
  bool wide = false;
  auto weight = [&](int64_t i, int64_t j, int64_t o) {
    return static_cast<int8_t>(weights[(i * w.kernel_w + j) * w.out_c + o] ^ c.weight_flip) - c.weight_zero;
  };
  start_fused_table(base + at.fused, c.input_zero);
  for (int64_t b = 0; b < at.blocks; ++b) {
    const Block block = block_at<kLanes>(w.out_c, b);
    used_parts[b] = 1;
    bool fused = c.multipliers != nullptr && c.low >= c.output_zero;
    for (int64_t entry = 0; entry < at.kEntries; ++entry) {
      const int64_t in_block = entry_channel(entry, kLanes, block.width), o = block.channel + in_block;
      const bool real = in_block < block.channels;
      int32_t sum = 0;
      const int64_t center = real && bias ? bias[o] : 0;
      int64_t reach = 0, positive = 0;
      for (int64_t i = 0; real && i < w.kernel_h; ++i)
        for (int64_t j = 0; j < w.kernel_w; ++j) {
          const int32_t value = weight(i, j, o);
          sum = wrapping_add(sum, value);
          reach += 255 * (value < 0 ? -value : value);
          positive += value > 0 ? value : 0;
          for (int64_t part = 0; part < at.parts; ++part) {
            const int32_t own = kHalves > 1 ? value : weight_part(value, part);
            if (own != 0 && part >= used_parts[b]) used_parts[b] = static_cast<int32_t>(part + 1);
            for (int64_t r = 0; r < at.rows.together; ++r) {
              const int64_t slot = r * w.stride_h * (at.rows.together > 1) + i;
              const int64_t tap = (part * at.rows.groups + slot / 4) * w.kernel_w + j;
              char* row = base + b * at.block_bytes + r * at.row_bytes;
              if (kHalves == 1) {
                row[(tap * at.kEntries + entry) * 4 + slot % 4] = static_cast<char>(own);
              } else {
                const int16_t word = static_cast<int16_t>(own);
                const int64_t half = 2 * tap + slot % 2;
                std::memcpy(row + (half * at.kEntries + entry) * 4 + slot % 4 / 2 * 2, &word, sizeof word);
              }
            }
          }
        }
      const int64_t e = b * at.kEntries + entry;
      std::memcpy(base + at.sum + 4 * e, &sum, sizeof sum);
      if (c.multipliers != nullptr) {
        const Multiplier m = real ? c.multipliers[o] : Multiplier{};
        wide = wide || !narrow_fits(m, center, reach);
        set_narrow(m, center, reach, base + at.narrow + 4 * e, static_cast<size_t>(at.entries));
        if (fused && real) {
          const int32_t first = static_cast<int32_t>(center);
          FusedRescale found;
          fused = find_fused_rescale(m, sum_range(first, positive, reach / 255 - positive, c.input_zero), c.output_zero,
                                     c.low, c.high, found);
          if (fused) set_fused(found, first, base + at.fused, at.entries, e);
        }
      }
      int32_t start;  // the table's bias, or 0 where there is no table
      std::memcpy(&start, base + at.narrow + 4 * e, sizeof start);
      start = wrapping_add(start, real && bias ? bias[o] : 0);
      std::memcpy(base + at.start + 4 * e, &start, sizeof start);
    }
    if (fused) set_fused_block(base + at.fused, at.entries, b);
  }
  base[at.is_wide] = wide;
  if (wide) build_requantize_table(c.multipliers, w.out_c, base + at.wide);
}

// Interleaved columns of one block for n output columns: [groups][stride_w][kHalves][4 vectors][places][16 * width
// bytes], where place p of residue r is input column p * stride_w + r - pad_w, from the first output column's on.
struct Columns {
  int64_t places, quarter, residue;  // places of one residue; bytes of a vector's and of a residue's part

  Columns(const Window2d& w, int64_t n, int64_t width, int64_t lanes, int64_t halves)
      : places(places_of(w, n, lanes / width)) {
    quarter = places * 16 * width;
    if (quarter % 4096 == 0) quarter += 64;  // stores would look like later loads
    residue = halves * 4 * quarter;
  }
  // For n output columns, `pixels` in a vector.
  static int64_t places_of(const Window2d& w, int64_t n, int64_t pixels) {
    return round_up(round_up(n, pixels) + (w.kernel_w - 1) * w.dilation_w / w.stride_w, pixels);
  }
  // Where tap (group, j) of output column 0 begins.
  int64_t tap(const Window2d& w, int64_t group, int64_t j, int64_t width) const {
    const int64_t column = j * w.dilation_w;
    return (group * w.stride_w + column % w.stride_w) * residue + column / w.stride_w * 16 * width;
  }
};

// What is interleaved at a time: n output columns, and the rows that they need.
struct Strip {
  Window2d window;
  int64_t groups, n;
};

// Offsets in bytes of: first accumulators [entries], offsets of taps for blocks of either width, accumulators of one
// vector group, a pixel of zero points, columns of a strip.
template <int kLanes, int kHalves>
struct ScratchLayout {
  size_t taps, acc, zeros, columns, bytes;

  ScratchLayout(const DepthwiseQ8& c, const Strip& strip) {
    const PackedLayout<kLanes, kHalves> packed(c);
    taps = static_cast<size_t>(packed.entries) * sizeof(int32_t);
    acc = taps + 2 * static_cast<size_t>(round_up(packed.taps, 8)) * sizeof(int64_t);
    zeros = acc + packed.kEntries * sizeof(int32_t);
    columns = zeros + 64;
    int64_t most = 0;
    for (int64_t width = kLanes; width > 0; width /= 2) {
      const int64_t residue = Columns(strip.window, strip.n, width, kLanes, kHalves).residue;
      most = residue > most ? residue : most;
    }
    bytes = columns + static_cast<size_t>(strip.groups * strip.window.stride_w * most);
  }
};

// Where columns lie apart by more than the picture is wide, or far apart, other kernels are better.
inline bool takes_interleaved(const DepthwiseQ8& c) {
  const Window2d& w = c.window;
  return c.multiplier() == 1 && w.stride_w <= 4 && (w.kernel_w - 1) * w.dilation_w <= w.in_w + 64;
}

}  // namespace
}  // namespace sanderling
