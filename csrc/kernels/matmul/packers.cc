#include <cstring>

#include "cpu/pack_targets.h"
#include "kernels/matmul/neon_right.h"
#include "kernels/matmul/right_f32.h"

namespace sanderling::matmul {
namespace {

template <PackFamily>
using neon_q8 = RightPairs;
template <PackFamily>
using neon_dotprod_q8 = RightQ8<DotColumns>;
template <PackFamily>
using neon_q4 = RightQ8<PairColumns4>;
template <PackFamily>
using neon_dotprod_q4 = RightQ8<DotColumns4>;
template <PackFamily>
using neon_f32 = RightF32<4, 4>;

template <class Packing>
constexpr RightPacker packer(PackTarget target, const char* name) {
  return {target, name, Packing::right_bytes, Packing::pack_right};
}

constexpr RightPacker kMatmulPackers[] = {
#define ROW(family, isa, name) packer<isa##_##name<PackFamily::family>>(PackTarget::family##_##isa, #name),
#define SANDERLING_KERNEL(isa, family) SANDERLING_PACKERS_##isa(ROW, family)
#include "kernels/matmul/kernels.inc"
#undef SANDERLING_KERNEL
#undef ROW
};

}  // namespace

const RightPacker* find_packer(const char* kernel, bool int4, PackTarget best) {
  const auto takes = [&](const char* name) {
    return std::strcmp(name, kernel) == 0 ||
           (int4 && std::strcmp(kernel, "q8") == 0 && std::strcmp(name, "q4") == 0);  // the portable kernels have no q4
  };
  for (const RightPacker& row : kMatmulPackers)
    if (runs(best, row.target) && takes(row.name)) return &row;
  return nullptr;
}

}  // namespace sanderling::matmul
