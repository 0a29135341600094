// The quotient of two floats as an integer, as quantization rounds it.
#pragma once

#include <cstdint>
#include <cstring>
#include <limits>

namespace sanderling {

// x within [-2^17, 2^17], also of infinities and NaN. On bits, as compilers do not vectorise comparisons of floats that
// may trap.
static inline float bounded(float x) {
  constexpr int32_t bound = 0x48000000, sign = std::numeric_limits<int32_t>::min();
  int32_t bits;
  std::memcpy(&bits, &x, 4);
  int32_t magnitude = bits & ~sign;
  bits = (magnitude < bound ? magnitude : bound) | (bits & sign);
  std::memcpy(&x, &bits, 4);
  return x;
}

// x / scale to nearest, half away from zero; at +-2^17 beyond it.
static inline int32_t round_quotient(float x, float scale) {
  // Beyond the bounds any zero point saturates; within them what truncation leaves is exact.
  const float q = bounded(x / scale);
  const int32_t whole = static_cast<int32_t>(q);
  const float rest = q - static_cast<float>(whole);
  return whole + static_cast<int32_t>(rest + rest);  // 1 from 0.5 on, -1 from -0.5 on
}

}  // namespace sanderling
