// What SOFTMAX and LOG_SOFTMAX of 8-bit values share: the exponentials of all differences to a row's maximum.
#pragma once

#include <array>
#include <cstdint>

#include "quant/requantize.h"

namespace sanderling {

struct SoftmaxTable {
  // By difference to the maximum, from 0 down to -255:
  std::array<int32_t, 256> scaled;  // times the input's scale (and beta), 5 integer bits
  std::array<int32_t, 256> exp;     // its exponential, no integer bits; 0 below diff_min
  std::array<uint32_t, 256> term;   // the same with 12 integer bits: what a sum adds
  int32_t diff_min;                 // differences below it do not fit `scaled`
  Multiplier multiplier;
};

// scale: of one input step, times beta. Throws Error unless it is above 0.
SoftmaxTable make_softmax_table(double scale);

// Largest of n > 0 bytes as values: byte ^ flip is unsigned and in order (flip 0x80 for int8, 0 for uint8).
inline int32_t row_maximum(const uint8_t* x, int64_t n, uint8_t flip) {
  uint8_t most = 0;
  for (int64_t i = 0; i < n; ++i) {
    uint8_t v = x[i] ^ flip;
    most = v > most ? v : most;
  }
  return most;
}

}  // namespace sanderling
