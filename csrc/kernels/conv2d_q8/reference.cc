// Portable kernel: the window of each output pixel is gathered into a row of int16 (zero point subtracted, zeros where
// the window leaves the picture), and tiles of 2 pixels x 4 channels are dot products of such rows with rows of int16
// weights. Compilers turn the inner loop into multiply-adds of int16 pairs (pmaddwd, smlal).
#include <cstring>

#include "kernels/conv2d_q8/conv2d_q8.h"
#include "quant/requantize_rows.h"

namespace sanderling {
namespace {

constexpr int64_t kChannels = 4;        // of one tile
constexpr int64_t kStrip = 64;          // channels that are accumulated before they are rescaled
constexpr int64_t kPatchBytes = 16384;  // of gathered rows: half of a small L1 cache
constexpr int64_t kMostPixels = 32;
// Products are at most 255 * 255: so many of them fit an int32.
constexpr int64_t kSafeDepth = 32768;

int64_t round_up(int64_t x, int64_t step) { return (x + step - 1) / step * step; }

int64_t row_length(const Conv2dQ8& c) { return round_up(c.depth(), 8); }
int64_t padded_group_out(const Conv2dQ8& c) { return round_up(c.group_out(), kChannels); }

int64_t block_pixels(const Conv2dQ8& c) {
  int64_t n = kPatchBytes / (2 * row_length(c)) / 2 * 2;
  return n < 2 ? 2 : (n > kMostPixels ? kMostPixels : n);
}

// Packed: weights int16 [groups][padded_group_out][row_length], bias int32 [out_c], a requantize table.
// Offsets in bytes; the weights come first.
struct Layout {
  size_t bias, table, bytes;
};

Layout layout(const Conv2dQ8& c) {
  Layout at;
  at.bias = static_cast<size_t>(c.groups * padded_group_out(c) * row_length(c)) * sizeof(int16_t);
  at.table = at.bias + static_cast<size_t>(c.window.out_c) * sizeof(int32_t);
  at.bytes = at.table + requantize_table_bytes(c.window.out_c);
  return at;
}

bool takes(const Conv2dQ8&) noexcept { return true; }

size_t packed_bytes(const Conv2dQ8& c) noexcept { return layout(c).bytes; }

void pack(const Conv2dQ8& c, const uint8_t* weights, const int32_t* bias, void* packed) noexcept {
  const int64_t depth = c.depth(), length = row_length(c), out = c.group_out(), padded = padded_group_out(c);
  const Layout at = layout(c);
  int16_t* to = static_cast<int16_t*>(packed);
  int32_t* all_bias = reinterpret_cast<int32_t*>(static_cast<char*>(packed) + at.bias);
  for (int64_t g = 0; g < c.groups; ++g) {
    for (int64_t o = 0; o < padded; ++o, to += length) {
      int64_t used = o < out ? depth : 0;
      for (int64_t k = 0; k < used; ++k)
        to[k] = static_cast<int16_t>(static_cast<int8_t>(*weights++ ^ c.weight_flip) - c.weight_zero);
      for (int64_t k = used; k < length; ++k) to[k] = 0;
    }
  }
  for (int64_t o = 0; o < c.window.out_c; ++o) all_bias[o] = bias ? bias[o] : 0;
  if (c.multipliers == nullptr) return;
  build_requantize_table(c.multipliers, c.window.out_c, static_cast<char*>(packed) + at.table);
}

// Scratch: gathered rows int16 [block_pixels][row_length], accumulators int32 [block_pixels][kStrip].
size_t scratch_bytes(const Conv2dQ8& c) noexcept {
  return static_cast<size_t>(block_pixels(c)) *
         (static_cast<size_t>(row_length(c)) * sizeof(int16_t) + kStrip * sizeof(int32_t));
}

void widen(const uint8_t* __restrict from, int64_t n, uint8_t flip, int32_t zero, int16_t* __restrict to) {
  const int16_t z = static_cast<int16_t>(zero);
  for (int64_t i = 0; i < n; ++i) to[i] = static_cast<int16_t>(static_cast<int8_t>(from[i] ^ flip) - z);
}

// The window of output pixel (batch, y, x) in the channels of one group.
void gather(const Conv2dQ8& c, const uint8_t* input, int64_t group, int64_t batch, int64_t y, int64_t x, int16_t* to) {
  const Window2d& w = c.window;
  const int64_t channels = c.group_in();
  const int64_t left = x * w.stride_w - w.pad_w;
  int16_t* const end = to + row_length(c);
  for (int64_t i = 0; i < w.kernel_h; ++i) {
    const int64_t in_y = y * w.stride_h - w.pad_h + i * w.dilation_h;
    if (in_y < 0 || in_y >= w.in_h) {
      std::memset(to, 0, static_cast<size_t>(w.kernel_w * channels) * sizeof(int16_t));
      to += w.kernel_w * channels;
      continue;
    }
    const uint8_t* row = input + (batch * w.in_h + in_y) * w.in_w * w.in_c + group * channels;
    if (c.groups == 1 && w.dilation_w == 1 && left >= 0 && left + w.kernel_w <= w.in_w) {
      widen(row + left * channels, w.kernel_w * channels, c.flip, c.input_zero, to);
      to += w.kernel_w * channels;
      continue;
    }
    for (int64_t j = 0; j < w.kernel_w; ++j, to += channels) {
      const int64_t in_x = left + j * w.dilation_w;
      if (in_x < 0 || in_x >= w.in_w)
        std::memset(to, 0, static_cast<size_t>(channels) * sizeof(int16_t));
      else
        widen(row + in_x * w.in_c, channels, c.flip, c.input_zero, to);
    }
  }
  while (to < end) *to++ = 0;
}

// Gathered rows and rows of weights have whole vectors.
const int16_t* aligned(const int16_t* p) { return static_cast<const int16_t*>(__builtin_assume_aligned(p, 16)); }

// acc0[j] = dot(a0, row j of w) and acc1[j] = dot(a1, row j of w) for j < 4; n > 0 is a multiple of 8, at most
// kSafeDepth.
void dot2x4(const int16_t* a0, const int16_t* a1, const int16_t* w, int64_t stride, int64_t n, int32_t* __restrict acc0,
            int32_t* __restrict acc1) {
  const int16_t* __restrict x0 = aligned(a0);
  const int16_t* __restrict x1 = aligned(a1);
  const int16_t* __restrict w0 = aligned(w);
  const int16_t* __restrict w1 = aligned(w + stride);
  const int16_t* __restrict w2 = aligned(w + 2 * stride);
  const int16_t* __restrict w3 = aligned(w + 3 * stride);
  const uint64_t end = static_cast<uint64_t>(n) / 8 * 8;
  uint64_t k = 0;
  int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0, t0 = 0, t1 = 0, t2 = 0, t3 = 0;
  do {  // in this form compilers see that no scalar tail is needed
    s0 += x0[k] * w0[k], s1 += x0[k] * w1[k], s2 += x0[k] * w2[k], s3 += x0[k] * w3[k];
    t0 += x1[k] * w0[k], t1 += x1[k] * w1[k], t2 += x1[k] * w2[k], t3 += x1[k] * w3[k];
  } while (++k != end);
  acc0[0] = s0, acc0[1] = s1, acc0[2] = s2, acc0[3] = s3;
  acc1[0] = t0, acc1[1] = t1, acc1[2] = t2, acc1[3] = t3;
}

// The same for any n that is a multiple of 8, wrapping.
void long_dot2x4(const int16_t* a0, const int16_t* a1, const int16_t* w, int64_t n, int32_t* acc0, int32_t* acc1) {
  if (n <= kSafeDepth) return dot2x4(a0, a1, w, n, n, acc0, acc1);
  for (int j = 0; j < kChannels; ++j) acc0[j] = acc1[j] = 0;
  for (int64_t k = 0; k < n; k += kSafeDepth) {
    int32_t part0[kChannels], part1[kChannels];
    dot2x4(a0 + k, a1 + k, w + k, n, n - k < kSafeDepth ? n - k : kSafeDepth, part0, part1);
    for (int j = 0; j < kChannels; ++j) {
      acc0[j] = wrapping_add(acc0[j], part0[j]);
      acc1[j] = wrapping_add(acc1[j], part1[j]);
    }
  }
}

void run(const Conv2dQ8& c, const void* packed, const uint8_t* input, void* output, Conv2dQ8Part part,
         void* scratch) noexcept {
  const Window2d& w = c.window;
  const int64_t length = row_length(c), block = block_pixels(c), out = c.group_out(), padded = padded_group_out(c);
  const Layout at = layout(c);
  const int16_t* weights = static_cast<const int16_t*>(packed);
  const int32_t* bias = reinterpret_cast<const int32_t*>(static_cast<const char*>(packed) + at.bias);
  const RequantizeTable table = view_requantize_table(static_cast<const char*>(packed) + at.table, w.out_c);
  const OutputStage stage{c.output_zero, c.low, c.high, c.flip};
  int16_t* patches = static_cast<int16_t*>(scratch);
  int32_t* acc = reinterpret_cast<int32_t*>(patches + block * length);

  const int64_t first_strip = c.groups == 1 ? part.channel_begin : 0;
  const int64_t end_strip = c.groups == 1 ? part.channel_end : out;

  for (int64_t begin = part.pixel_begin; begin < part.pixel_end; begin += block) {
    const int64_t pixels = part.pixel_end - begin < block ? part.pixel_end - begin : block;
    for (int64_t g = 0; g < c.groups; ++g) {
      int64_t x = begin % w.out_w, y = begin / w.out_w % w.out_h, batch = begin / (w.out_w * w.out_h);
      for (int64_t i = 0; i < pixels; ++i) {
        gather(c, input, g, batch, y, x, patches + i * length);
        if (++x < w.out_w) continue;
        x = 0;
        if (++y < w.out_h) continue;
        y = 0, ++batch;
      }
      for (int64_t strip = first_strip; strip < end_strip; strip += kStrip) {
        const int64_t first = g * out + strip, n = end_strip - strip < kStrip ? end_strip - strip : kStrip;
        for (int64_t o = 0; o < n; o += kChannels) {
          const int16_t* rows = weights + (g * padded + strip + o) * length;
          for (int64_t i = 0; i < pixels; i += 2) {  // block is even: an odd last pixel is its own partner
            const int16_t* a0 = patches + i * length;
            const int16_t* a1 = i + 1 < pixels ? a0 + length : a0;
            long_dot2x4(a0, a1, rows, length, acc + i * kStrip + o, acc + (i + 1) * kStrip + o);
          }
        }
        for (int64_t i = 0; i < pixels; ++i) {
          int32_t* a = acc + i * kStrip;
          for (int64_t o = 0; o < n; ++o) a[o] = wrapping_add(a[o], bias[first + o]);
          if (c.multipliers != nullptr)
            requantize_row(a, table, first, n, stage, static_cast<uint8_t*>(output) + (begin + i) * w.out_c + first);
          else
            std::memcpy(static_cast<int32_t*>(output) + (begin + i) * w.out_c + first, a,
                        static_cast<size_t>(n) * sizeof(int32_t));
        }
      }
    }
  }
}

}  // namespace

const Conv2dQ8Kernel conv2d_q8_portable_dot2x4 = {takes, kMostPixels, kStrip, packed_bytes, pack, scratch_bytes, run};

}  // namespace sanderling
