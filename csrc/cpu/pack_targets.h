// Packing weights for other processors: instruction sets, and rows of kernels.inc, whose packing is plain C++.
//
// packers.cc of a kernel folder has for a row SANDERLING_KERNEL(isa, name) of these families what packs for it, as the
// type <isa>_<name><family>; `portable` packs the same everywhere and is not among them.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "pack_select.h"

namespace sanderling {

enum class PackFamily {
  arm,
  arm32,
};

// Best first in each family; the last one is portable.
enum class PackTarget : int {
#define SANDERLING_PACK_TARGET(family, isa) family##_##isa,
#include "pack_targets.inc"
#undef SANDERLING_PACK_TARGET
};

std::vector<PackTarget> all_pack_targets();
PackFamily pack_family(PackTarget);
const char* pack_target_name(PackTarget);  // "arm/neon"
// The portable kernels of the target's family.
PackTarget portable_of(PackTarget);
std::optional<PackTarget> find_pack_target(const std::string& name);
// Whether a processor of instruction set `best` runs what `needs` another.
inline bool runs(PackTarget best, PackTarget needs) { return needs >= best && pack_family(needs) == pack_family(best); }

template <class Kernel>
struct PackerRow {
  PackTarget target;
  const char* name;
  decltype(Kernel::takes) takes;
  decltype(Kernel::packed_bytes) packed_bytes;
  decltype(Kernel::pack) pack;
};

template <class Kernel, class Packing>
constexpr PackerRow<Kernel> packer_row(PackTarget target, const char* name) {
  return {target, name, Packing::takes, Packing::packed_bytes, Packing::pack};
}

// The row that choose_kernel takes on such a processor; null: the portable one.
template <class Kernel, size_t n, class Params>
const PackerRow<Kernel>* find_packer(const PackerRow<Kernel> (&rows)[n], const Params& params, PackTarget best) {
  for (const PackerRow<Kernel>& row : rows)
    if (runs(best, row.target) && row.takes(params)) return &row;
  return nullptr;
}

}  // namespace sanderling
