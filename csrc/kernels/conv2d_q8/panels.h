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

// How far the products of channel o can go from 0.
inline int64_t reach(const Conv2dQ8& c, const uint8_t* weights, int64_t o) {
  const int64_t depth = c.depth();
  int64_t magnitude = 0;
  for (int64_t k = 0; k < depth; ++k) {
    const int32_t w = static_cast<int8_t>(weights[o * depth + k] ^ c.flip) - c.weight_zero;
    magnitude += w < 0 ? -w : w;
  }
  return 255 * magnitude;
}

// Whether NarrowTable can take every channel.
inline bool all_narrow(const Conv2dQ8& c, const uint8_t* weights, const int32_t* bias) {
  for (int64_t o = 0; o < c.window.out_c; ++o)
    if (!narrow_fits(c.multipliers[o], bias ? bias[o] : 0, reach(c, weights, o))) return false;
  return true;
}

// The packed weights of one convolution, as views.
template <class Weight>
struct Panels {
  const Weight* weights;  // [groups][panels][row_length / kStep][channels of the panel][kStep]
  const int32_t* start;   // bias, and that of NarrowTable or 2^31; padded channels of each group
  const int32_t* sum;     // of weights
  NarrowTable narrow;
  const RequantizeTable* wide;  // where narrow does not hold, else null
};

// What a tile is given beside its operands.
template <class Output>
struct TileStage {
  int32_t input_zero;        // of unsigned activations
  const int32_t* row_terms;  // of its pixels; null where the weights' zero point is 0
  NarrowTable narrow;
  Output output;
};

// One tile: `channels` from `channel` (padded) on; `steps` of kStep weights. With acc_out the accumulators are stored
// there, kPanel in a row, else rescaled bytes at out.
template <class Tiles>
struct TileArguments {
  const typename Tiles::Activation* a;
  int64_t a_stride;
  const typename Tiles::Weight* w;
  int64_t steps;
  int64_t channel, channels;
  uint8_t* out;
  int64_t out_stride;
  int32_t* acc_out;
};

template <class Tiles>
struct PanelKernel {
  using Weight = typename Tiles::Weight;
  using Activation = typename Tiles::Activation;
  static constexpr int kLanes = Tiles::kLanes, kPanel = Tiles::kPanel, kRows = Tiles::kRows, kStep = Tiles::kStep;
  static constexpr int64_t kPatchBytes = 24576;  // of gathered rows: half of an L1 cache
  static constexpr int64_t kMostPixels = 8 * kRows;
  static constexpr bool kWidens = sizeof(Activation) > 1;

  struct Layout {
    int64_t padded;  // channels of one group
    size_t start, sum, narrow, is_wide, wide, bytes;

    explicit Layout(const Conv2dQ8& c) {
      padded = round_up(c.group_out(), kLanes);
      const size_t all = static_cast<size_t>(c.groups * padded);
      start =
          static_cast<size_t>(round_up(c.groups * padded * row_length(c) * static_cast<int64_t>(sizeof(Weight)), 64));
      sum = start + all * sizeof(int32_t);
      narrow = sum + all * sizeof(int32_t);
      is_wide = narrow + narrow_table_bytes(c.groups * padded);
      wide = is_wide + 16;
      bytes = wide + sizeof(RequantizeTable) + requantize_table_bytes(c.window.out_c);
    }
  };

  static bool takes(const Conv2dQ8&) noexcept { return true; }
  static size_t packed_bytes(const Conv2dQ8& c) noexcept { return Layout(c).bytes; }

  static void pack_panel(const Conv2dQ8& c, const uint8_t* weights, int64_t channels, int64_t panel, Weight* to) {
    const int64_t depth = c.depth(), length = row_length(c);
    for (int64_t k = 0; k < length; k += kStep)
      for (int64_t o = 0; o < panel; ++o)
        for (int64_t j = k; j < k + kStep; ++j)
          *to++ = o < channels && j < depth ? static_cast<int8_t>(weights[o * depth + j] ^ c.flip) : int8_t{0};
  }

