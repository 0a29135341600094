#include "cpu/pack_targets.h"
#include "kernels/conv2d_f32/panels.h"

namespace sanderling {
namespace {

template <PackFamily family>
using neon_tiles = Panels<4, family == PackFamily::arm ? 4 : 2>;

constexpr PackerRow<Conv2dF32Kernel> kConv2dF32Packers[] = {
#define ROW(family, isa, name) \
  packer_row<Conv2dF32Kernel, isa##_##name<PackFamily::family>>(PackTarget::family##_##isa, #name),
#define SANDERLING_KERNEL(isa, name) SANDERLING_PACKERS_##isa(ROW, name)
#include "kernels/conv2d_f32/kernels.inc"
#undef SANDERLING_KERNEL
#undef ROW
};

}  // namespace

const PackerRow<Conv2dF32Kernel>* find_packer(const Conv2dF32& c, PackTarget best) {
  return find_packer(kConv2dF32Packers, c, best);
}

}  // namespace sanderling
