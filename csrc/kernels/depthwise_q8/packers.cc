#include "cpu/pack_targets.h"
#include "kernels/depthwise_q8/packed_blocks.h"
#include "kernels/depthwise_q8/packed_columns.h"

namespace sanderling {
namespace {

template <PackFamily family>
using neon_pairs = pairs::Packing<family == PackFamily::arm>;
template <PackFamily>
using neon_dotprod_dots = dots::Packing;

constexpr PackerRow<DepthwiseQ8Kernel> kDepthwiseQ8Packers[] = {
#define ROW(family, isa, name) \
  packer_row<DepthwiseQ8Kernel, isa##_##name<PackFamily::family>>(PackTarget::family##_##isa, #name),
#define SANDERLING_KERNEL(isa, name) SANDERLING_PACKERS_##isa(ROW, name)
#include "kernels/depthwise_q8/kernels.inc"
#undef SANDERLING_KERNEL
#undef ROW
};

}  // namespace

const PackerRow<DepthwiseQ8Kernel>* find_packer(const DepthwiseQ8& c, PackTarget best) {
  return find_packer(kDepthwiseQ8Packers, c, best);
}

}  // namespace sanderling
