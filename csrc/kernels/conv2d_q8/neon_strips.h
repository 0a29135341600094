// What tiles of NEON registers pack, in plain C++: for the kernels, and for packing on another processor (packers.cc).
//
//   struct Strips {
//     static constexpr int64_t kStrip;      // channels whose weights are packed together
//     static constexpr int64_t kDepthUnit;  // rows of pixels and weights are padded to multiples of it
//     // Where the weight of a strip's channel at k stands among the strip's kStrip * depth.
//     static int64_t index(int64_t channel, int64_t k, int64_t depth);
//     // What the tiles must know about a packed strip: bits of their own choice, below kUnfused.
//     static uint8_t inspect(const int8_t* strip, int64_t depth);
//   };
//
// The sum over k of (x - x_zero) * (w - w_zero) is sum(x w) - w_zero sum(x) - x_zero (sum(w) - n w_zero): the last part
// goes into the bias.
#pragma once

#include <cstring>

#include "kernels/conv2d_q8/fuse.h"
#include "quant/requantize_neon_kind.h"

namespace sanderling {
namespace {

// Flags of a strip: a multiplier's right shift is 0, or it shifts left, or what it gives may not fit int16; a
// channel that fused_rescale.h cannot do, without which the first says nothing.
constexpr uint8_t kGeneral = 0x80, kUnfused = 0x40;

// kFuses: whether every processor of the family has the fused multiply-add; of ARMv7 not all have.
template <class Strips, bool kFuses>
struct PackedStrips {
  static constexpr int64_t kStrip = Strips::kStrip;

  static int64_t up(int64_t x, int64_t step) { return (x + step - 1) / step * step; }
  static int64_t row_length(const Conv2dQ8& c) { return up(c.depth(), Strips::kDepthUnit); }
  static int64_t group_strips(const Conv2dQ8& c) { return (c.group_out() + kStrip - 1) / kStrip; }

  // Offsets in the packed data: of int32 [strips * kStrip] each, flags [strips], weights.
  struct Layout {
    int64_t strips;
    int64_t bias, raw_bias, sums, multiplier, shift, fused_bias, scale, offset, flags, weights, bytes;
  };
  // The input zero point that `bias` is for stands at the very beginning.
  static Layout layout(const Conv2dQ8& c) {
    Layout at;
    at.strips = c.groups * group_strips(c);
    const int64_t vector = at.strips * kStrip * 4;
    at.bias = 64;
    at.raw_bias = at.bias + vector;
    at.sums = at.raw_bias + vector;
    at.multiplier = at.sums + vector;
    at.shift = at.multiplier + vector;
    at.fused_bias = at.shift + vector;
    at.scale = at.fused_bias + vector;
    at.offset = at.scale + vector;
    at.flags = at.offset + vector;
    at.weights = up(at.flags + at.strips, 64);
    at.bytes = at.weights + at.strips * kStrip * row_length(c);
    return at;
  }
  static int32_t* ints(void* packed, int64_t offset) {
    return reinterpret_cast<int32_t*>(static_cast<char*>(packed) + offset);
  }
  static const int32_t* ints(const void* packed, int64_t offset) {
    return reinterpret_cast<const int32_t*>(static_cast<const char*>(packed) + offset);
  }

  static bool takes(const Conv2dQ8&) noexcept { return true; }
  static size_t packed_bytes(const Conv2dQ8& c) noexcept { return static_cast<size_t>(layout(c).bytes); }

  static void fold_zero(const int32_t* bias, const int32_t* sums, int64_t n, int32_t zero, int32_t* folded) {
    for (int64_t i = 0; i < n; ++i) folded[i] = wrapping_sub(bias[i], wrapping_mul(zero, sums[i]));
  }

  // A channel's bias, scale and offset for fused(); false where there are none.
  static bool fuse(const Conv2dQ8& c, int64_t channel, const uint8_t* weights, int32_t bias, int32_t* folded,
                   float* scale, float* offset) {
    FusedRescale found;
    if (!kFuses || !fuse_channel(c, channel, weight_sums(c, weights), bias, found)) return false;
    *folded = wrapping_add(*folded, found.start);
    *scale = found.scale;
    *offset = found.offset;
    return true;
  }

