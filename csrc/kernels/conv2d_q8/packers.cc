#include "cpu/pack_targets.h"
#include "kernels/conv2d_q8/neon_strips.h"

namespace sanderling {
namespace {

template <PackFamily family>
using neon_pairs4x16 = PackedStrips<PairStrips, family == PackFamily::arm>;
template <PackFamily family>
using neon_dotprod_dot8x8 = PackedStrips<DotStrips, family == PackFamily::arm>;
template <PackFamily family>
using neon_i8mm_mmla8x8 = PackedStrips<MatrixStrips, family == PackFamily::arm>;

constexpr PackerRow<Conv2dQ8Kernel> kConv2dQ8Packers[] = {
#define ROW(family, isa, name) \
  packer_row<Conv2dQ8Kernel, isa##_##name<PackFamily::family>>(PackTarget::family##_##isa, #name),
#define SANDERLING_KERNEL(isa, name) SANDERLING_PACKERS_##isa(ROW, name)
#include "kernels/conv2d_q8/kernels.inc"
#undef SANDERLING_KERNEL
#undef ROW
};

}  // namespace

const PackerRow<Conv2dQ8Kernel>* find_packer(const Conv2dQ8& c, PackTarget best) {
  return find_packer(kConv2dQ8Packers, c, best);
}

}  // namespace sanderling
