// s16 for x86: each 32-bit lane is a column, and takes the products of two neighbouring k at once (vpmaddwd). Before
// its int32 sum could overflow, it is added to the int64 one.
//
// Vector has: Type (of int32 lanes), kLanes, splat(x), load(p), pairs(acc, x, w) (acc + the products of the int16
// pairs), keep(w, mask) (and), add_wide(to, v) (to[i] += lane i); kVectors and kRows as in products_q8.h.
#pragma once

#include <cstring>

#include "kernels/matmul/matmul.h"

namespace sanderling::matmul {
namespace {

template <class Vector>
struct ProductsS16 {
  using V = typename Vector::Type;
  static constexpr int64_t kLanes = Vector::kLanes;
  static constexpr int64_t kPanel = Vector::kVectors * kLanes;  // columns that are computed together
  static_assert(kColumnBlock % kPanel == 0);

  static int64_t groups(int64_t depth) noexcept { return (depth + 1) / 2; }

  // Left: rows of int16 pairs, filled up with a zero.
  static size_t left_bytes(int64_t rows, int64_t depth) { return static_cast<size_t>(rows * groups(depth)) * 4; }
  static void pack_left(const Source& s, int64_t first, int64_t last, int64_t depth, void* packed) {
    for (int64_t i = first; i < last; ++i) {
      const int16_t* __restrict from = static_cast<const int16_t*>(s.data) + i * s.vector_stride;
      int16_t* __restrict to = static_cast<int16_t*>(packed) + i * groups(depth) * 2;
      if (s.depth_stride == 1)
        for (int64_t k = 0; k < depth; ++k) to[k] = static_cast<int16_t>(from[k] - s.zero_point);
      else
        for (int64_t k = 0; k < depth; ++k) to[k] = static_cast<int16_t>(from[k * s.depth_stride] - s.zero_point);
      if (depth % 2 != 0) to[depth] = 0;
    }
  }

  // Right: how many pairs of products with an int16 surely fit int32, then panels of columns, the last one of as many
  // vectors as it needs: [pair of k][column][k in the pair].
  struct Right {
    int64_t chunk;
    int64_t unused[7];
  };
  static int64_t columns_bytes(int64_t columns, int64_t depth) noexcept {
    return (columns + kLanes - 1) / kLanes * kLanes * groups(depth) * 4;
  }
  static size_t right_bytes(int64_t columns, int64_t depth) {
    return sizeof(Right) + static_cast<size_t>(columns_bytes(columns, depth));
  }

  template <class T>
  static void pack_columns(const Source& s, int64_t columns, int64_t depth, char* packed) noexcept {
    int64_t largest = 1;
    char* panel = packed + sizeof(Right);
    for (int64_t first = 0; first < columns; first += kPanel) {
      const int64_t used = columns - first < kPanel ? columns - first : kPanel;
      const int64_t width = (used + kLanes - 1) / kLanes * kLanes;
      if (used < width || depth % 2 != 0) std::memset(panel, 0, static_cast<size_t>(columns_bytes(used, depth)));
      for (int64_t c = 0; c < used; ++c) {
        const T* from = static_cast<const T*>(s.data) + (first + c) * s.vector_stride;
        int16_t* to = reinterpret_cast<int16_t*>(panel) + c * 2;
        for (int64_t k = 0; k < depth; ++k) {
          const int16_t w = static_cast<int16_t>(from[k * s.depth_stride] - s.zero_point);
          to[k / 2 * width * 2 + k % 2] = w;
          const int64_t magnitude = w < 0 ? -w : w;
          largest = magnitude > largest ? magnitude : largest;
        }
      }
      panel += columns_bytes(used, depth);
    }
    const Right header = {INT32_MAX / (2 * 32768 * largest), {}};
    std::memcpy(packed, &header, sizeof header);
  }
  static void pack_right(const Source& s, int64_t columns, int64_t depth, void* packed) {
    if (s.element == Element::s16)
      pack_columns<int16_t>(s, columns, depth, static_cast<char*>(packed));
    else if (s.element == Element::s8)
      pack_columns<int8_t>(s, columns, depth, static_cast<char*>(packed));
    else
      pack_columns<uint8_t>(s, columns, depth, static_cast<char*>(packed));
  }

