#include "kernels/lut_q8/lut_q8.h"

namespace sanderling {

LutQ8Choice choose_lut_q8(Isa limit) {
  static constexpr LutQ8Choice kernels[] = {
#define SANDERLING_KERNEL(isa, function) {Isa::isa, function},
#include "kernels/lut_q8/kernels.inc"
#undef SANDERLING_KERNEL
  };
  // Isa counts from best to worst.
  for (const LutQ8Choice& k : kernels)
    if (k.isa >= limit && isa_available(k.isa)) return k;
  return {Isa::portable, lut_q8_portable};
}

}  // namespace sanderling
