// Packed weights for kernels that multiply activations u = x + shift, 128 where these must be unsigned, by signed
// weights, four at a time, in panels of kPanel output channels; kLanes is the number of int32 in a vector. With
// zu = input_zero + shift, over the window:
//
//   acc = bias - zu * sum(w) + sum(u * w) - weight_zero * (sum(u) - depth * zu)
#pragma once

#include "kernels/conv2d_q8/fuse.h"
#include "kernels/conv2d_q8/strips.h"
#include "quant/fused_table.h"
#include "quant/narrow_requantize.h"
#include "quant/requantize_rows.h"

namespace sanderling {
namespace {

// How far the products of one channel can go from 0, at most 2^32 - 1.
inline uint32_t products_reach(WeightSums w) {
  const int64_t reach = 255 * w.magnitude, most = 0xFFFFFFFF;
  return static_cast<uint32_t>(reach < most ? reach : most);
}

// The packed weights of one convolution, as views.
template <class Weight>
struct Panels {
  const Weight* weights;  // [groups][panels][row_length / kStep][channels of the panel][kStep]
  const int32_t* start;   // bias, and that of NarrowTable or 2^31; padded channels of each group
  const int32_t* sum;     // of weights
  NarrowTable narrow;
  FusedTable fused;
  RequantizeTable wide;  // where narrow does not hold
  bool is_wide;
};

// What a tile is given beside its operands.
template <class Output>
struct TileStage {
  int32_t input_zero;        // shifted
  const int32_t* row_terms;  // of its pixels; null where the weights' zero point is 0
  NarrowTable narrow;
  Output output;
};

// One tile: `channels` from `channel` (padded) on; `pieces` of activations, a_piece apart, each `steps` of kStep. With
// acc_out the accumulators are stored there, kPanel in a row, else rescaled bytes at out.
template <class Tiles>
struct TileArguments {
  const typename Tiles::Activation* a;
  int64_t a_stride, a_piece;
  const typename Tiles::Weight* w;
  int64_t pieces, steps;
  int64_t channel, channels;
  const int32_t* start;  // of all channels
  bool fused;
  uint8_t* out;
  int64_t out_stride;
  int32_t* acc_out;
};

// What tiles have unless they say otherwise: unsigned activations, four at a time, one tile in a call.
struct TileDefaults {
  static constexpr bool kSubtracts = false;  // weights hold no zero point
  static constexpr bool kByPanel = false, kRepeats = false;
  static int shift(const Conv2dQ8&) { return 128; }
  static int64_t padded(int64_t bytes) { return round_up(bytes, 4); }
  static bool takes(const Conv2dQ8&) noexcept { return true; }
  static constexpr decltype(Conv2dQ8Kernel::pays) pays = nullptr;
  struct Setting {
    explicit Setting(const Pieces&) {}
  };
};

// Tiles: see tiles_256.h. Those with kByPanel go through the pixels of a panel by themselves: panel().
template <class Tiles>
struct PanelKernel {
  using Weight = typename Tiles::Weight;
  using Activation = typename Tiles::Activation;
  static constexpr int kLanes = Tiles::kLanes, kPanel = Tiles::kPanel, kRows = Tiles::kRows, kStep = Tiles::kStep;
  static constexpr int64_t kPatchBytes = 24576;  // of gathered rows or strips: half of an L1 cache
  static constexpr int64_t kMostPixels = 8 * kRows, kPixelStep = Tiles::kByPanel ? kRows / 2 : kMostPixels;
  static constexpr bool kWidens = sizeof(Activation) > 1;

  struct Layout {
    int64_t padded;  // channels of one group
    size_t start, sum, narrow, is_wide, fused, wide, bytes;

    explicit Layout(const Conv2dQ8& c) {
      padded = round_up(c.group_out(), kLanes);
      const size_t all = static_cast<size_t>(c.groups * padded);
      start =
          static_cast<size_t>(round_up(c.groups * padded * pieces(c).all() * static_cast<int64_t>(sizeof(Weight)), 64));
      sum = start + all * sizeof(int32_t);
      narrow = sum + all * sizeof(int32_t);
      is_wide = narrow + narrow_table_bytes(c.groups * padded);
      fused = is_wide + 16;
      wide = fused + fused_table_bytes(c.groups * padded, c.groups * panels(padded));
      bytes = wide + requantize_table_bytes(c.window.out_c);
    }
  };

  // Of the weights as they are packed.
  static int32_t weight_zero(const Conv2dQ8& c) { return Tiles::kSubtracts ? 0 : c.weight_zero; }
  static int64_t panels(int64_t padded) { return (padded + kPanel - 1) / kPanel; }

