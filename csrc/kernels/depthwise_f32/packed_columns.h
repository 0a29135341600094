// What columns.h packs, in plain C++: for the kernels, and for packing on another processor (packers.cc).
#pragma once

#include <cstring>

#include "kernels/depthwise_f32/depthwise_f32.h"

namespace sanderling {
namespace {

template <int64_t kLanes>
struct PackedColumns {
  static bool takes(const DepthwiseF32& c) noexcept { return c.multiplier() == 1; }

  // Packed: weights [taps][padded], bias [padded], both filled up with zeros.
  static int64_t padded(const DepthwiseF32& c) noexcept { return (c.window.out_c + kLanes - 1) / kLanes * kLanes; }
  static int64_t taps(const DepthwiseF32& c) noexcept { return c.window.kernel_h * c.window.kernel_w; }
  static size_t packed_bytes(const DepthwiseF32& c) noexcept {
    return static_cast<size_t>((taps(c) + 1) * padded(c)) * sizeof(float);
  }
  static void pack(const DepthwiseF32& c, const float* weights, const float* bias, void* packed) noexcept {
    const int64_t n = c.window.out_c;
    float* to = static_cast<float*>(packed);
    std::memset(to, 0, packed_bytes(c));
    for (int64_t t = 0; t < taps(c); ++t, to += padded(c))
      std::memcpy(to, weights + t * n, static_cast<size_t>(n) * sizeof(float));
    if (bias) std::memcpy(to, bias, static_cast<size_t>(n) * sizeof(float));
  }
};

}  // namespace
}  // namespace sanderling