  static int32_t pair(const char* p) noexcept {
    int32_t x;
    std::memcpy(&x, p, sizeof x);
    return x;
  }

  // acc += the products of `groups` pairs, of which the elements in `mask` of each 32 bits of w count.
  template <int R, int N, bool kMasked>
  static void tile(const char* x, int64_t stride, const char* w, int64_t groups, int32_t mask, int64_t* acc) noexcept {
    V sum[R][N];
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
      for (int n = 0; n < N; ++n) sum[r][n] = Vector::splat(0);
    // A loop of one step loses a tenth to its own ends.
#pragma GCC unroll 2
    for (int64_t g = 0; g < groups; ++g, w += N * kLanes * 4, x += 4) {
      V columns[N];
#pragma GCC unroll 4
      for (int n = 0; n < N; ++n) {
        columns[n] = Vector::load(w + n * kLanes * 4);
        if (kMasked) columns[n] = Vector::keep(columns[n], mask);
      }
#pragma GCC unroll 4
      for (int r = 0; r < R; ++r) {
        const V value = Vector::splat(pair(x + r * stride));
#pragma GCC unroll 4
        for (int n = 0; n < N; ++n) sum[r][n] = Vector::pairs(sum[r][n], value, columns[n]);
      }
    }
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
      for (int n = 0; n < N; ++n) Vector::add_wide(acc + r * kColumnBlock + n * kLanes, sum[r][n]);
  }

  template <int R, int N>
  static void chunks(const char* x, int64_t stride, const char* panel, int64_t groups, int64_t chunk,
                     int64_t* acc) noexcept {
    for (int r = 0; r < R; ++r)
      std::memset(acc + r * kColumnBlock, 0, static_cast<size_t>(N * kLanes) * sizeof(int64_t));
    for (int64_t g = 0; g < groups;) {
      const char* w = panel + g * N * kLanes * 4;
      if (chunk == 0) {
        // Two products might not fit: one after the other.
        tile<R, N, true>(x + g * 4, stride, w, 1, 0x0000FFFF, acc);
        tile<R, N, true>(x + g * 4, stride, w, 1, static_cast<int32_t>(0xFFFF0000), acc);
        ++g;
        continue;
      }
      const int64_t count = groups - g < chunk ? groups - g : chunk;
      tile<R, N, false>(x + g * 4, stride, w, count, -1, acc);
      g += count;
    }
  }

  template <int N>
  static void rows(const char* x, int64_t stride, int64_t count, const char* panel, int64_t groups, int64_t chunk,
                   int64_t* acc) noexcept {
    constexpr int kRows = Vector::kRows;
    int64_t r = 0;
    for (; r + kRows <= count; r += kRows)
      chunks<kRows, N>(x + r * stride, stride, panel, groups, chunk, acc + r * kColumnBlock);
    for (; r < count; ++r) chunks<1, N>(x + r * stride, stride, panel, groups, chunk, acc + r * kColumnBlock);
  }

  static void run(const void* left, const void* right, int64_t depth, const Block& b, int64_t* acc) {
    static_assert(Vector::kVectors == 4);
    Right header;
    std::memcpy(&header, right, sizeof header);
    const int64_t chunk = header.chunk > 0 ? header.chunk : 0;
    const int64_t all = groups(depth), stride = all * 4, count = b.last_row - b.first_row;
    const char* x = static_cast<const char*>(left) + b.first_row * stride;
    const char* panel = static_cast<const char*>(right) + sizeof header + columns_bytes(b.first_column, depth);
    for (int64_t c = b.first_column; c < b.last_column; c += kPanel, acc += kPanel) {
      switch ((b.last_column - c + kLanes - 1) / kLanes) {
        case 1: rows<1>(x, stride, count, panel, all, chunk, acc); break;
        case 2: rows<2>(x, stride, count, panel, all, chunk, acc); break;
        case 3: rows<3>(x, stride, count, panel, all, chunk, acc); break;
        default: rows<4>(x, stride, count, panel, all, chunk, acc); break;
      }
      panel += columns_bytes(kPanel, depth);
    }
  }

  static constexpr Kernel<int64_t> kernel(double macs_per_nanosecond) {
    return {"s16", left_bytes, right_bytes, pack_left, pack_right, run, macs_per_nanosecond};
  }
};

}  // namespace
}  // namespace sanderling::matmul
