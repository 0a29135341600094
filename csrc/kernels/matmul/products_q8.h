// q8 for vectors: each 32-bit lane is a column, and takes the products of kGroup neighbouring k at once.
//
// With elements x of the left operand and w of the right one as they are packed, x = left - left_zero + bias and
// w = right - right_zero + zero,
//   acc = sum x * w - bias * sum w - zero * (sum x - depth * bias)   modulo 2^32.
//
// Vector has, besides what right_q8.h needs: Type (of int32 lanes), Left (the packed left element: uint8_t, int8_t, or
// int16_t for the values of int8_t), splat(x), load(p), store(p, v), add, subtract, multiply, weights(p), values(p)
// (kGroup left elements for each lane), dot(sum, x, w); kRows, the rows of a tile; kAhead, the bytes by which a single
// row asks for weights before it needs them, or 0. Sums has what dot adds to, where that is not one Type for a vector
// of columns: see OneSum.
#pragma once

#include <cstring>
#include <type_traits>

#include "kernels/matmul/right_q8.h"

namespace sanderling::matmul {
namespace {

template <class Vector>
struct OneSum {
  using Type = typename Vector::Type;
  static constexpr int kVectors = Vector::kVectors;  // of columns in a tile of several rows
  static Type zero() noexcept { return Vector::splat(0); }
  static Type add(Type a, Type b) noexcept { return Vector::add(a, b); }
  static Type total(Type sum) noexcept { return sum; }
};

template <class Vector, class Sums = OneSum<Vector>>
struct ProductsQ8 : RightQ8<Vector> {
  using Packed = RightQ8<Vector>;
  using Right = typename Packed::Header;
  using Packed::columns_bytes, Packed::groups, Packed::pack_right, Packed::right_bytes;
  using V = typename Vector::Type;
  using Sum = typename Sums::Type;
  using Left = typename Vector::Left;
  static constexpr int64_t kLanes = Vector::kLanes, kGroup = Vector::kGroup;
  static constexpr int64_t kPanel = Packed::kPanel;
  static constexpr int64_t kValues = kGroup * static_cast<int64_t>(sizeof(Left));  // bytes of a group, left
  static constexpr int64_t kWeights = kLanes * Packed::kGroupBytes;                // of a vector of columns
  static_assert(kColumnBlock % kPanel == 0);

  // Left: each row is a header, and its elements, padded with zeros to whole groups.
  struct Row {
    uint32_t bias, sum;
    uint32_t unused[2];
  };
  static int64_t left_stride(int64_t depth) noexcept {
    return static_cast<int64_t>(sizeof(Row)) + groups(depth) * kValues;
  }
  static size_t left_bytes(int64_t rows, int64_t depth) { return static_cast<size_t>(rows * left_stride(depth)); }

  template <class T>
  static void pack_rows(const Source& s, int64_t first, int64_t last, int64_t depth, void* packed) noexcept {
    constexpr bool kSigned = std::is_signed_v<Left>;
    constexpr int32_t kShift = std::is_signed_v<T> == kSigned ? 0 : (kSigned ? 128 : -128);
    for (int64_t i = first; i < last; ++i) {
      char* row = static_cast<char*>(packed) + i * left_stride(depth);
      const T* __restrict from = static_cast<const T*>(s.data) + i * s.vector_stride;
      Left* __restrict to = reinterpret_cast<Left*>(row + sizeof(Row));
      if (s.depth_stride == 1)
        for (int64_t k = 0; k < depth; ++k) to[k] = static_cast<Left>(from[k] - kShift);
      else
        for (int64_t k = 0; k < depth; ++k) to[k] = static_cast<Left>(from[k * s.depth_stride] - kShift);
      for (int64_t k = depth; k < groups(depth) * kGroup; ++k) to[k] = 0;
      Row header = {static_cast<uint32_t>(s.zero_point - kShift), 0, {}};
      for (int64_t k = 0; k < depth; ++k) header.sum += static_cast<uint32_t>(to[k]);
      std::memcpy(row, &header, sizeof header);
    }
  }

  static void pack_left(const Source& s, int64_t first, int64_t last, int64_t depth, void* packed) {
    if (s.element == Element::s8)
      pack_rows<int8_t>(s, first, last, depth, packed);
    else
      pack_rows<uint8_t>(s, first, last, depth, packed);
  }

  // sum[u] += products of groups u, u + U, ...; whole rounds of U groups only. Returns the groups that are left. A
  // group has W vectors of columns, of which the first N are taken.
  template <int W, int R, int N, int U>
  static int64_t products(const char*& x, int64_t stride, const int8_t*& w, int64_t groups,
                          Sum (&sum)[U][R][N]) noexcept {
    for (; groups >= U; groups -= U, x += kValues * U, w += U * W * kWeights)
#pragma GCC unroll 4
      for (int u = 0; u < U; ++u) {
        if constexpr (R == 1 && Vector::kAhead > 0)
#pragma GCC unroll 2
          for (int64_t line = 0; line < W * kWeights; line += 64)
            __builtin_prefetch(w + u * W * kWeights + line + Vector::kAhead);
        decltype(Vector::weights(w)) columns[N];
#pragma GCC unroll 4
        for (int n = 0; n < N; ++n) columns[n] = Vector::weights(w + (u * W + n) * kWeights);
#pragma GCC unroll 4
        for (int r = 0; r < R; ++r) {
          const auto value = Vector::values(x + r * stride + kValues * u);
#pragma GCC unroll 4
          for (int n = 0; n < N; ++n) sum[u][r][n] = Vector::dot(sum[u][r][n], value, columns[n]);
        }
      }
    return groups;
  }

