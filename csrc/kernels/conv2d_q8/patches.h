// Windows of output pixels gathered into rows of bytes that are int8 values + `shift`: 128 for kernels that multiply
// unsigned activations by signed weights. Padding pixels hold the input's zero point.
#pragma once

#include <cstring>

#include "kernels/conv2d_q8/conv2d_q8.h"

namespace sanderling {
namespace {

inline int64_t round_up(int64_t x, int64_t step) { return (x + step - 1) / step * step; }

inline bool is_pointwise(const Conv2dQ8& c) {
  const Window2d& w = c.window;
  return w.kernel_h == 1 && w.kernel_w == 1 && w.stride_h == 1 && w.stride_w == 1 && w.pad_h == 0 && w.pad_w == 0 &&
         c.groups == 1 && w.out_h == w.in_h && w.out_w == w.in_w;
}

// Whether the input itself has rows as gather() would make them, `length` apart.
inline bool reads_input(const Conv2dQ8& c, int shift, int64_t length) {
  return is_pointwise(c) && c.flip == shift && c.window.in_c == length;
}

// Row i of the windows of n output pixels from (batch, y, x) on, all in one row of the picture; windows are `length`
// apart. Copy: see gather().
template <class Copy>
void gather_row(const Conv2dQ8& c, const Copy& copy, const uint8_t* input, int64_t group, int64_t batch, int64_t in_y,
                int64_t x, int64_t n, int64_t length, uint8_t* to) {
  const Window2d& w = c.window;
  const int64_t channels = c.group_in(), span = w.kernel_w * channels;
  const int fill = copy.fill;
  if (in_y < 0 || in_y >= w.in_h) {
    for (int64_t i = 0; i < n; ++i) std::memset(to + i * length, fill, static_cast<size_t>(span));
    return;
  }
  const uint8_t* row = input + (batch * w.in_h + in_y) * w.in_w * w.in_c + group * channels;
  int64_t left = x * w.stride_w - w.pad_w;
  const bool dense = c.groups == 1 && w.dilation_w == 1;
  while (n > 0) {
    if (dense && left >= 0 && left + w.kernel_w <= w.in_w) {
      // As many whole windows as there are.
      int64_t whole = (w.in_w - w.kernel_w - left) / w.stride_w + 1;
      whole = whole < n ? whole : n;
      copy(row + left * channels, w.stride_w * channels, span, whole, to, length);
      n -= whole, to += whole * length, left += whole * w.stride_w;
      continue;
    }
    // A window at the border: its columns before, in and behind the picture.
    const int64_t step = w.dilation_w;
    int64_t first = left < 0 ? (-left + step - 1) / step : 0;
    first = first < w.kernel_w ? first : w.kernel_w;
    int64_t last = left < w.in_w ? (w.in_w - left + step - 1) / step : 0;
    last = last < first ? first : (last < w.kernel_w ? last : w.kernel_w);
    if (first > 0) std::memset(to, fill, static_cast<size_t>(first * channels));
    if (first < last) {
      const uint8_t* from = row + (left + first * step) * w.in_c;
      if (dense)
        copy(from, 0, (last - first) * channels, 1, to + first * channels, 0);
      else
        copy(from, step * w.in_c, channels, last - first, to + first * channels, channels);
    }
    if (last < w.kernel_w) std::memset(to + last * channels, fill, static_cast<size_t>((w.kernel_w - last) * channels));
    --n, to += length, left += w.stride_w;
  }
}

// Rows [n][length] of the output pixels from `begin` on. Bytes beyond the depth of a row are left alone.
// copy(from, from_step, bytes, n, to, to_step) copies n runs of bytes, XORed; copy.fill is the zero point then.
template <class Copy>
void gather(const Conv2dQ8& c, const Copy& copy, const uint8_t* input, int64_t group, int64_t begin, int64_t n,
            int64_t length, uint8_t* to) {
  const Window2d& w = c.window;
  const int64_t span = w.kernel_w * c.group_in();
  if (is_pointwise(c) && length == w.in_c) return copy(input + begin * length, 0, n * length, 1, to, 0);
  int64_t x = begin % w.out_w, y = begin / w.out_w % w.out_h, batch = begin / (w.out_w * w.out_h);
  while (n > 0) {
    const int64_t part = w.out_w - x < n ? w.out_w - x : n;
    for (int64_t i = 0; i < w.kernel_h; ++i)
      gather_row(c, copy, input, group, batch, y * w.stride_h - w.pad_h + i * w.dilation_h, x, part, length,
                 to + i * span);
    n -= part, to += part * length, x = 0;
    if (++y < w.out_h) continue;
    y = 0, ++batch;
  }
}

}  // namespace
}  // namespace sanderling
