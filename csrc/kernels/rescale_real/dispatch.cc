#include "kernels/rescale_real/rescale_real.h"

namespace sanderling {
namespace {

constexpr FunctionRow<RescaleRealKernel> kRescaleRealRows[] = {
#define SANDERLING_KERNEL(isa, name) SANDERLING_IF_##isa({Isa::isa, #name, rescale_real_##isa##_##name}, )
#include "kernels/rescale_real/kernels.inc"
#undef SANDERLING_KERNEL
};

}  // namespace

const FunctionRow<RescaleRealKernel>& choose_rescale_real(Isa best) { return choose_function(kRescaleRealRows, best); }

}  // namespace sanderling
