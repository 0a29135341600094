// The frame of kernels that work on register tiles of int8 pixels by output channels: blocks of pixels that stay in the
// first-level cache, and the loop over panels of channels. An instruction set gives the tiles:
//
//   struct Tiles : Strips {  // of neon_strips.h
//     static constexpr int64_t kRows;   // pixels of the largest tile
//     static constexpr int64_t kPanel;  // channels of one call, at most: strips
//     static int32x4_t add_bytes(int32x4_t sums, int8x16_t x);  // sixteen bytes to four sums
//     static constexpr int64_t kMostRows;  // of one call
//     // `rows` <= kMostRows rows of `channels` <= kPanel bytes, or int32, of whole strips.
//     static void bytes(const Tile&, int64_t rows, int64_t channels);
//     static void sums(const Tile&, int64_t rows, int64_t channels);
//   };
//
// sum(x) (see neon_strips.h) is taken from each gathered row. Taps outside the picture hold x_zero.
#pragma once

#include "kernels/conv2d_q8/neon_gather.h"
#include "kernels/conv2d_q8/neon_row_sums.h"
#include "kernels/conv2d_q8/neon_strips.h"

namespace sanderling {
namespace {

struct Tile {
  const int8_t* x;  // rows of pixels
  int64_t x_stride;
  const int8_t* weights;  // of the first strip
  int64_t depth;          // a multiple of kDepthUnit
  const int32_t *bias, *multiplier, *shift;
  const float *scale, *offset;  // see fused(): then the bias has the start of fused_rescale.h
  const int32_t* correction;    // added to each pixel's sums; null where the weights have no zero point
  void* out;
  int64_t out_stride;  // in elements
  int32_t zero, low, high;
  uint8_t flip, flags;
  bool whole;  // neither flip nor a range within int8's
};

#ifdef __aarch64__
constexpr bool kFuses = true;
#else
constexpr bool kFuses = false;
#endif

template <class Tiles>
struct TiledConv2d : PackedStrips<Tiles, kFuses> {
  using Packed = PackedStrips<Tiles, kFuses>;
  using Packed::fold_zero, Packed::group_strips, Packed::ints, Packed::layout, Packed::row_length;
  using typename Packed::Layout;
  static constexpr int64_t kRows = Tiles::kRows, kStrip = Tiles::kStrip, kMostRows = Tiles::kMostRows;
  static constexpr int64_t kBlockBytes = 16384;  // of gathered rows: half of a small first-level cache
  static_assert(kMostRows % kRows == 0 && kMostRows % 8 == 0 && Tiles::kPanel % kStrip == 0, "");

  static int64_t block_pixels(const Conv2dQ8& c) {
    return most(least(kBlockBytes / row_length(c), kMostRows) / kRows * kRows, kRows);
  }
  // Input rows that tiles can read where they lie.
  static bool in_place(const Conv2dQ8& c) {
    return is_pointwise(c) && c.flip == 0 && c.depth() % Tiles::kDepthUnit == 0;
  }

  // Scratch: gathered rows, corrections [block_pixels], biases [strips * kStrip].
  static int64_t patch_bytes(const Conv2dQ8& c) {
    return in_place(c) ? 0 : up(block_pixels(c) * row_length(c) + kGatherSlack, 64);
  }
  static size_t scratch_bytes(const Conv2dQ8& c) noexcept {
    return static_cast<size_t>(patch_bytes(c) + (kMostRows + layout(c).strips * kStrip) * 4);
  }

  // A panel of `channels` <= kPanel for `rows` rows.
  static void run_panel(const Tile& t, int64_t rows, int64_t channels, bool rescale) {
    const int64_t whole = channels / kStrip * kStrip;
    if (whole > 0) rescale ? Tiles::bytes(t, rows, whole) : Tiles::sums(t, rows, whole);
    if (whole < channels) run_part_of_strip(t, rows, whole, channels - whole, rescale);
  }

  static __attribute__((noinline)) void run_part_of_strip(const Tile& t, int64_t rows, int64_t first, int64_t channels,
                                                          bool rescale) {
    alignas(64) char buffer[kMostRows * kStrip * 4];
    const int64_t size = rescale ? 1 : 4;
    Tile own = t;
    own.weights += first * t.depth;
    own.bias += first, own.multiplier += first, own.shift += first, own.scale += first, own.offset += first;
    own.out = buffer;
    own.out_stride = kStrip;
    rescale ? Tiles::bytes(own, rows, kStrip) : Tiles::sums(own, rows, kStrip);
    for (int64_t i = 0; i < rows; ++i)
      std::memcpy(static_cast<char*>(t.out) + (i * t.out_stride + first) * size, buffer + i * kStrip * size,
                  static_cast<size_t>(channels * size));
  }

