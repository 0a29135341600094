#include "quant/requantize.h"

#include <cstring>

namespace sanderling {

Multiplier quantize_multiplier(double real) {
  if (!(real > 0)) return {};
  if (!(real < 2147483648.0)) return {std::numeric_limits<int32_t>::max(), 31};
  // real = q * 2^shift with q in [1/2, 1); round(q * 2^31), half away from zero, from the bits of the double: models
  // have tens of thousands of multipliers, and frexp() and round() are calls. (Denormal numbers have shifts below -31,
  // too.)
  uint64_t bits;
  std::memcpy(&bits, &real, sizeof bits);
  int32_t shift = static_cast<int32_t>(bits >> 52) - 1022;
  uint64_t fixed = ((bits & ((uint64_t{1} << 52) - 1)) + (uint64_t{1} << 52) + (uint64_t{1} << 21)) >> 22;
  if (fixed == uint64_t{1} << 31) {
    fixed /= 2;
    ++shift;
  }
  if (shift < -31) return {};
  return {static_cast<int32_t>(fixed), shift};
}

}  // namespace sanderling
