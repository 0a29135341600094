// A function of one 8-bit value, as a table.
//
//   out[i] = table[x[i]]
//
// x and out: n bytes, equal or without overlap; table: 256 bytes.
#pragma once

#include <cstdint>

#include "cpu/kernels.h"

namespace sanderling {

using LutQ8Kernel = void(const uint8_t* x, uint8_t* out, int64_t n, const uint8_t* table);

// Whether n bytes are many enough to look, and the entries are their indices XORed with the first entry, as from uint8
// to int8 of the same scale.
static inline bool is_flip(const uint8_t* table, int64_t n) {
  if (n < 2048) return false;
  for (int i = 1; i < 256; ++i)
    if ((table[i] ^ i) != table[0]) return false;
  return true;
}

#define SANDERLING_KERNEL(isa, name) LutQ8Kernel lut_q8_##isa##_##name;
#include "kernels/lut_q8/kernels.inc"
#undef SANDERLING_KERNEL

const FunctionRow<LutQ8Kernel>& choose_lut_q8(Isa best);

}  // namespace sanderling