  static void run(const Conv2dQ8& c, const void* packed, const uint8_t* input, void* output, Conv2dQ8Part part,
                  void* scratch) noexcept {
    const Window2d& w = c.window;
    const Layout at = layout(c);
    const int64_t depth = c.depth(), length = row_length(c), block = block_pixels(c), out = c.group_out();
    const bool direct = in_place(c), copied = !direct && is_pointwise(c) && c.groups == 1 && length == depth;
    const uint8_t* input_end = input + needed_end(w, part.pixel_end);
    uint8_t* patch = static_cast<uint8_t*>(scratch);
    int32_t* correction = ints(scratch, patch_bytes(c));
    const int32_t* bias = ints(packed, at.bias);
    const bool same_zero = c.input_zero == *static_cast<const int32_t*>(packed);
    if (!same_zero) {
      int32_t* folded = correction + kMostRows;
      fold_zero(ints(packed, at.raw_bias), ints(packed, at.sums), at.strips * kStrip, c.input_zero, folded);
      bias = folded;
    }
    const int64_t first_channel = c.groups == 1 ? part.channel_begin : 0;
    const int64_t end_channel = c.groups == 1 ? part.channel_end : out;
    Tile t{};
    t.depth = length;
    t.x_stride = direct ? w.in_c : length;
    t.out_stride = w.out_c;
    t.zero = c.output_zero, t.low = c.low, t.high = c.high, t.flip = c.flip;
    t.whole = c.low == -128 && c.high == 127 && c.flip == 0;
    t.correction = c.weight_zero != 0 ? correction : nullptr;

    for (int64_t begin = part.pixel_begin; begin < part.pixel_end; begin += block) {
      const int64_t pixels = least(part.pixel_end - begin, block);
      for (int64_t g = 0; g < c.groups; ++g) {
        if (direct) {
          t.x = reinterpret_cast<const int8_t*>(input + begin * w.in_c + g * depth);
        } else {
          t.x = reinterpret_cast<const int8_t*>(patch);
          if (copied) {
            copy_flipped(input + begin * depth, pixels * depth, input_end, c.flip, patch);
          } else {
            gather(c, input, input_end, g, begin, pixels, length, patch);
          }
        }
        if (t.correction) sum_rows<Tiles>(t.x, t.x_stride, depth, pixels, -c.weight_zero, correction);
        for (int64_t o = first_channel; o < end_channel; o += Tiles::kPanel) {
          const int64_t channels = least(end_channel - o, Tiles::kPanel);
          const int64_t strip = g * group_strips(c) + o / kStrip;
          t.weights = static_cast<const int8_t*>(packed) + at.weights + strip * kStrip * length;
          t.bias = bias + strip * kStrip;
          t.multiplier = ints(packed, at.multiplier) + strip * kStrip;
          t.shift = ints(packed, at.shift) + strip * kStrip;
          t.scale = reinterpret_cast<const float*>(ints(packed, at.scale)) + strip * kStrip;
          t.offset = reinterpret_cast<const float*>(ints(packed, at.offset)) + strip * kStrip;
          t.flags = same_zero ? 0 : kUnfused;
          for (int64_t i = 0; i * kStrip < channels; ++i)
            t.flags = static_cast<uint8_t>(t.flags | (static_cast<const uint8_t*>(packed) + at.flags)[strip + i]);
          if (!(t.flags & kUnfused) && c.multipliers) t.bias = ints(packed, at.fused_bias) + strip * kStrip;
          t.out = static_cast<char*>(output) + (begin * w.out_c + g * out + o) * (c.multipliers ? 1 : 4);
          run_panel(t, pixels, channels, c.multipliers != nullptr);
        }
      }
    }
  }

  static constexpr Conv2dQ8Kernel kernel = {Packed::takes, 32, 32, Packed::packed_bytes, Packed::pack,
                                            scratch_bytes, run};
};

}  // namespace
}  // namespace sanderling
