// Gathering the windows of output pixels into dense rows of int8, for kernels that work on tiles of pixels. Portable.
//
// Every function is static: no weak symbol may be shared between instruction sets.
#pragma once

#include <cstring>

#include "kernels/conv2d_q8/conv2d_q8.h"

namespace sanderling {
namespace {

// gather_window writes up to this many bytes after the end of a row.
constexpr int64_t kGatherSlack = 16;

typedef uint8_t Bytes16 __attribute__((vector_size(16)));

// to[i] = from[i] ^ flip for i < n. Reads nothing at or after `end`; writes up to kGatherSlack bytes more than n.
static inline void copy_flipped(const uint8_t* from, int64_t n, const uint8_t* end, uint8_t flip, uint8_t* to) {
  Bytes16 v;
  Bytes16 mask = {};
  mask = mask + flip;
  int64_t i = 0;
  if (end - from >= n + 15) {
    do {
      std::memcpy(&v, from + i, 16);
      v ^= mask;
      std::memcpy(to + i, &v, 16);
    } while ((i += 16) < n);
    return;
  }
  for (; i + 16 <= n; i += 16) {
    std::memcpy(&v, from + i, 16);
    v ^= mask;
    std::memcpy(to + i, &v, 16);
  }
  for (; i < n; ++i) to[i] = static_cast<uint8_t>(from[i] ^ flip);
}

static inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }
static inline int64_t up(int64_t x, int64_t step) { return (x + step - 1) / step * step; }

// An output pixel, counted through all batches.
struct Pixel {
  int64_t x, y, batch;
};
static inline Pixel pixel_at(const Window2d& w, int64_t i) {
  return {i % w.out_w, i / w.out_w % w.out_h, i / (w.out_w * w.out_h)};
}
static inline void advance(const Window2d& w, Pixel& p) {
  if (++p.x < w.out_w) return;
  p.x = 0;
  if (++p.y < w.out_h) return;
  p.y = 0, ++p.batch;
}

// Where the input rows that the windows of the pixels before `last` touch end, in bytes: later ones need not exist.
static inline int64_t needed_end(const Window2d& w, int64_t last) {
  if (last <= 0) return 0;
  const Pixel p = pixel_at(w, last - 1);
  const int64_t below = p.y * w.stride_h - w.pad_h + (w.kernel_h - 1) * w.dilation_h + 1;
  return (p.batch * w.in_h + most(least(below, w.in_h), 0)) * w.in_w * w.in_c;
}

// The window of a pixel in the channels of one group, as int8; taps outside the picture are the input's zero point,
// and the rest of `length` bytes is 0. `end` is the end of what may be read. Call it for rows in the order of their
// addresses.
static inline void gather_window(const Conv2dQ8& c, const uint8_t* input, const uint8_t* end, int64_t group,
                                 const Pixel& p, int64_t length, uint8_t* to) {
  const Window2d& w = c.window;
  const int64_t channels = c.group_in(), taps = w.kernel_w * channels, row_bytes = w.in_w * w.in_c;
  const int64_t top = p.y * w.stride_h - w.pad_h, left = p.x * w.stride_w - w.pad_w;
  const uint8_t* picture = input + p.batch * w.in_h * row_bytes + group * channels;
  const bool dense = c.groups == 1 && w.dilation_w == 1;
  uint8_t* const rest = to + c.depth();
  const int zero = static_cast<uint8_t>(c.input_zero);
  for (int64_t i = 0; i < w.kernel_h; ++i, to += taps) {
    const int64_t y = top + i * w.dilation_h;
    if (y < 0 || y >= w.in_h) {
      std::memset(to, zero, static_cast<size_t>(taps));
      continue;
    }
    const uint8_t* row = picture + y * row_bytes;
    if (dense) {
      const int64_t first = least(most(-left, 0), w.kernel_w), last = most(least(w.in_w - left, w.kernel_w), first);
      if (first > 0) std::memset(to, zero, static_cast<size_t>(first * channels));
      if (last > first)
        copy_flipped(row + (left + first) * channels, (last - first) * channels, end, c.flip, to + first * channels);
      if (last < w.kernel_w)
        std::memset(to + last * channels, zero, static_cast<size_t>((w.kernel_w - last) * channels));
      continue;
    }
    for (int64_t j = 0; j < w.kernel_w; ++j) {
      const int64_t x = left + j * w.dilation_w;
      if (x < 0 || x >= w.in_w)
        std::memset(to + j * channels, zero, static_cast<size_t>(channels));
      else
        copy_flipped(row + x * w.in_c, channels, end, c.flip, to + j * channels);
    }
  }
  for (uint8_t* at = rest; at < rest - c.depth() + length; ++at) *at = 0;
}

// Rows of whole windows of pixels that stand beside each other: `height` runs of `span` bytes, `down` bytes apart, from
// each of `from`, `from` + right, ...; 16 bytes are read and written at a time.
template <int kHeight>
static inline void copy_windows(const uint8_t* from, int64_t right, int64_t down, int64_t height, int64_t span,
                                uint8_t flip, int64_t pixels, int64_t length, uint8_t* to) {
  Bytes16 mask = {};
  mask = mask + flip;
  for (; pixels > 0; --pixels, from += right, to += length) {
    const uint8_t* row = from;
    uint8_t* at = to;
    for (int64_t i = 0; i < (kHeight > 0 ? kHeight : height); ++i, row += down, at += span) {
      int64_t k = 0;
      do {
        Bytes16 v;
        std::memcpy(&v, row + k, 16);
        v ^= mask;
        std::memcpy(at + k, &v, 16);
        k += 16;
      } while (kHeight == 0 && k < span);  // else the span is at most 16
    }
  }
}

// Rows [pixels][length] of the output pixels from `begin` on, and kGatherSlack bytes. Bytes beyond the depth of a row
// may be anything: the weights there are 0.
static inline void gather(const Conv2dQ8& c, const uint8_t* input, const uint8_t* end, int64_t group, int64_t begin,
                          int64_t pixels, int64_t length, uint8_t* to) {
  const Window2d& w = c.window;
  const int64_t span = w.kernel_w * c.group_in(), row_bytes = w.in_w * w.in_c, down = w.dilation_h * row_bytes;
  const int64_t reach_h = (w.kernel_h - 1) * w.dilation_h;
  const bool dense = c.groups == 1 && w.dilation_w == 1 && w.kernel_w <= w.in_w;
  // Output columns whose windows lie inside the picture.
  const int64_t first = (w.pad_w + w.stride_w - 1) / w.stride_w;
  const int64_t last = dense ? (w.in_w - w.kernel_w + w.pad_w) / w.stride_w + 1 : 0;
  Pixel p = pixel_at(w, begin);
  while (pixels > 0) {
    const int64_t top = p.y * w.stride_h - w.pad_h;
    int64_t inside = top >= 0 && top + reach_h < w.in_h && p.x >= first ? least(least(last, w.out_w) - p.x, pixels) : 0;
    if (inside > 0) {
      const uint8_t* from = input + (p.batch * w.in_h + top) * row_bytes + (p.x * w.stride_w - w.pad_w) * w.in_c;
      const int64_t right = w.stride_w * w.in_c;
      // Windows whose last copy would read beyond the input are left to gather_window.
      const int64_t room = end - from - reach_h * row_bytes - up(span, 16);
      inside = room < 0 ? 0 : least(inside, room / right + 1);
      if (span <= 16 && w.kernel_h == 3)
        copy_windows<3>(from, right, down, 3, span, c.flip, inside, length, to);
      else
        copy_windows<0>(from, right, down, w.kernel_h, span, c.flip, inside, length, to);
    }
    if (inside <= 0) {
      gather_window(c, input, end, group, p, length, to);
      inside = 1;
    }
    pixels -= inside;
    to += inside * length;
    p.x += inside - 1;
    advance(w, p);
  }
}

// Whether windows are runs of bytes of the input, `depth` bytes apart but for groups.
static inline bool is_pointwise(const Conv2dQ8& c) {
  const Window2d& w = c.window;
  return w.kernel_h == 1 && w.kernel_w == 1 && w.stride_h == 1 && w.stride_w == 1 && w.pad_h == 0 && w.pad_w == 0 &&
         w.out_h == w.in_h && w.out_w == w.in_w;
}

}  // namespace
}  // namespace sanderling
