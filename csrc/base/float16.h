// IEEE half precision, held in uint16_t.
#pragma once

#include <cstdint>
#include <cstring>

namespace sanderling {

static inline float half_to_float(uint16_t h) {
  uint32_t sign = static_cast<uint32_t>(h & 0x8000) << 16, exponent = (h >> 10) & 31, fraction = h & 0x3FF, bits;
  if (exponent == 0) {
    // Zero or subnormal: fraction * 2^-24.
    float magnitude = static_cast<float>(fraction) * (1.0f / (1 << 24));
    std::memcpy(&bits, &magnitude, 4);
    bits |= sign;
  } else {
    bits = sign | ((exponent == 31 ? 255 : exponent + 112) << 23) | (fraction << 13);
  }
  float x;
  std::memcpy(&x, &bits, 4);
  return x;
}

// To nearest, ties to even; too large becomes infinity.
static inline uint16_t float_to_half(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, 4);
  uint32_t sign = (bits >> 16) & 0x8000, magnitude = bits & 0x7FFFFFFF;
  if (magnitude > 0x7F800000) return static_cast<uint16_t>(sign | 0x7E00);   // NaN
  if (magnitude >= 0x47800000) return static_cast<uint16_t>(sign | 0x7C00);  // 2^16 and above
  if (magnitude < 0x38800000) {
    // Below 2^-14: adding 1/2 leaves the multiple of 2^-24, rounded, in the low bits.
    float shifted;
    std::memcpy(&shifted, &magnitude, 4);
    shifted += 0.5f;
    std::memcpy(&bits, &shifted, 4);
    return static_cast<uint16_t>(sign | (bits - 0x3F000000));
  }
  uint32_t rounded = magnitude + 0xFFF + ((magnitude >> 13) & 1);
  return static_cast<uint16_t>(sign | ((rounded >> 13) - (112 << 10)));
}

}  // namespace sanderling
