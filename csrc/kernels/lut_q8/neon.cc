// The table as four of 64 bytes, in 16 registers: tbl gives 0 for an index out of its range, tbx leaves the byte as it
// is.
#ifdef __aarch64__

#include <arm_neon.h>

#include "kernels/lut_q8/lut_q8.h"

namespace sanderling {
namespace {

constexpr int64_t kFewest = 32;  // bytes for which it pays to load the table

inline __attribute__((always_inline)) uint8x16_t look_up(uint8x16_t x, const uint8x16x4_t (&tables)[4]) {
  const uint8x16_t step = vdupq_n_u8(64);
  uint8x16_t y = vqtbl4q_u8(tables[0], x);
  x = vsubq_u8(x, step);
  y = vqtbx4q_u8(y, tables[1], x);
  x = vsubq_u8(x, step);
  y = vqtbx4q_u8(y, tables[2], x);
  x = vsubq_u8(x, step);
  return vqtbx4q_u8(y, tables[3], x);
}

}  // namespace

void lut_q8_neon_tbl(const uint8_t* x, uint8_t* out, int64_t n, const uint8_t* table) {
  if (n >= kFewest && !is_flip(table, n)) {
    const uint8x16x4_t tables[4] = {vld1q_u8_x4(table), vld1q_u8_x4(table + 64), vld1q_u8_x4(table + 128),
                                    vld1q_u8_x4(table + 192)};
    for (; n >= 32; n -= 32, x += 32, out += 32) {
      const uint8x16_t a = vld1q_u8(x), b = vld1q_u8(x + 16);
      vst1q_u8(out, look_up(a, tables));
      vst1q_u8(out + 16, look_up(b, tables));
    }
    if (n >= 16) {
      vst1q_u8(out, look_up(vld1q_u8(x), tables));
      n -= 16, x += 16, out += 16;
    }
  }
  lut_q8_portable_plain(x, out, n, table);
}

}  // namespace sanderling

#endif