  static Pieces pieces(const Conv2dQ8& c) { return Pieces(c, Tiles::padded); }
  static size_t packed_bytes(const Conv2dQ8& c) noexcept { return Layout(c).bytes; }

  static void pack_panel(const Conv2dQ8& c, const uint8_t* weights, int64_t channels, int64_t panel, Weight* to) {
    const int64_t depth = c.depth();
    const Pieces at = pieces(c);
    const int32_t zero = c.weight_zero - weight_zero(c);
    for (int64_t i = 0; i < at.count; ++i, weights += at.bytes)
      for (int64_t k = 0; k < at.length; k += kStep)
        for (int64_t o = 0; o < panel; ++o)
          for (int64_t j = k; j < k + kStep; ++j)
            *to++ = o < channels && j < at.bytes
                        ? static_cast<Weight>(static_cast<int8_t>(weights[o * depth + j] ^ c.weight_flip) - zero)
                        : Weight{0};
  }

  static void pack(const Conv2dQ8& c, const uint8_t* weights, const int32_t* bias, void* packed) noexcept {
    const Layout at(c);
    const int64_t out = c.group_out(), depth = c.depth(), length = pieces(c).all();
    char* base = static_cast<char*>(packed);
    Weight* to = static_cast<Weight*>(packed);
    int32_t* start = reinterpret_cast<int32_t*>(base + at.start);
    int32_t* sum = reinterpret_cast<int32_t*>(base + at.sum);
    uint32_t* table = reinterpret_cast<uint32_t*>(base + at.narrow);
    const size_t all = static_cast<size_t>(c.groups * at.padded);
    const auto bias_of = [&](int64_t o) { return bias ? bias[o] : 0; };
    // The first array of the table holds what each channel reaches until its entry is made.
    bool fits = true;
    for (int64_t g = 0; g < c.groups; ++g)
      for (int64_t o = 0; o < out; ++o) {
        const int64_t channel = g * out + o, padded = g * at.padded + o;
        const WeightSums sums = weight_sums(c, weights + channel * depth);
        sum[padded] = static_cast<int32_t>(sums.sum + depth * weight_zero(c));
        table[padded] = products_reach(sums);
        if (c.multipliers != nullptr && fits)
          fits = narrow_fits(c.multipliers[channel], bias_of(channel), table[padded]);
      }
    const bool wide = c.multipliers != nullptr && !fits;
    base[at.is_wide] = wide;
    if (wide) build_requantize_table(c.multipliers, c.window.out_c, base + at.wide);
    const bool narrow = c.multipliers != nullptr && !wide;
    std::memset(base + at.fused, 0, at.wide - at.fused);
    start_fused_table(base + at.fused, c.input_zero);
    if (narrow && c.low >= c.output_zero) pack_fused(c, at, sum, table, bias, base + at.fused);
    for (int64_t g = 0; g < c.groups; ++g) {
      const uint8_t* from = weights + g * out * depth;
      for (int64_t o = 0; o < at.padded; o += kPanel) {
        const int64_t panel = at.padded - o < kPanel ? at.padded - o : kPanel;
        pack_panel(c, from + o * depth, out - o, panel, to);
        to += panel * length;
      }
      for (int64_t o = 0; o < at.padded; ++o) {
        const int64_t channel = g * out + o, padded = g * at.padded + o;
        uint32_t* entry = table + padded;
        const int32_t b = o < out ? bias_of(channel) : 0;
        if (o >= out) sum[padded] = 0;
        if (narrow && o < out)
          set_narrow(c.multipliers[channel], b, *entry, entry, all);
        else
          set_narrow({}, 0, 0, entry, all);
        start[padded] = static_cast<int32_t>(static_cast<uint32_t>(b) + (narrow ? *entry : uint32_t{1} << 31));
      }
    }
  }

  // From the sums of stored weights and how far products reach.
  static void pack_fused(const Conv2dQ8& c, const Layout& at, const int32_t* sum, const uint32_t* reach,
                         const int32_t* bias, void* memory) {
    const int64_t out = c.group_out(), all = c.groups * at.padded;
    for (int64_t g = 0; g < c.groups; ++g)
      for (int64_t o = 0; o < out; o += kPanel) {
        bool fused = true;
        for (int64_t i = o; fused && i < out && i < o + kPanel; ++i) {
          const int64_t channel = g * out + i, padded = g * at.padded + i;
          const int32_t b = bias ? bias[channel] : 0;
          const WeightSums sums{sum[padded] - c.depth() * weight_zero(c), reach[padded] / 255};
          FusedRescale found;
          fused = fuse_channel(c, channel, sums, b, found);
          if (fused) set_fused(found, b, memory, all, padded);
        }
        if (fused) set_fused_block(memory, all, g * panels(at.padded) + o / kPanel);
      }
  }

