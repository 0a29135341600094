#include "kernels/peak/peak.h"

namespace sanderling {
namespace {

constexpr KernelRow<PeakLoop> kPeakRows[] = {
#define SANDERLING_KERNEL(isa, name) SANDERLING_IF_##isa({Isa::isa, #name, &peak_##isa##_##name}, )
#include "kernels/peak/kernels.inc"
#undef SANDERLING_KERNEL
};

}  // namespace

const KernelRow<PeakLoop>& choose_peak(bool is_float, Isa best) {
  const KernelRow<PeakLoop>* last = nullptr;
  for (const KernelRow<PeakLoop>& row : kPeakRows) {
    if (row.kernel->is_float != is_float) continue;
    last = &row;
    if (static_cast<int>(row.isa) >= static_cast<int>(best) && isa_available(row.isa)) break;
  }
  return *last;
}

}  // namespace sanderling
