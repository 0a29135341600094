#include "kernels/arg_max_q8/arg_max_q8.h"

namespace sanderling {
namespace {

constexpr FunctionRow<ArgMaxQ8Kernel> kArgMaxQ8Rows[] = {
#define SANDERLING_KERNEL(isa, name) SANDERLING_IF_##isa({Isa::isa, #name, arg_max_q8_##isa##_##name}, )
#include "kernels/arg_max_q8/kernels.inc"
#undef SANDERLING_KERNEL
};

}  // namespace

const FunctionRow<ArgMaxQ8Kernel>& choose_arg_max_q8(Isa best) { return choose_function(kArgMaxQ8Rows, best); }

}  // namespace sanderling
