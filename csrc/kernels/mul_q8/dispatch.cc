#include "kernels/mul_q8/mul_q8.h"

namespace sanderling {
namespace {

constexpr FunctionRow<MulQ8Kernel> kMulQ8Rows[] = {
#define SANDERLING_KERNEL(isa, name) SANDERLING_IF_##isa({Isa::isa, #name, mul_q8_##isa##_##name}, )
#include "kernels/mul_q8/kernels.inc"
#undef SANDERLING_KERNEL
};

}  // namespace

const FunctionRow<MulQ8Kernel>& choose_mul_q8(Isa best) { return choose_function(kMulQ8Rows, best); }

}  // namespace sanderling
