#include "cpu/pack_targets.h"

namespace sanderling {
namespace {

struct PackTargetRow {
  PackTarget target;
  PackFamily family;
  const char* name;
};

constexpr PackTargetRow kPackTargetRows[] = {
#define SANDERLING_PACK_TARGET(family, isa) {PackTarget::family##_##isa, PackFamily::family, #family "/" #isa},
#include "pack_targets.inc"
#undef SANDERLING_PACK_TARGET
};

}  // namespace

std::vector<PackTarget> all_pack_targets() {
  std::vector<PackTarget> all;
  for (const PackTargetRow& row : kPackTargetRows) all.push_back(row.target);
  return all;
}

PackFamily pack_family(PackTarget target) { return kPackTargetRows[static_cast<int>(target)].family; }
const char* pack_target_name(PackTarget target) { return kPackTargetRows[static_cast<int>(target)].name; }

PackTarget portable_of(PackTarget target) {
  for (const PackTargetRow& row : kPackTargetRows)
    if (row.family == pack_family(target)) target = row.target;
  return target;
}

std::optional<PackTarget> find_pack_target(const std::string& name) {
  for (const PackTargetRow& row : kPackTargetRows)
    if (name == row.name) return row.target;
  return std::nullopt;
}

}  // namespace sanderling
