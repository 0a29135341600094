// Divisions by powers of two in places where the reference does not mind the range of the exponent.
#pragma once

#include <cstdint>

#include "quant/requantize.h"

namespace sanderling {

// rounding_divide_by_pot for exponents that the reference should not have, but has: outside [0, 31] the result is what
// its shifts give on 64-bit hardware, which takes their counts modulo the width.
static inline int32_t divide_by_any_pot(int32_t x, int exponent) {
  const int32_t mask = static_cast<int32_t>((uint64_t{1} << (exponent & 63)) - 1);
  const int32_t remainder = x & mask;
  const int32_t threshold = (mask >> 1) + (x < 0 ? 1 : 0);
  return wrapping_add(x >> (exponent & 31), remainder > threshold ? 1 : 0);
}

}  // namespace sanderling
