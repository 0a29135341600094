#include "kernels/lut_q8/lut_q8.h"

namespace sanderling {
namespace {

constexpr FunctionRow<LutQ8Kernel> kLutQ8Rows[] = {
#define SANDERLING_KERNEL(isa, name) SANDERLING_IF_##isa({Isa::isa, #name, lut_q8_##isa##_##name}, )
#include "kernels/lut_q8/kernels.inc"
#undef SANDERLING_KERNEL
};

}  // namespace

const FunctionRow<LutQ8Kernel>& choose_lut_q8(Isa best) { return choose_function(kLutQ8Rows, best); }

}  // namespace sanderling
