#include "kernels/conv2d_q8/conv2d_q8.h"

namespace sanderling {
namespace {

constexpr KernelRow<Conv2dQ8Kernel> kConv2dQ8Rows[] = {
#define SANDERLING_KERNEL(isa, name) SANDERLING_IF_##isa({Isa::isa, #name, &conv2d_q8_##isa##_##name}, )
#include "kernels/conv2d_q8/kernels.inc"
#undef SANDERLING_KERNEL
};

}  // namespace

const KernelRow<Conv2dQ8Kernel>& choose_conv2d_q8(const Conv2dQ8& c, Isa best) {
  const KernelRow<Conv2dQ8Kernel>& row = choose_kernel(kConv2dQ8Rows, c, best);
  if (row.kernel->pays == nullptr || row.kernel->pays(c)) return row;
  return choose_kernel(kConv2dQ8Rows, c, static_cast<Isa>(static_cast<int>(row.isa) + 1));
}

}  // namespace sanderling
