#include <arm_neon.h>

#include "kernels/peak/chains.h"

namespace sanderling {
namespace {

struct Bytes {
  using Lane = int32_t;
  using Sum = int32x4_t;
  using Factor = int8x16_t;
  static Sum zero() { return vdupq_n_s32(0); }
  static Factor ones() { return vdupq_n_s8(1); }
  static Sum run(Sum s, Factor x, Factor w) { return vdotq_s32(s, x, w); }
};

}  // namespace

const PeakLoop peak_neon_dotprod_sdot = {false, run_chains<Bytes>};

}  // namespace sanderling
