#include "kernels/depthwise_f32/depthwise_f32.h"

namespace sanderling {
namespace {

constexpr KernelRow<DepthwiseF32Kernel> kDepthwiseF32Rows[] = {
#define SANDERLING_KERNEL(isa, name) SANDERLING_IF_##isa({Isa::isa, #name, &depthwise_f32_##isa##_##name}, )
#include "kernels/depthwise_f32/kernels.inc"
#undef SANDERLING_KERNEL
};

}  // namespace

const KernelRow<DepthwiseF32Kernel>& choose_depthwise_f32(const DepthwiseF32& c, Isa best) {
  return choose_kernel(kDepthwiseF32Rows, c, best);
}

}  // namespace sanderling
