#include "ops/op.h"

namespace sanderling {

#define SANDERLING_OP(name, prepare) void prepare(PrepareContext&);
#include "selected_ops.inc"
#undef SANDERLING_OP

namespace {

constexpr OpDef kOps[] = {
#define SANDERLING_OP(name, prepare) {#name, prepare},
#include "selected_ops.inc"
#undef SANDERLING_OP
};

}  // namespace

const OpDef* find_op(const std::string& name) {
  for (const OpDef& op : kOps)
    if (name == op.name) return &op;
  return nullptr;
}

std::vector<const OpDef*> all_ops() {
  std::vector<const OpDef*> all;
  for (const OpDef& op : kOps) all.push_back(&op);
  return all;
}

}  // namespace sanderling