  static Panels<Weight> view(const Conv2dQ8& c, const Layout& at, const void* packed) {
    const char* base = static_cast<const char*>(packed);
    return {static_cast<const Weight*>(packed),
            reinterpret_cast<const int32_t*>(base + at.start),
            reinterpret_cast<const int32_t*>(base + at.sum),
            view_narrow_table(base + at.narrow, static_cast<size_t>(c.groups * at.padded)),
            view_fused_table(base + at.fused, c.groups * at.padded),
            view_requantize_table(base + at.wide, c.window.out_c),
            base[at.is_wide] != 0};
  }

  // Pixels that are gathered at a time.
  static int64_t block_pixels(const Conv2dQ8& c) {
    const Pieces at = pieces(c);
    const Window2d& w = c.window;
    if (Tiles::kByPanel && reads_input(c, Tiles::shift(c), at.length)) return kMostPixels;
    int64_t n = kPatchBytes / static_cast<int64_t>(sizeof(Activation));
    if (at.strips)
      n = (n / (at.count * w.in_c) - w.kernel_w) / w.stride_w + 1;
    else
      n /= at.length;
    n = n / kRows * kRows;
    n = n < kRows ? kRows : (n > kMostPixels ? kMostPixels : n);
    return at.strips && n > w.out_w ? w.out_w : n;
  }

  // Scratch: accumulators of a tile, row terms, sums of columns, gathered rows or strips, and these widened.
  static constexpr size_t kAccBytes = kRows * kPanel * sizeof(int32_t);
  static constexpr size_t kTermBytes = kMostPixels * sizeof(int32_t);

  struct Scratch {
    size_t columns, rows, widened, bytes;
    int64_t pitch, length;  // of strips; of all that is gathered

    explicit Scratch(const Conv2dQ8& c) : columns(kAccBytes + kTermBytes) {
      const Pieces at = pieces(c);
      const int64_t block = block_pixels(c);
      pitch = at.strips ? strip_pitch(c, at, block) : 0;
      length = at.strips ? at.count * pitch : block * at.length;
      rows = columns + (weight_zero(c) != 0 ? static_cast<size_t>(pitch) * sizeof(int16_t) : 0);
      widened = rows + (reads_input(c, Tiles::shift(c), at.length) ? 0 : static_cast<size_t>(round_up(length, 64)));
      bytes = widened + (kWidens ? static_cast<size_t>(length) * sizeof(Activation) : 0);
    }
  };
  static size_t scratch_bytes(const Conv2dQ8& c) noexcept { return Scratch(c).bytes; }

  // From the sums of n windows to -weight_zero * (sum(u) - depth * input_zero).
  static void make_terms(const Conv2dQ8& c, int64_t n, int32_t* terms) {
    const uint32_t zeros = static_cast<uint32_t>(c.depth()) * static_cast<uint32_t>(c.input_zero + Tiles::shift(c));
    const uint32_t factor = static_cast<uint32_t>(-c.weight_zero);
    for (int64_t r = 0; r < n; ++r) terms[r] = static_cast<int32_t>(factor * (static_cast<uint32_t>(terms[r]) - zeros));
  }

  // Sums of n windows of strips: of each column first.
  static void sum_strips(const Conv2dQ8& c, const uint8_t* strips, int64_t pitch, int64_t n, int16_t* columns,
                         int32_t* to) {
    const Window2d& w = c.window;
    const int64_t stride = w.stride_w * w.in_c, used = (n - 1) * stride + w.kernel_w * w.in_c;
    for (int64_t i = 0; i < used; ++i) columns[i] = strips[i];
    for (int64_t row = 1; row < w.kernel_h; ++row)
      for (int64_t i = 0; i < used; ++i) columns[i] = static_cast<int16_t>(columns[i] + strips[row * pitch + i]);
    Tiles::sums(columns, stride, n, w.kernel_w * w.in_c, to);
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
        requantize_row(acc, p.wide, channel, n, stage, static_cast<uint8_t*>(output) + at);
    }
  }

