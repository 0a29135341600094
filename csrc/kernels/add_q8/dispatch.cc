#include "kernels/add_q8/add_q8.h"

namespace sanderling {
namespace {

constexpr FunctionRow<AddQ8Kernel> kAddQ8Rows[] = {
#define SANDERLING_KERNEL(isa, name) SANDERLING_IF_##isa({Isa::isa, #name, add_q8_##isa##_##name}, )
#include "kernels/add_q8/kernels.inc"
#undef SANDERLING_KERNEL
};

}  // namespace

const FunctionRow<AddQ8Kernel>& choose_add_q8(Isa best) { return choose_function(kAddQ8Rows, best); }

}  // namespace sanderling
