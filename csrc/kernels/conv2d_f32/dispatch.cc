#include "kernels/conv2d_f32/conv2d_f32.h"

namespace sanderling {
namespace {

constexpr KernelRow<Conv2dF32Kernel> kConv2dF32Rows[] = {
#define SANDERLING_KERNEL(isa, name) SANDERLING_IF_##isa({Isa::isa, #name, &conv2d_f32_##isa##_##name}, )
#include "kernels/conv2d_f32/kernels.inc"
#undef SANDERLING_KERNEL
};

}  // namespace

const KernelRow<Conv2dF32Kernel>& choose_conv2d_f32(const Conv2dF32& c, Isa best) {
  return choose_kernel(kConv2dF32Rows, c, best);
}

}  // namespace sanderling
