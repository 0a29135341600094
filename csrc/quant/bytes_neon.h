// What NEON kernels of bytes share: halves of registers, and rows.
#pragma once

#include <arm_neon.h>

#include <cstdint>
#include <cstring>

#define SANDERLING_INLINE static inline __attribute__((always_inline))

namespace sanderling {
namespace {

// The upper halves; ARMv7 has no instructions for them.
#ifdef __aarch64__
SANDERLING_INLINE int16x8_t subtract_high(int8x16_t a, int8x16_t b) { return vsubl_high_s8(a, b); }
SANDERLING_INLINE int32x4_t multiply_high(int16x8_t a, int16x8_t b) { return vmull_high_s16(a, b); }
SANDERLING_INLINE int32x4_t add_multiple_high(int32x4_t sum, int16x8_t a, int16x8_t b) {
  return vmlal_high_s16(sum, a, b);
}
#else
SANDERLING_INLINE int16x8_t subtract_high(int8x16_t a, int8x16_t b) {
  return vsubl_s8(vget_high_s8(a), vget_high_s8(b));
}
SANDERLING_INLINE int32x4_t multiply_high(int16x8_t a, int16x8_t b) {
  return vmull_s16(vget_high_s16(a), vget_high_s16(b));
}
SANDERLING_INLINE int32x4_t add_multiple_high(int32x4_t sum, int16x8_t a, int16x8_t b) {
  return vmlal_s16(sum, vget_high_s16(a), vget_high_s16(b));
}
#endif
SANDERLING_INLINE int16x8_t subtract_low(int8x16_t a, int8x16_t b) { return vsubl_s8(vget_low_s8(a), vget_low_s8(b)); }
SANDERLING_INLINE int32x4_t multiply_low(int16x8_t a, int16x8_t b) {
  return vmull_s16(vget_low_s16(a), vget_low_s16(b));
}
SANDERLING_INLINE int32x4_t add_multiple_low(int32x4_t sum, int16x8_t a, int16x8_t b) {
  return vmlal_s16(sum, vget_low_s16(a), vget_low_s16(b));
}

SANDERLING_INLINE int8x16_t load_flipped(const uint8_t* p, uint8x16_t flip) {
  return vreinterpretq_s8_u8(veorq_u8(vld1q_u8(p), flip));
}

// out[i] = f(a[i], b[i]) for n bytes, as uint8x16_t f(const uint8_t* a, const uint8_t* b). The last vector may overlap
// the one before it: out must overlap no input.
template <class F>
SANDERLING_INLINE void byte_rows(const uint8_t* a, const uint8_t* b, uint8_t* out, int64_t n, const F& f) {
  if (n < 16) {
    uint8_t rest[3][16] = {};
    std::memcpy(rest[0], a, static_cast<size_t>(n));
    std::memcpy(rest[1], b, static_cast<size_t>(n));
    vst1q_u8(rest[2], f(rest[0], rest[1]));
    std::memcpy(out, rest[2], static_cast<size_t>(n));
    return;
  }
  for (int64_t i = 0; i < n; i += 16) {
    if (i > n - 16) i = n - 16;
    vst1q_u8(out + i, f(a + i, b + i));
  }
}

}  // namespace
}  // namespace sanderling
