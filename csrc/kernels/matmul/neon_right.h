// How NEON kernels pack the right operand of q8, in plain C++.
#pragma once

#include "kernels/matmul/right_q8.h"

namespace sanderling::matmul {
namespace {

struct NeonColumns {
  static constexpr int64_t kLanes = 4, kGroup = 4;
  static constexpr int kVectors = 4, kBits = 8;
};

// Dot products: [lane][4].
struct DotColumns : NeonColumns {
  static constexpr int64_t place(int64_t lane, int64_t k) noexcept { return lane * 4 + k; }
};

// Without them: [half of the group][lane][2].
struct PairColumns : NeonColumns {
  static constexpr int64_t place(int64_t lane, int64_t k) noexcept { return k / 2 * 8 + lane * 2 + k % 2; }
};

// The same of four bits.
struct DotColumns4 : DotColumns {
  static constexpr int64_t kGroup = 8;
  static constexpr int kBits = 4;
};
struct PairColumns4 : PairColumns {
  static constexpr int64_t kGroup = 8;
  static constexpr int kBits = 4;
};

// Two products fit int16 unless both are -128 * -128: where two weights of -128 meet, each product is added alone.
struct RightPairs : RightQ8<PairColumns> {
  // Whether two weights of -128 meet.
  static bool needs_care(const Source& s, int64_t columns, int64_t depth) {
    const int64_t k_stride = s.depth_stride;
    const int32_t least = s.element == Element::s8 ? 0x80 : 0;
    for (int64_t c = 0; c < columns; ++c) {
      const uint8_t* from = static_cast<const uint8_t*>(s.data) + c * s.vector_stride;
      for (int64_t k = 0; k + 2 < depth; ++k)
        if ((k & 2) == 0 && from[k * k_stride] == least && from[(k + 2) * k_stride] == least) return true;
    }
    return false;
  }

  static void pack_right(const Source& s, int64_t columns, int64_t depth, void* packed) {
    RightQ8::pack_right(s, columns, depth, packed);
    static_cast<Header*>(packed)->care = needs_care(s, columns, depth);
  }
};

}  // namespace
}  // namespace sanderling::matmul
