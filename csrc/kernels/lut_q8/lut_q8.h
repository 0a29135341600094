// A function of one 8-bit value, as a table.
//
//   out[i] = table[x[i]]
//
// x and out: n bytes, equal or without overlap; table: 256 bytes.
#pragma once

#include <cstdint>

#include "cpu/isa.h"

namespace sanderling {

using LutQ8Kernel = void (*)(const uint8_t* x, uint8_t* out, int64_t n, const uint8_t* table);

struct LutQ8Choice {
  Isa isa;
  LutQ8Kernel run;
};
// The best kernel that is no better than `limit`.
LutQ8Choice choose_lut_q8(Isa limit);

void lut_q8_portable(const uint8_t* x, uint8_t* out, int64_t n, const uint8_t* table);

}  // namespace sanderling
