// What the NEON kernel with dot products packs, in plain C++: for the kernel, and for packing on another processor
// (packers.cc). Weights are for blocks of eight channels whose four input rows are interleaved, so that each channel
// has its four bytes together (see row_groups.h).
//
// The zero point of the input goes into the bias of a run (bias - input_zero * sum of weights), so that raw bytes are
// multiplied; pixels outside the picture then have to be input_zero. Weights that are no bytes are sums of two or
// three bytes, which are multiplied in turn. The last block begins at out_c - 8: channels that two blocks share are
// computed twice.
#pragma once

#include <cstring>

#include "kernels/depthwise_q8/row_groups.h"
#include "quant/fused_table.h"
#include "quant/requantize_neon_kind.h"

namespace sanderling {
namespace {
namespace dots {

constexpr int64_t kBlock = 8;
constexpr int64_t kColumn = 4 * kBlock;  // bytes of an interleaved column: channels 0 to 3, 4 to 7, four rows each

inline size_t align64(size_t bytes) { return (bytes + 63) / 64 * 64; }

// Packed: Header, fused_table.h's table, then for each block a record: BlockHeader, then weights
// [together][parts][groups][kernel_w][kColumn].
struct Header {
  RequantizeNeon kind;
};

struct BlockHeader {
  int32_t multiplier[kBlock], shift[kBlock], bias[kBlock], sum[kBlock];
  int64_t parts;
  int64_t padding[7];
};

// The first channel of a block.
inline int64_t block_start(const Window2d& w, int64_t block) { return smaller(block * kBlock, w.out_c - kBlock); }

struct PackedLayout {
  int64_t blocks, parts, taps;
  RowGroups rows;
  size_t row_bytes, record_bytes, fused, records, bytes;

  explicit PackedLayout(const DepthwiseQ8& c) {
    blocks = (c.window.out_c + kBlock - 1) / kBlock;
    parts = weight_parts(c);
    rows = row_groups(c.window);
    taps = rows.groups * c.window.kernel_w;
    row_bytes = static_cast<size_t>(parts * taps * kColumn);
    record_bytes = align64(sizeof(BlockHeader) + static_cast<size_t>(rows.together) * row_bytes);
    fused = align64(sizeof(Header));
    records = fused + align64(fused_table_bytes(blocks * kBlock, blocks));
    bytes = records + static_cast<size_t>(blocks) * record_bytes;
  }
};

inline void pack_columns(const DepthwiseQ8& c, const uint8_t* weights, const int32_t* bias, void* packed) {
  const Window2d& w = c.window;
  const PackedLayout at(c);
  char* base = static_cast<char*>(packed);
  std::memset(base, 0, at.bytes);
  bool fit = true;
  start_fused_table(base + at.fused, c.input_zero);
  for (int64_t b = 0; b < at.blocks; ++b) {
    char* record = base + at.records + static_cast<size_t>(b) * at.record_bytes;
    BlockHeader header{};
    bool fused = c.flip == 0 && c.is_whole_relu();
    const int64_t start = block_start(w, b);
    header.parts = 1;
    for (int64_t k = 0; k < kBlock; ++k) {
      const int64_t o = start + k;
      header.multiplier[k] = c.multipliers[o].multiplier;
      header.shift[k] = c.multipliers[o].shift;
      header.bias[k] = bias ? bias[o] : 0;
      int64_t size = 0, positive = 0;
      for (int64_t i = 0; i < w.kernel_h; ++i)
        for (int64_t j = 0; j < w.kernel_w; ++j) {
          const int32_t value =
              static_cast<int8_t>(weights[(i * w.kernel_w + j) * w.out_c + o] ^ c.weight_flip) - c.weight_zero;
          header.sum[k] = wrapping_add(header.sum[k], value);
          size += value < 0 ? -value : value;
          positive += value > 0 ? value : 0;
          for (int64_t part = 0; part < at.parts; ++part) {
            const int32_t own = weight_part(value, part);
            if (own != 0 && part >= header.parts) header.parts = part + 1;
            for (int64_t r = 0; r < at.rows.together; ++r) {
              const int64_t slot = r * w.stride_h * (at.rows.together > 1) + i;
              const int64_t tap = (part * at.rows.groups + slot / 4) * w.kernel_w + j;
              char* row = record + sizeof(BlockHeader) + static_cast<size_t>(r) * at.row_bytes;
              row[tap * kColumn + k * 4 + slot % 4] = static_cast<char>(own);
            }
          }
        }
      fit = fit && fits_words(c.multipliers[o], header.bias[k], size);
      FusedRescale found;
      fused = fused &&
              find_fused_rescale(c.multipliers[o], sum_range(header.bias[k], positive, size - positive, c.input_zero),
                                 c.output_zero, c.low, c.high, found);
      if (fused) set_fused(found, header.bias[k], base + at.fused, at.blocks * kBlock, b * kBlock + k);
    }
    if (fused) set_fused_block(base + at.fused, at.blocks * kBlock, b);
    std::memcpy(record, &header, sizeof header);
  }
  Header header{requantize_neon_kind(c.multipliers, w.out_c, c.output_zero, c.low)};
  if (!fit) header.kind = RequantizeNeon::kAny;
  std::memcpy(base, &header, sizeof header);
}

struct Packing {
  static bool takes(const DepthwiseQ8& c) noexcept {
    const Window2d& w = c.window;
    return c.multipliers != nullptr && w.out_c >= kBlock && c.multiplier() == 1 && w.stride_w <= 4 &&
           (w.kernel_w - 1) * w.dilation_w <= w.in_w + 64;
  }
  static size_t packed_bytes(const DepthwiseQ8& c) noexcept { return PackedLayout(c).bytes; }
  static void pack(const DepthwiseQ8& c, const uint8_t* weights, const int32_t* bias, void* packed) noexcept {
    pack_columns(c, weights, bias, packed);
  }
};

}  // namespace dots
}  // namespace
}  // namespace sanderling
