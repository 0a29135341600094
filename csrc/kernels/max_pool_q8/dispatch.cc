#include "kernels/max_pool_q8/max_pool_q8.h"

namespace sanderling {
namespace {

constexpr FunctionRow<MaxPoolQ8Kernel> kMaxPoolQ8Rows[] = {
#define SANDERLING_KERNEL(isa, name) SANDERLING_IF_##isa({Isa::isa, #name, max_pool_q8_##isa##_##name}, )
#include "kernels/max_pool_q8/kernels.inc"
#undef SANDERLING_KERNEL
};

}  // namespace

const FunctionRow<MaxPoolQ8Kernel>& choose_max_pool_q8(Isa best) { return choose_function(kMaxPoolQ8Rows, best); }

}  // namespace sanderling
