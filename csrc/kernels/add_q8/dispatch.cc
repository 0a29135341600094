#include "kernels/add_q8/add_q8.h"

namespace sanderling {

AddQ8Choice choose_add_q8(Isa limit) {
  static constexpr AddQ8Choice kernels[] = {
#define SANDERLING_KERNEL(isa, function) {Isa::isa, function},
#include "kernels/add_q8/kernels.inc"
#undef SANDERLING_KERNEL
  };
  // Isa counts from best to worst.
  for (const AddQ8Choice& k : kernels)
    if (k.isa >= limit && isa_available(k.isa)) return k;
  return {Isa::portable, add_q8_portable};
}

}  // namespace sanderling
