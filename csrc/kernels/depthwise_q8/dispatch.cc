#include "kernels/depthwise_q8/depthwise_q8.h"

namespace sanderling {
namespace {

constexpr KernelRow<DepthwiseQ8Kernel> kDepthwiseQ8Rows[] = {
#define SANDERLING_KERNEL(isa, name) SANDERLING_IF_##isa({Isa::isa, #name, &depthwise_q8_##isa##_##name}, )
#include "kernels/depthwise_q8/kernels.inc"
#undef SANDERLING_KERNEL
};

}  // namespace

const KernelRow<DepthwiseQ8Kernel>& choose_depthwise_q8(const DepthwiseQ8& c, Isa best) {
  return choose_kernel(kDepthwiseQ8Rows, c, best);
}

}  // namespace sanderling
