#include "kernels/mul_q8/mul_q8.h"

namespace sanderling {

MulQ8Choice choose_mul_q8(Isa limit) {
  static constexpr MulQ8Choice kernels[] = {
#define SANDERLING_KERNEL(isa, function) {Isa::isa, function},
#include "kernels/mul_q8/kernels.inc"
#undef SANDERLING_KERNEL
  };
  // Isa counts from best to worst.
  for (const MulQ8Choice& k : kernels)
    if (k.isa >= limit && isa_available(k.isa)) return k;
  return {Isa::portable, mul_q8_portable};
}

}  // namespace sanderling
