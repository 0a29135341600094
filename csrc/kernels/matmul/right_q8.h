// How products_q8.h packs the right operand, in plain C++: for the kernels, and for packing on another processor
// (packers.cc).
//
// Columns has: kLanes; kBits, 8 or 4; kGroup; place(lane, k), the byte of a vector's where a weight of a group stands;
// and kVectors, the most vectors of columns in a tile. Of a group of four bits the first half is in the low nibbles,
// the second half in the high ones, each value 8 too large: 0 to 15.
#pragma once

#include <cstring>
#include <type_traits>

#include "kernels/matmul/matmul.h"

namespace sanderling::matmul {
namespace {

template <class Columns>
struct RightQ8 {
  static constexpr int64_t kLanes = Columns::kLanes, kGroup = Columns::kGroup;
  static constexpr int64_t kPanel = Columns::kVectors * kLanes;        // columns that are computed together
  static constexpr int64_t kGroupBytes = kGroup * Columns::kBits / 8;  // of a column

  static int64_t groups(int64_t depth) noexcept { return (depth + kGroup - 1) / kGroup; }

  // Right: a header; then panels of columns, the last one of as many vectors as it needs: the sums of the columns, then
  // weights [group of k][column][k in the group].
  struct Header {
    uint32_t zero;
    uint32_t care;  // the kernel's own
    uint32_t unused[14];
  };
  static int64_t columns_bytes(int64_t columns, int64_t depth) noexcept {
    const int64_t padded = (columns + kLanes - 1) / kLanes * kLanes;
    return padded * (4 + groups(depth) * kGroupBytes);
  }
  static size_t right_bytes(int64_t columns, int64_t depth) {
    return sizeof(Header) + static_cast<size_t>(columns_bytes(columns, depth));
  }

  template <class T>
  static void pack_columns(const Source& s, int64_t columns, int64_t depth, char* packed) noexcept {
    constexpr bool kNibbles = Columns::kBits == 4;
    const int32_t shift = std::is_same_v<T, uint8_t> ? 128 : kNibbles ? -8 : 0;
    const Header header = {static_cast<uint32_t>(s.zero_point - shift), 0, {}};
    std::memcpy(packed, &header, sizeof header);
    char* panel = packed + sizeof header;
    for (int64_t first = 0; first < columns; first += kPanel) {
      const int64_t used = columns - first < kPanel ? columns - first : kPanel;
      const int64_t width = (used + kLanes - 1) / kLanes * kLanes;
      uint32_t* sums = reinterpret_cast<uint32_t*>(panel);
      int8_t* weights = reinterpret_cast<int8_t*>(panel + width * 4);
      if (kNibbles || used < width || depth % kGroup != 0)
        std::memset(panel, 0, static_cast<size_t>(columns_bytes(used, depth)));
      for (int64_t c = 0; c < used; ++c) {
        const T* from = static_cast<const T*>(s.data) + (first + c) * s.vector_stride;
        int8_t* to = weights + c / kLanes * kLanes * kGroupBytes;
        uint32_t sum = 0;
        for (int64_t k = 0; k < depth; ++k) {
          const int8_t w = static_cast<int8_t>(from[k * s.depth_stride] - shift);
          int8_t& byte = to[k / kGroup * width * kGroupBytes + Columns::place(c % kLanes, k % kGroupBytes)];
          byte = static_cast<int8_t>(k % kGroup < kGroupBytes ? w : byte | w << 4);
          sum += static_cast<uint32_t>(w);
        }
        sums[c] = sum;
      }
      panel += columns_bytes(used, depth);
    }
  }

  static void pack_right(const Source& s, int64_t columns, int64_t depth, void* packed) {
    if (Columns::kBits == 4 || s.element == Element::s8)
      pack_columns<int8_t>(s, columns, depth, static_cast<char*>(packed));
    else
      pack_columns<uint8_t>(s, columns, depth, static_cast<char*>(packed));
  }

  // Whether one of the packed weights is w, which is not 0.
  static bool has_weight(int8_t w, int64_t columns, int64_t depth, const void* packed) noexcept {
    const char* panel = static_cast<const char*>(packed) + sizeof(Header);
    for (int64_t first = 0; first < columns; first += kPanel) {
      const int64_t used = columns - first < kPanel ? columns - first : kPanel;
      const int64_t sums = (used + kLanes - 1) / kLanes * kLanes * 4, bytes = columns_bytes(used, depth);
      if (std::memchr(panel + sums, w, static_cast<size_t>(bytes - sums)) != nullptr) return true;
      panel += bytes;
    }
    return false;
  }
};

}  // namespace
}  // namespace sanderling::matmul
