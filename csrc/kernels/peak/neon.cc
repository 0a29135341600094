#include <arm_neon.h>

#include "kernels/peak/chains.h"

namespace sanderling {
namespace {

// 16 products of bytes: two lots of 8 in 16 bits, whose neighbours are added to four sums.
struct Bytes {
  using Lane = int32_t;
  using Sum = int32x4_t;
  using Factor = int8x8_t;
  static Sum zero() { return vdupq_n_s32(0); }
  static Factor ones() { return vdup_n_s8(1); }
  static Sum run(Sum s, Factor x, Factor w) { return vpadalq_s16(s, vmlal_s8(vmull_s8(x, w), x, w)); }
};

struct Floats {
  using Lane = float;
  using Sum = float32x4_t;
  using Factor = float32x4_t;
  static Sum zero() { return vdupq_n_f32(0); }
  static Factor ones() { return vdupq_n_f32(1); }
#if defined(__aarch64__)
  static Sum run(Sum s, Factor x, Factor w) { return vfmaq_f32(s, x, w); }
#else
  static Sum run(Sum s, Factor x, Factor w) { return vmlaq_f32(s, x, w); }
#endif
};

}  // namespace

const PeakLoop peak_neon_smlal_sadalp = {false, run_chains<Bytes>};
const PeakLoop peak_neon_vmla = {true, run_chains<Floats>};

}  // namespace sanderling
