// f32 for vectors: each lane is a column; products are added in the order of k.
//
// Vector has: Type, kLanes, zero(), splat(x), load(p), add_product(sum, x, w), store(p, v); kVectors and kRows as in
// products_q8.h.
#pragma once

#include <cstring>

#include "kernels/matmul/right_f32.h"

namespace sanderling::matmul {
namespace {

template <class Vector>
struct ProductsF32 : RightF32<Vector::kLanes, Vector::kVectors> {
  using Packed = RightF32<Vector::kLanes, Vector::kVectors>;
  using Packed::floats, Packed::pack_right, Packed::right_bytes;
  using V = typename Vector::Type;
  static constexpr int64_t kLanes = Vector::kLanes;
  static constexpr int64_t kPanel = Packed::kPanel;
  static_assert(kColumnBlock % kPanel == 0 && Vector::kVectors <= 4);

  // Left: rows.
  static size_t left_bytes(int64_t rows, int64_t depth) { return static_cast<size_t>(rows * depth) * sizeof(float); }
  static void pack_left(const Source& s, int64_t first, int64_t last, int64_t depth, void* packed) {
    for (int64_t i = first; i < last; ++i) {
      const float* from = static_cast<const float*>(s.data) + i * s.vector_stride;
      float* to = static_cast<float*>(packed) + i * depth;
      if (s.depth_stride == 1 && depth > 0)
        std::memcpy(to, from, static_cast<size_t>(depth) * sizeof(float));
      else
        for (int64_t k = 0; k < depth; ++k) to[k] = from[k * s.depth_stride];
    }
  }

  template <int R, int N>
  static void tile(const float* x, const float* w, int64_t depth, float* acc) noexcept {
    V sum[R][N];
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
      for (int n = 0; n < N; ++n) sum[r][n] = Vector::zero();
    for (int64_t k = 0; k < depth; ++k, w += N * kLanes) {
      V columns[N];
#pragma GCC unroll 4
      for (int n = 0; n < N; ++n) columns[n] = Vector::load(w + n * kLanes);
#pragma GCC unroll 4
      for (int r = 0; r < R; ++r) {
        const V value = Vector::splat(x[r * depth + k]);
#pragma GCC unroll 4
        for (int n = 0; n < N; ++n) sum[r][n] = Vector::add_product(sum[r][n], value, columns[n]);
      }
    }
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
      for (int n = 0; n < N; ++n) Vector::store(acc + r * kColumnBlock + n * kLanes, sum[r][n]);
  }

  template <int N>
  static void rows(const float* x, int64_t count, const float* w, int64_t depth, float* acc) noexcept {
    constexpr int kRows = Vector::kRows;
    int64_t r = 0;
    for (; r + kRows <= count; r += kRows) tile<kRows, N>(x + r * depth, w, depth, acc + r * kColumnBlock);
    for (; r < count; ++r) tile<1, N>(x + r * depth, w, depth, acc + r * kColumnBlock);
  }

  static void run(const void* left, const void* right, int64_t depth, const Block& b, float* acc) {
    const int64_t count = b.last_row - b.first_row;
    const float* x = static_cast<const float*>(left) + b.first_row * depth;
    const float* panel = static_cast<const float*>(right) + floats(b.first_column, depth);
    for (int64_t c = b.first_column; c < b.last_column; c += kPanel, acc += kPanel) {
      const int64_t vectors = (b.last_column - c + kLanes - 1) / kLanes;
      if (vectors == 1)
        rows<1>(x, count, panel, depth, acc);
      else if (vectors == 2 || Vector::kVectors == 2)
        rows<2>(x, count, panel, depth, acc);
      else if (vectors == 3)
        rows<3>(x, count, panel, depth, acc);
      else
        rows<4>(x, count, panel, depth, acc);
      panel += floats(kPanel, depth);
    }
  }

  static constexpr Kernel<float> kernel(double macs_per_nanosecond) {
    return {"f32", left_bytes, right_bytes, pack_left, pack_right, run, macs_per_nanosecond};
  }
};

}  // namespace
}  // namespace sanderling::matmul