  static void pack(const Conv2dQ8& c, const uint8_t* weights, const int32_t* bias, void* packed) noexcept {
    const Layout at(c);
    const int64_t out = c.group_out(), depth = c.depth(), length = row_length(c);
    char* base = static_cast<char*>(packed);
    Weight* to = static_cast<Weight*>(packed);
    int32_t* start = reinterpret_cast<int32_t*>(base + at.start);
    int32_t* sum = reinterpret_cast<int32_t*>(base + at.sum);
    const bool wide = c.multipliers != nullptr && !all_narrow(c, weights, bias);
    std::memcpy(base + at.is_wide, &wide, sizeof wide);
    if (wide) {
      RequantizeTable table = build_requantize_table(c.multipliers, c.window.out_c, base + at.wide + sizeof table);
      std::memcpy(base + at.wide, &table, sizeof table);
    }
    const bool narrow = c.multipliers != nullptr && !wide;
    const size_t all = static_cast<size_t>(c.groups * at.padded);
    for (int64_t g = 0; g < c.groups; ++g) {
      const uint8_t* from = weights + g * out * depth;
      for (int64_t o = 0; o < at.padded; o += kPanel) {
        const int64_t panel = at.padded - o < kPanel ? at.padded - o : kPanel;
        pack_panel(c, from + o * depth, out - o, panel, to);
        to += panel * length;
      }
      uint32_t* table = reinterpret_cast<uint32_t*>(base + at.narrow) + g * at.padded;
      for (int64_t o = 0; o < at.padded; ++o) {
        uint32_t total = 0;
        for (int64_t k = 0; k < depth && o < out; ++k)
          total += static_cast<uint32_t>(static_cast<int8_t>(from[o * depth + k] ^ c.flip));
        sum[g * at.padded + o] = static_cast<int32_t>(total);
        const int64_t real = g * out + o;
        const int32_t b = bias && o < out ? bias[real] : 0;
        if (narrow && o < out)
          set_narrow(c.multipliers[real], b, reach(c, weights, real), table + o, all);
        else
          set_narrow({}, 0, 0, table + o, all);
        const uint32_t from = narrow ? table[o] : uint32_t{1} << 31;
        start[g * at.padded + o] = static_cast<int32_t>(static_cast<uint32_t>(b) + from);
      }
    }
  }

  static Panels<Weight> view(const Conv2dQ8& c, const Layout& at, const void* packed) {
    const char* base = static_cast<const char*>(packed);
    bool wide;
    std::memcpy(&wide, base + at.is_wide, sizeof wide);
    return {static_cast<const Weight*>(packed), reinterpret_cast<const int32_t*>(base + at.start),
            reinterpret_cast<const int32_t*>(base + at.sum),
            view_narrow_table(base + at.narrow, static_cast<size_t>(c.groups * at.padded)),
            wide ? reinterpret_cast<const RequantizeTable*>(base + at.wide) : nullptr};
  }

  static int64_t block_pixels(const Conv2dQ8& c) {
    const int64_t n = kPatchBytes / (row_length(c) * static_cast<int64_t>(sizeof(Activation))) / kRows * kRows;
    return n < kRows ? kRows : (n > kMostPixels ? kMostPixels : n);
  }

  // Scratch: accumulators of a tile, row terms, gathered rows, widened rows.
  static constexpr size_t kAccBytes = kRows * kPanel * sizeof(int32_t);
  static constexpr size_t kTermBytes = kMostPixels * sizeof(int32_t);

  static size_t rows_bytes(const Conv2dQ8& c) {
    return reads_input(c) ? 0 : static_cast<size_t>(round_up(block_pixels(c) * row_length(c), 64));
  }
  static size_t scratch_bytes(const Conv2dQ8& c) noexcept {
    const size_t widened = static_cast<size_t>(block_pixels(c) * row_length(c)) * sizeof(Activation);
    return kAccBytes + kTermBytes + rows_bytes(c) + (kWidens ? widened : 0);
  }

  // -weight_zero * (sum(u) - depth * input_zero) for each row.
  static void sum_rows(const Conv2dQ8& c, const uint8_t* rows, int64_t n, int32_t* terms) {
    const int64_t depth = c.depth();
    const uint32_t zeros = static_cast<uint32_t>(depth) * static_cast<uint32_t>(c.input_zero + 128);
    const uint32_t factor = static_cast<uint32_t>(-c.weight_zero);
    Tiles::sums(rows, row_length(c), n, depth, terms);
    for (int64_t r = 0; r < n; ++r) terms[r] = static_cast<int32_t>(factor * (static_cast<uint32_t>(terms[r]) - zeros));
  }

