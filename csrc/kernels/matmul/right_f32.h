// How products_f32.h packs the right operand, in plain C++: for the kernels, and for packing on another processor
// (packers.cc). kVectors: the most vectors of columns in a tile.
#pragma once

#include "kernels/matmul/matmul.h"

namespace sanderling::matmul {
namespace {

template <int64_t kLanes, int64_t kVectors>
struct RightF32 {
  static constexpr int64_t kPanel = kVectors * kLanes;  // columns that are computed together

  // Right: panels of columns [k][column], the last one of as many vectors as it needs.
  static int64_t floats(int64_t columns, int64_t depth) noexcept {
    return (columns + kLanes - 1) / kLanes * kLanes * depth;
  }
  static size_t right_bytes(int64_t columns, int64_t depth) {
    return static_cast<size_t>(floats(columns, depth)) * sizeof(float);
  }
  static void pack_right(const Source& s, int64_t columns, int64_t depth, void* packed) {
    float* panel = static_cast<float*>(packed);
    for (int64_t first = 0; first < columns; first += kPanel) {
      const int64_t used = columns - first < kPanel ? columns - first : kPanel;
      const int64_t width = floats(used, 1);
      const float* from = static_cast<const float*>(s.data) + first * s.vector_stride;
      for (int64_t k = 0; k < depth; ++k) {
        float* to = panel + k * width;
        for (int64_t c = 0; c < used; ++c) to[c] = from[c * s.vector_stride + k * s.depth_stride];
        for (int64_t c = used; c < width; ++c) to[c] = 0.0f;
      }
      panel += floats(used, depth);
    }
  }
};

}  // namespace
}  // namespace sanderling::matmul
