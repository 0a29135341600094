// The rows of the picture under the windows of neighbouring output pixels, as bytes of patches.h with
// padding in place: windows are read from there as kernel_h pieces, and pixels shared by windows are copied once.
#pragma once

#include "kernels/conv2d_q8/patches.h"

namespace sanderling {
namespace {

// A window as the kernel reads it: `count` pieces of `bytes`, each padded to `length`.
struct Pieces {
  bool strips;  // the pieces are rows of the window; else there is one, of a gathered row
  int64_t count, bytes, length;

  // padded(bytes): of a piece, at least the next multiple of what the kernel takes at once.
  template <class Padded>
  Pieces(const Conv2dQ8& c, const Padded& padded)
      : strips(false), count(1), bytes(c.depth()), length(padded(c.depth())) {
    const Window2d& w = c.window;
    const int64_t span = w.kernel_w * w.in_c, all = w.kernel_h * padded(span);
    // Windows that share columns; tiles within one row of the output should not be low, nor padding be most of a piece.
    if (is_pointwise(c) || c.groups != 1 || w.dilation_w != 1 || w.kernel_w < w.stride_w || w.kernel_h > 128) return;
    if (w.out_w < 6 || all * 3 > length * 5) return;
    strips = true, count = w.kernel_h, bytes = span, length = padded(span);
  }
  int64_t all() const { return count * length; }
  int64_t slack() const { return length - bytes; }  // is read behind the last window
};

// Bytes from one row of the strips of n output pixels to the next.
inline int64_t strip_pitch(const Conv2dQ8& c, const Pieces& pieces, int64_t n) {
  return round_up(((n - 1) * c.window.stride_w + c.window.kernel_w) * c.window.in_c + pieces.slack(), 64);
}

// The strips of n output pixels from (batch, y, x) on, all in one row. copy: see gather().
template <class Copy>
void copy_strips(const Conv2dQ8& c, const Pieces& pieces, const Copy& copy, const uint8_t* input, int64_t begin,
                 int64_t n, int64_t pitch, uint8_t* to) {
  const Window2d& w = c.window;
  const int64_t x = begin % w.out_w, y = begin / w.out_w % w.out_h, batch = begin / (w.out_w * w.out_h);
  const int64_t left = x * w.stride_w - w.pad_w, columns = (n - 1) * w.stride_w + w.kernel_w;
  // Columns before, in and behind the picture.
  const int64_t before = left >= 0 ? 0 : (-left < columns ? -left : columns);
  const int64_t end = left + columns < w.in_w ? left + columns : w.in_w;
  const int64_t inside = end > left + before ? end - left - before : 0;
  const size_t bytes = static_cast<size_t>(columns * w.in_c);
  const int fill = copy.fill;
  for (int64_t i = 0; i < w.kernel_h; ++i, to += pitch) {
    const int64_t in_y = y * w.stride_h - w.pad_h + i * w.dilation_h;
    std::memset(to + bytes, 0, static_cast<size_t>(pieces.slack()));
    if (in_y < 0 || in_y >= w.in_h || inside == 0) {
      std::memset(to, fill, bytes);
      continue;
    }
    const int64_t first = before * w.in_c, last = (before + inside) * w.in_c;
    const uint8_t* row = input + ((batch * w.in_h + in_y) * w.in_w + left + before) * w.in_c;
    if (first > 0) std::memset(to, fill, static_cast<size_t>(first));
    copy(row, 0, last - first, 1, to + first, 0);
    if (const size_t behind = bytes - static_cast<size_t>(last); behind > 0) std::memset(to + last, fill, behind);
  }
}

}  // namespace
}  // namespace sanderling
