// Tables of 256 bytes as 16 of 16, which vpshufb looks up: 0 where the index is negative.
//
// With y = x - 16 k (modulo 256 for k <= 8, saturated at -128 beyond), steps[k][y & 15] counts where y >= 0. For x
// below 128 that is k = 0 ... x / 16, for the others the 8 steps up to x / 16. Steps are such that their XOR is the
// entry.
#pragma once

#include "kernels/lut_q8/lut_q8.h"

namespace sanderling {
namespace {

constexpr int64_t kFewest = 96;  // bytes for which it pays to make the steps

// Load16: 16 bytes in each 128 bits of a vector. Xor: of two vectors.
template <class Vector, class Load16, class Xor>
inline __attribute__((always_inline)) void make_steps(const uint8_t* table, const Load16& load16, const Xor& exclusive,
                                                      Vector (&steps)[16]) {
  Vector before = steps[0] = load16(table);
#pragma GCC unroll 16
  for (int k = 1; k < 16; ++k) {
    const Vector entries = load16(table + 16 * k);
    steps[k] = exclusive(entries, before);
    if (k >= 8) steps[k] = exclusive(steps[k], steps[k - 8]);
    before = entries;
  }
}

}  // namespace
}  // namespace sanderling
