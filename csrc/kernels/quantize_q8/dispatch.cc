#include "kernels/quantize_q8/quantize_q8.h"

namespace sanderling {
namespace {

constexpr FunctionRow<QuantizeQ8Kernel> kQuantizeQ8Rows[] = {
#define SANDERLING_KERNEL(isa, name) SANDERLING_IF_##isa({Isa::isa, #name, quantize_q8_##isa##_##name}, )
#include "kernels/quantize_q8/kernels.inc"
#undef SANDERLING_KERNEL
};

}  // namespace

const FunctionRow<QuantizeQ8Kernel>& choose_quantize_q8(Isa best) { return choose_function(kQuantizeQ8Rows, best); }

}  // namespace sanderling