  static void pack(const Conv2dQ8& c, const uint8_t* weights, const int32_t* bias, void* packed) noexcept {
    const Layout at = layout(c);
    const int64_t depth = c.depth(), length = row_length(c), out = c.group_out();
    std::memset(packed, 0, static_cast<size_t>(at.bytes));
    int32_t* raw_bias = ints(packed, at.raw_bias);
    int32_t* sums = ints(packed, at.sums);
    int32_t* multiplier = ints(packed, at.multiplier);
    int32_t* shift = ints(packed, at.shift);
    uint8_t* flags = static_cast<uint8_t*>(packed) + at.flags;
    int8_t* strip = static_cast<int8_t*>(packed) + at.weights;
    for (int64_t p = 0; p < at.strips; ++p, strip += kStrip * length) {
      const int64_t group = p / group_strips(c), first = p % group_strips(c) * kStrip;
      for (int64_t j = 0; j < kStrip; ++j) {
        const int64_t i = p * kStrip + j;
        shift[i] = -1;
        if (first + j >= out) continue;
        const int64_t o = group * out + first + j;
        const uint8_t* from = weights + o * depth;
        int32_t sum = 0;
        for (int64_t k = 0; k < depth; ++k) {
          const int8_t w = static_cast<int8_t>(from[k] ^ c.weight_flip);
          strip[Strips::index(j, k, length)] = w;
          sum = wrapping_add(sum, w - c.weight_zero);
        }
        sums[i] = sum;
        raw_bias[i] = bias ? bias[o] : 0;
        if (c.multipliers == nullptr || c.multipliers[o].multiplier == 0) continue;
        multiplier[i] = c.multipliers[o].multiplier;
        shift[i] = c.multipliers[o].shift;
        if (shift[i] >= 0 || !fits_words(c.multipliers[o], raw_bias[i], weight_sums(c, from).magnitude))
          flags[p] = kGeneral;
      }
      flags[p] = static_cast<uint8_t>(flags[p] | Strips::inspect(strip, length));
    }
    *static_cast<int32_t*>(packed) = c.input_zero;
    fold_zero(raw_bias, sums, at.strips * kStrip, c.input_zero, ints(packed, at.bias));
    int32_t* fused_bias = ints(packed, at.fused_bias);
    float* scale = reinterpret_cast<float*>(ints(packed, at.scale));
    float* offset = reinterpret_cast<float*>(ints(packed, at.offset));
    std::memcpy(fused_bias, ints(packed, at.bias), static_cast<size_t>(at.strips * kStrip * 4));
    const bool possible = c.multipliers != nullptr && c.flip == 0 && c.low >= c.output_zero;
    for (int64_t p = 0; p < at.strips; ++p) {
      const int64_t group = p / group_strips(c), first = p % group_strips(c) * kStrip;
      bool all = possible;
      const int64_t channels = kStrip < out - first ? kStrip : out - first;
      for (int64_t j = 0; all && j < channels; ++j) {
        const int64_t i = p * kStrip + j, o = group * out + first + j;
        all = fuse(c, o, weights + o * depth, raw_bias[i], fused_bias + i, scale + i, offset + i);
      }
      if (!all) flags[p] = static_cast<uint8_t>(flags[p] | kUnfused);
    }
  }
};

// Four bytes of each of four channels, for processors without dot products: [depth / 4][2 halves][4 channels][2]. Two
// products fit int16 unless both are -128 * -128: strips where two weights of -128 meet are marked.
constexpr uint8_t kPairsOverflow = 1;
struct PairStrips {
  static constexpr int64_t kStrip = 4, kDepthUnit = 4;
  static int64_t index(int64_t channel, int64_t k, int64_t) { return k / 4 * 16 + k % 4 / 2 * 8 + channel * 2 + k % 2; }
  static uint8_t inspect(const int8_t* strip, int64_t depth) {
    for (int64_t i = 0; i < depth * 4; i += 16)
      for (int64_t j = i; j < i + 8; ++j)
        if (strip[j] == -128 && strip[j + 8] == -128) return kPairsOverflow;
    return 0;
  }
};

// Dot products by element: [depth / 4][8 channels][4].
struct DotStrips {
  static constexpr int64_t kStrip = 8, kDepthUnit = 4;
  static int64_t index(int64_t channel, int64_t k, int64_t) { return k / 4 * 32 + channel * 4 + k % 4; }
  static uint8_t inspect(const int8_t*, int64_t) { return 0; }
};

// Products of 2 x 8 by 8 x 2 matrices: [depth / 8][4 pairs of channels][2][8].
struct MatrixStrips {
  static constexpr int64_t kStrip = 8, kDepthUnit = 8;
  static int64_t index(int64_t channel, int64_t k, int64_t) { return k / 8 * 64 + channel * 8 + k % 8; }
  static uint8_t inspect(const int8_t*, int64_t) { return 0; }
};

}  // namespace
}  // namespace sanderling
