// Packed weights for kernels that multiply unsigned activations u = x + 128 by signed weights, four at a time, in
// panels of kPanel output channels; kLanes is the number of int32 in a vector. With zu = input_zero + 128, over the
// window:
//
//   acc = bias - zu * sum(w) + sum(u * w) - weight_zero * (sum(u) - depth * zu)
#pragma once

#include "kernels/conv2d_q8/patches.h"
#include "quant/narrow_requantize.h"
#include "quant/requantize_rows.h"

namespace sanderling {
namespace {

// The packed weights of one convolution, as views.
struct Panels {
  const int8_t* weights;  // [groups][panels][row_length / 4][channels of the panel][4]
  const int32_t* start;   // bias + 2^31; padded channels of each group
  const int32_t* sum;     // of weights
  NarrowTable narrow;
  const RequantizeTable* wide;  // where narrow does not hold, else null
};

template <int kLanes>
struct PanelLayout {
  int64_t padded;  // channels of one group
  size_t start, sum, narrow, is_wide, wide, bytes;

  explicit PanelLayout(const Conv2dQ8& c) {
    padded = round_up(c.group_out(), kLanes);
    const size_t all = static_cast<size_t>(c.groups * padded);
    start = static_cast<size_t>(round_up(c.groups * padded * row_length(c), 64));
    sum = start + all * sizeof(int32_t);
    narrow = sum + all * sizeof(int32_t);
    is_wide = narrow + narrow_table_bytes(c.groups * padded);
    wide = is_wide + 16;
    bytes = wide + sizeof(RequantizeTable) + requantize_table_bytes(c.groups * padded);
  }
};

template <int kLanes, int kPanel>
void pack_panel(const Conv2dQ8& c, const uint8_t* weights, int64_t channels, int64_t panel, int8_t* to) {
  const int64_t depth = c.depth(), length = row_length(c);
  for (int64_t k = 0; k < length; k += 4)
    for (int64_t o = 0; o < panel; ++o)
      for (int64_t j = k; j < k + 4; ++j)
        *to++ = o < channels && j < depth ? static_cast<int8_t>(weights[o * depth + j] ^ c.flip) : int8_t{0};
}

// Whether every accumulator of every channel is small enough for NarrowTable.
inline bool all_narrow(const Conv2dQ8& c, const uint8_t* weights, const int32_t* bias) {
  const int64_t depth = c.depth();
  for (int64_t o = 0; o < c.window.out_c; ++o) {
    int64_t magnitude = 0;
    for (int64_t k = 0; k < depth; ++k) {
      const int32_t w = static_cast<int8_t>(weights[o * depth + k] ^ c.flip) - c.weight_zero;
      magnitude += w < 0 ? -w : w;
    }
    int64_t largest = bias ? bias[o] : 0;
    largest = (largest < 0 ? -largest : largest) + 255 * magnitude;
    if (!narrow_fits(c.multipliers[o], largest, c.output_zero)) return false;
  }
  return true;
}

template <int kLanes, int kPanel>
void pack_panels(const Conv2dQ8& c, const uint8_t* weights, const int32_t* bias, void* packed) {
  const PanelLayout<kLanes> at(c);
  const int64_t out = c.group_out(), depth = c.depth(), length = row_length(c);
  char* base = static_cast<char*>(packed);
  int8_t* to = static_cast<int8_t*>(packed);
  int32_t* start = reinterpret_cast<int32_t*>(base + at.start);
  int32_t* sum = reinterpret_cast<int32_t*>(base + at.sum);
  for (int64_t g = 0; g < c.groups; ++g) {
    const uint8_t* from = weights + g * out * depth;
    for (int64_t o = 0; o < at.padded; o += kPanel) {
      const int64_t panel = at.padded - o < kPanel ? at.padded - o : kPanel;
      pack_panel<kLanes, kPanel>(c, from + o * depth, out - o, panel, to);
      to += panel * length;
    }
    for (int64_t o = 0; o < at.padded; ++o) {
      uint32_t total = 0;
      for (int64_t k = 0; k < depth && o < out; ++k)
        total += static_cast<uint32_t>(static_cast<int8_t>(from[o * depth + k] ^ c.flip));
      sum[g * at.padded + o] = static_cast<int32_t>(total);
      const int32_t b = bias && o < out ? bias[g * out + o] : 0;
      start[g * at.padded + o] = static_cast<int32_t>(static_cast<uint32_t>(b) ^ uint32_t{1} << 31);
    }
  }
  const bool wide = c.multipliers != nullptr && !all_narrow(c, weights, bias);
  std::memcpy(base + at.is_wide, &wide, sizeof wide);
  if (c.multipliers == nullptr) return;
  if (wide) {
    RequantizeTable table = build_requantize_table(c.multipliers, c.window.out_c, base + at.wide + sizeof table);
    std::memcpy(base + at.wide, &table, sizeof table);
  } else {
    // Group by group, as groups are padded.
    const size_t all = static_cast<size_t>(c.groups * at.padded);
    uint32_t* table = reinterpret_cast<uint32_t*>(base + at.narrow);
    for (int64_t g = 0; g < c.groups; ++g)
      build_narrow_table(c.multipliers + g * out, out, at.padded, c.output_zero, table + g * at.padded, all);
  }
}

template <int kLanes>
Panels view_panels(const Conv2dQ8& c, const void* packed) {
  const PanelLayout<kLanes> at(c);
  const char* base = static_cast<const char*>(packed);
  bool wide;
  std::memcpy(&wide, base + at.is_wide, sizeof wide);
  return {static_cast<const int8_t*>(packed), reinterpret_cast<const int32_t*>(base + at.start),
          reinterpret_cast<const int32_t*>(base + at.sum),
          view_narrow_table(base + at.narrow, static_cast<size_t>(c.groups * at.padded)),
          wide ? reinterpret_cast<const RequantizeTable*>(base + at.wide) : nullptr};
}

}  // namespace
}  // namespace sanderling