  // Accumulators of a tile to where they go when the narrow form does not hold or no rescaling is wanted.
  static void finish(const Conv2dQ8& c, const Panels<Weight>& p, const int32_t* acc, int64_t rows, int64_t n,
                     int64_t pixel, int64_t channel, void* output) {
    const OutputStage stage{c.output_zero, c.low, c.high, c.flip};
    for (int64_t r = 0; r < rows; ++r, acc += kPanel) {
      const int64_t at = (pixel + r) * c.window.out_c + channel;
      if (c.multipliers == nullptr)
        std::memcpy(static_cast<int32_t*>(output) + at, acc, static_cast<size_t>(n) * sizeof(int32_t));
      else
        requantize_row(acc, *p.wide, channel, n, stage, static_cast<uint8_t*>(output) + at);
    }
  }

  static void run(const Conv2dQ8& c, const void* packed, const uint8_t* input, void* output, Conv2dQ8Part part,
                  void* scratch) noexcept {
    const int64_t length = row_length(c), block = block_pixels(c), out = c.group_out(), out_c = c.window.out_c;
    const Layout at(c);
    const Panels<Weight> p = view(c, at, packed);
    char* memory = static_cast<char*>(scratch);
    int32_t* acc = reinterpret_cast<int32_t*>(memory);
    int32_t* terms = reinterpret_cast<int32_t*>(memory + kAccBytes);
    uint8_t* rows = reinterpret_cast<uint8_t*>(memory + kAccBytes + kTermBytes);
    Activation* widened = reinterpret_cast<Activation*>(memory + kAccBytes + kTermBytes + rows_bytes(c));
    const bool direct = reads_input(c), to_bytes = c.multipliers != nullptr && p.wide == nullptr;
    const typename Tiles::Copy copy(static_cast<uint8_t>(c.flip ^ 0x80));
    TileStage<typename Tiles::Output> stage{c.input_zero + 128, nullptr, p.narrow,
                                            typename Tiles::Output(c.output_zero, c.low, c.high, c.flip)};
    const int64_t first = c.groups == 1 ? part.channel_begin : 0, last = c.groups == 1 ? part.channel_end : out;
    if (!direct && length != c.depth()) std::memset(rows, 0, static_cast<size_t>(block * length));

    for (int64_t begin = part.pixel_begin; begin < part.pixel_end; begin += block) {
      const int64_t pixels = part.pixel_end - begin < block ? part.pixel_end - begin : block;
      // Tiles of nearly equal height.
      const int64_t tiles = (pixels + kRows - 1) / kRows, height = pixels / tiles, taller = pixels % tiles;
      for (int64_t g = 0; g < c.groups; ++g) {
        const uint8_t* bytes = direct ? input + begin * length : rows;
        if (!direct) gather(c, copy, input, g, begin, pixels, rows);
        if (c.weight_zero != 0) sum_rows(c, bytes, pixels, terms);
        const Activation* a;
        if constexpr (kWidens) {
          Tiles::widen(bytes, pixels * length, widened);
          a = widened;
        } else {
          a = bytes;
        }
        for (int64_t o = first; o < last; o += kPanel) {
          const int64_t padded = at.padded - o < kPanel ? at.padded - o : kPanel;
          const int64_t n = last - o < padded ? last - o : padded;
          TileArguments<Tiles> t{a,
                                 length,
                                 p.weights + (g * at.padded + o) * length,
                                 length / kStep,
                                 g * at.padded + o,
                                 n,
                                 nullptr,
                                 out_c,
                                 to_bytes ? nullptr : acc};
          int64_t r = 0;
          for (int64_t i = 0; i < tiles; ++i) {
            const int64_t size = height + (i < taller ? 1 : 0);
            if (c.weight_zero != 0) stage.row_terms = terms + r;
            t.a = a + r * length;
            if (to_bytes) t.out = static_cast<uint8_t*>(output) + (begin + r) * out_c + g * out + o;
            Tiles::tile(padded, size)(t, p, stage);
            if (!to_bytes) finish(c, p, acc, size, n, begin + r, g * out + o, output);
            r += size;
          }
        }
      }
    }
  }

  static constexpr Conv2dQ8Kernel kernel() {
    return {takes, kMostPixels, kPanel, packed_bytes, pack, scratch_bytes, run};
  }
};

}  // namespace
}  // namespace sanderling