  static void run(const Conv2dQ8& c, const void* packed, const uint8_t* input, void* output, Conv2dQ8Part part,
                  void* scratch) noexcept {
    const Pieces pieces = PanelKernel::pieces(c);
    const int64_t length = pieces.length, block = block_pixels(c), out = c.group_out();
    const int64_t out_c = c.window.out_c, out_w = c.window.out_w;
    const Layout at(c);
    const Panels<Weight> p = view(c, at, packed);
    const Scratch memory(c);
    char* base = static_cast<char*>(scratch);
    int32_t* acc = reinterpret_cast<int32_t*>(base);
    int32_t* terms = reinterpret_cast<int32_t*>(base + kAccBytes);
    int16_t* columns = reinterpret_cast<int16_t*>(base + memory.columns);
    uint8_t* rows = reinterpret_cast<uint8_t*>(base + memory.rows);
    Activation* widened = reinterpret_cast<Activation*>(base + memory.widened);
    const int shift = Tiles::shift(c);
    const bool direct = reads_input(c, shift, length), to_bytes = c.multipliers != nullptr && !p.is_wide;
    const typename Tiles::Copy copy(static_cast<uint8_t>(c.flip ^ shift), c.input_zero + shift);
    const bool may_fuse = to_bytes && fused_table_holds(static_cast<const char*>(packed) + at.fused, c.input_zero);
    TileStage<typename Tiles::Output> stage{c.input_zero + shift, nullptr, p.narrow,
                                            typename Tiles::Output(c.output_zero, c.low, c.high, c.flip)};
    const int64_t first = c.groups == 1 ? part.channel_begin : 0, last = c.groups == 1 ? part.channel_end : out;
    [[maybe_unused]] typename Tiles::Setting setting(pieces);
    const int64_t stride = pieces.strips ? c.window.stride_w * c.window.in_c : length;
    if (!direct && !pieces.strips && length != c.depth()) std::memset(rows, 0, static_cast<size_t>(memory.length));

    for (int64_t begin = part.pixel_begin, pixels; begin < part.pixel_end; begin += pixels) {
      pixels = part.pixel_end - begin < block ? part.pixel_end - begin : block;
      if (pieces.strips && out_w - begin % out_w < pixels) pixels = out_w - begin % out_w;
      // Tiles of nearly equal height.
      const int64_t tiles = (pixels + kRows - 1) / kRows, height = pixels / tiles, taller = pixels % tiles;
      for (int64_t g = 0; g < c.groups; ++g) {
        const uint8_t* bytes = direct ? input + begin * length : rows;
        if (pieces.strips)
          copy_strips(c, pieces, copy, input, begin, pixels, memory.pitch, rows);
        else if (!direct)
          gather(c, copy, input, g, begin, pixels, length, rows);
        if (weight_zero(c) != 0) {
          if (pieces.strips)
            sum_strips(c, rows, memory.pitch, pixels, columns, terms);
          else
            Tiles::sums(bytes, length, pixels, c.depth(), terms);
          make_terms(c, pixels, terms);
        }
        const Activation* a;
        if constexpr (kWidens) {
          Tiles::widen(bytes, pieces.strips ? memory.length : pixels * length, shift == 0, widened);
          a = widened;
        } else {
          a = bytes;
        }
        for (int64_t o = first; o < last; o += kPanel) {
          const int64_t padded = at.padded - o < kPanel ? at.padded - o : kPanel;
          const int64_t n = last - o < padded ? last - o : padded;
          const bool fused = may_fuse && p.fused.has[g * panels(at.padded) + o / kPanel] != 0;
          TileArguments<Tiles> t{a,
                                 stride,
                                 memory.pitch,
                                 p.weights + (g * at.padded + o) * pieces.all(),
                                 pieces.count,
                                 length / kStep,
                                 g * at.padded + o,
                                 n,
                                 fused ? p.fused.start : p.start,
                                 fused,
                                 nullptr,
                                 out_c,
                                 to_bytes ? nullptr : acc};
          if (weight_zero(c) != 0) stage.row_terms = terms;
          if (to_bytes) t.out = static_cast<uint8_t*>(output) + begin * out_c + g * out + o;
          const auto finish_rows = [&](const int32_t* sums, int64_t first_row, int64_t count) {
            finish(c, p, sums, count, n, begin + first_row, g * out + o, output);
          };
          if constexpr (Tiles::kByPanel) {
            Tiles::panel(setting, c, t, p, stage, pixels, padded == kPanel, acc, finish_rows);
          } else {
            for (int64_t i = 0, r = 0, size, n_tiles; i < tiles; i += n_tiles, r += n_tiles * size) {
              size = height + (i < taller ? 1 : 0);
              n_tiles = 1;
              if constexpr (Tiles::kRepeats) {
                if (to_bytes) n_tiles = (i < taller ? taller : tiles) - i;
                Tiles::tile(padded, size)(t, p, stage, n_tiles);
              } else {
                Tiles::tile(padded, size)(t, p, stage);
              }
              if (!to_bytes) finish_rows(acc, r, size);
              if (weight_zero(c) != 0) stage.row_terms += n_tiles * size;
              t.a += n_tiles * size * stride, t.out += n_tiles * size * out_c;
            }
          }
        }
      }
    }
  }

  static constexpr Conv2dQ8Kernel kernel() {
    return {Tiles::takes, kPixelStep, kPanel, packed_bytes, pack, scratch_bytes, run, Tiles::pays};
  }
};

}  // namespace
}  // namespace sanderling
