#include "kernels/hybrid_rows/hybrid_rows.h"

namespace sanderling {
namespace {

constexpr FunctionRow<const HybridRows> kHybridRowsRows[] = {
#define SANDERLING_KERNEL(isa, name) SANDERLING_IF_##isa({Isa::isa, #name, &hybrid_rows_##isa##_##name}, )
#include "kernels/hybrid_rows/kernels.inc"
#undef SANDERLING_KERNEL
};

}  // namespace

const FunctionRow<const HybridRows>& choose_hybrid_rows(Isa best) { return choose_function(kHybridRowsRows, best); }

}  // namespace sanderling