  // R rows and N vectors of columns, from vector `First` of a panel of W.
  template <int W, int R, int N, int First>
  static void tile(const char* left, int64_t stride, const char* panel, int64_t groups, uint32_t zero, int64_t depth,
                   int32_t* acc) noexcept {
    // A single row has too few sums to keep the multipliers busy: it takes several of each.
    constexpr int kSums = static_cast<int>(sizeof(Sum) / sizeof(V)) * N;
    constexpr int U = R > 1 || kSums > 4 ? 1 : (kSums > 2 ? 2 : 4);
    Sum part[U][R][N];
#pragma GCC unroll 4
    for (int u = 0; u < U; ++u)
#pragma GCC unroll 4
      for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
        for (int n = 0; n < N; ++n) part[u][r][n] = Sums::zero();
    const int8_t* w = reinterpret_cast<const int8_t*>(panel) + W * kLanes * 4 + First * kWeights;
    const char* x = left + sizeof(Row);
    const int64_t rest = products<W, R, N, U>(x, stride, w, groups, part);
    Sum sum[1][R][N];
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
      for (int n = 0; n < N; ++n) {
        sum[0][r][n] = part[0][r][n];
#pragma GCC unroll 4
        for (int u = 1; u < U; ++u) sum[0][r][n] = Sums::add(sum[0][r][n], part[u][r][n]);
      }
    if (U > 1) products<W, R, N, 1>(x, stride, w, rest, sum);
    const int32_t* sums = reinterpret_cast<const int32_t*>(panel) + First * kLanes;
    acc += First * kLanes;
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) {
      Row row;
      std::memcpy(&row, left + r * stride, sizeof row);
      const uint32_t fixed = zero * (row.sum - static_cast<uint32_t>(depth) * row.bias);
      const V minus = Vector::splat(static_cast<int32_t>(fixed)), bias = Vector::splat(static_cast<int32_t>(row.bias));
#pragma GCC unroll 4
      for (int n = 0; n < N; ++n) {
        const V correction = Vector::add(minus, Vector::multiply(bias, Vector::load(sums + n * kLanes)));
        Vector::store(acc + r * kColumnBlock + n * kLanes, Vector::subtract(Sums::total(sum[0][r][n]), correction));
      }
    }
  }

  // R rows and the vectors from `First` of a panel of W.
  template <int W, int R, int First = 0>
  static void tiles(const char* left, int64_t stride, const char* panel, int64_t groups, uint32_t zero, int64_t depth,
                    int32_t* acc) noexcept {
    constexpr int kMost = R > 1 ? Sums::kVectors : Vector::kVectors, N = W - First < kMost ? W - First : kMost;
    tile<W, R, N, First>(left, stride, panel, groups, zero, depth, acc);
    if constexpr (First + N < W) tiles<W, R, First + N>(left, stride, panel, groups, zero, depth, acc);
  }

  template <int W>
  static void rows(const char* left, int64_t stride, int64_t count, const char* panel, uint32_t zero, int64_t depth,
                   int32_t* acc) noexcept {
    constexpr int kRows = Vector::kRows;
    const int64_t all = groups(depth);
    int64_t r = 0;
    for (; r + kRows <= count; r += kRows)
      tiles<W, kRows>(left + r * stride, stride, panel, all, zero, depth, acc + r * kColumnBlock);
    for (; r < count; ++r) tiles<W, 1>(left + r * stride, stride, panel, all, zero, depth, acc + r * kColumnBlock);
  }

  static void run(const void* left, const void* right, int64_t depth, const Block& b, int32_t* acc) {
    static_assert(Vector::kVectors == 4);
    Right header;
    std::memcpy(&header, right, sizeof header);
    const int64_t stride = left_stride(depth), count = b.last_row - b.first_row;
    const char* x = static_cast<const char*>(left) + b.first_row * stride;
    const char* panel = static_cast<const char*>(right) + sizeof header + columns_bytes(b.first_column, depth);
    for (int64_t c = b.first_column; c < b.last_column; c += kPanel, acc += kPanel) {
      const int64_t rest = b.last_column - c;
      switch ((rest + kLanes - 1) / kLanes) {
        case 1: rows<1>(x, stride, count, panel, header.zero, depth, acc); break;
        case 2: rows<2>(x, stride, count, panel, header.zero, depth, acc); break;
        case 3: rows<3>(x, stride, count, panel, header.zero, depth, acc); break;
        default: rows<4>(x, stride, count, panel, header.zero, depth, acc); break;
      }
      panel += columns_bytes(kPanel, depth);
    }
  }

  static constexpr Kernel<int32_t> kernel(double macs_per_nanosecond) {
    constexpr bool kInt4 = Vector::kBits == 4;
    return {kInt4 ? "q4" : "q8", left_bytes, right_bytes, pack_left, pack_right, run, macs_per_nanosecond, kInt4};
  }
};

}  // namespace
}  // namespace sanderling::matmul
