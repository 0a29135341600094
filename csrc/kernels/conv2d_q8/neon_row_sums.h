// Sums of rows of bytes, four rows together.
#pragma once

#include <arm_neon.h>

#include <cstdint>
#include <cstring>

namespace sanderling {
namespace {

// The n < 16 bytes at the end of a row; nothing behind them is read.
inline int8x16_t load_rest(const int8_t* x, int64_t n) {
  if (n == 8) return vcombine_s8(vld1_s8(x), vdup_n_s8(0));
  int8_t rest[16] = {};
  std::memcpy(rest, x, static_cast<size_t>(n));
  return vld1q_s8(rest);
}

inline int32x4_t add_pairs(int32x4_t a, int32x4_t b) {
#ifdef __aarch64__
  return vpaddq_s32(a, b);
#else
  return vcombine_s32(vpadd_s32(vget_low_s32(a), vget_high_s32(a)), vpadd_s32(vget_low_s32(b), vget_high_s32(b)));
#endif
}

// to[i] = factor * the sum of row i, for i < count; wraps. Tiles::add_bytes(sums, x) adds sixteen bytes to four sums.
template <class Tiles>
inline void sum_rows(const int8_t* row, int64_t stride, int64_t n, int64_t count, int32_t factor, int32_t* to) {
  const int64_t whole = n / 16 * 16;
  for (; count > 0; count -= 4, row += 4 * stride, to += 4) {
    const int8_t *x0 = row, *x1 = count > 1 ? x0 + stride : row, *x2 = count > 2 ? x1 + stride : row;
    const int8_t* x3 = count > 3 ? x2 + stride : row;
    int32x4_t a = vdupq_n_s32(0), b = a, c = a, d = a;
    for (int64_t k = 0; k < whole; k += 16) {
      a = Tiles::add_bytes(a, vld1q_s8(x0 + k)), b = Tiles::add_bytes(b, vld1q_s8(x1 + k));
      c = Tiles::add_bytes(c, vld1q_s8(x2 + k)), d = Tiles::add_bytes(d, vld1q_s8(x3 + k));
    }
    if (whole < n) {
      a = Tiles::add_bytes(a, load_rest(x0 + whole, n - whole));
      b = Tiles::add_bytes(b, load_rest(x1 + whole, n - whole));
      c = Tiles::add_bytes(c, load_rest(x2 + whole, n - whole));
      d = Tiles::add_bytes(d, load_rest(x3 + whole, n - whole));
    }
    const int32x4_t ab = add_pairs(a, b), cd = add_pairs(c, d);
    const int32x4_t sums = vmulq_n_s32(add_pairs(ab, cd), factor);
    if (count >= 4) {
      vst1q_s32(to, sums);
    } else {
      int32_t last[4];
      vst1q_s32(last, sums);
      std::memcpy(to, last, static_cast<size_t>(count) * sizeof(int32_t));
    }
  }
}

}  // namespace
}  // namespace sanderling
