#include "cpu/pack_targets.h"
#include "kernels/depthwise_f32/packed_columns.h"

namespace sanderling {
namespace {

template <PackFamily>
using neon_columns = PackedColumns<4>;

constexpr PackerRow<DepthwiseF32Kernel> kDepthwiseF32Packers[] = {
#define ROW(family, isa, name) \
  packer_row<DepthwiseF32Kernel, isa##_##name<PackFamily::family>>(PackTarget::family##_##isa, #name),
#define SANDERLING_KERNEL(isa, name) SANDERLING_PACKERS_##isa(ROW, name)
#include "kernels/depthwise_f32/kernels.inc"
#undef SANDERLING_KERNEL
#undef ROW
};

}  // namespace

const PackerRow<DepthwiseF32Kernel>* find_packer(const DepthwiseF32& c, PackTarget best) {
  return find_packer(kDepthwiseF32Packers, c, best);
}

}  // namespace sanderling
