// What tiles.h packs, in plain C++: for the kernels, and for packing on another processor (packers.cc). kVectors: the
// most vectors of channels in a tile.
#pragma once

#include "kernels/conv2d_f32/conv2d_f32.h"

namespace sanderling {
namespace {

// What the parts of a window are. With dilation or groups each tap is a run of its own.
struct Runs {
  int64_t count, length;
  bool rows;  // whole rows of the window
};

inline Runs runs_of(const Conv2dF32& c) noexcept {
  const Window2d& w = c.window;
  if (w.dilation_w == 1 && c.groups == 1) return {w.kernel_h, w.kernel_w * w.in_c, true};
  return {w.kernel_h * w.kernel_w, c.group_in(), false};
}

inline bool is_padded(const Window2d& w) noexcept {
  return w.kernel_h > 1 || w.kernel_w > 1 || w.pad_h > 0 || w.pad_w > 0;
}

template <int64_t kLanes, int64_t kVectors>
struct Panels {
  // A panel is the output channels that are computed together. The vectors of a group are shared out evenly: 5 make 3
  // and 2, not 4 and 1.
  static int64_t vectors(const Conv2dF32& c) noexcept { return (c.group_out() + kLanes - 1) / kLanes; }
  static int64_t panels(const Conv2dF32& c) noexcept { return (vectors(c) + kVectors - 1) / kVectors; }
  static int64_t panel_begin(const Conv2dF32& c, int64_t panel) noexcept {
    const int64_t count = panels(c);
    return panel == 0 ? 0 : (panel == count ? vectors(c) : vectors(c) * panel / count);
  }
  static int64_t pieces(const Conv2dF32& c) noexcept { return c.groups * panels(c); }

  static bool takes(const Conv2dF32&) noexcept { return true; }

  // Packed: zeros as long as a run; then for each group and panel its bias and its weights, [depth][panel].
  static int64_t zeros(const Conv2dF32& c) noexcept {
    return is_padded(c.window) ? (runs_of(c).length + 15) / 16 * 16 : 0;
  }
  static int64_t group_size(const Conv2dF32& c) noexcept { return vectors(c) * kLanes * (c.depth() + 1); }
  static size_t packed_bytes(const Conv2dF32& c) noexcept {
    return static_cast<size_t>(zeros(c) + c.groups * group_size(c)) * sizeof(float);
  }

  static void pack(const Conv2dF32& c, const float* weights, const float* bias, void* packed) noexcept {
    const int64_t depth = c.depth(), out = c.group_out();
    float* to = static_cast<float*>(packed);
    for (int64_t i = 0; i < zeros(c); ++i) *to++ = 0.0f;
    for (int64_t g = 0; g < c.groups; ++g)
      for (int64_t panel = 0; panel < panels(c); ++panel) {
        const int64_t first = panel_begin(c, panel) * kLanes, last = panel_begin(c, panel + 1) * kLanes;
        const int64_t width = last - first;
        for (int64_t o = first; o < last; ++o) {
          const bool real = o < out;
          const float* from = weights + (g * out + (real ? o : 0)) * depth;
          float* column = to + o - first;
          *column = real && bias ? bias[g * out + o] : 0.0f;
          for (int64_t k = 0; k < depth; ++k) column[(k + 1) * width] = real ? from[k] : 0.0f;
        }
        to += width * (depth + 1);
      }
  }
};

}  // namespace
}  // namespace sanderling
