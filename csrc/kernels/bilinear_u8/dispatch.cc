#include "kernels/bilinear_u8/bilinear_u8.h"

namespace sanderling {
namespace {

constexpr FunctionRow<BilinearU8Kernel> kBilinearU8Rows[] = {
#define SANDERLING_KERNEL(isa, name) SANDERLING_IF_##isa({Isa::isa, #name, bilinear_u8_##isa##_##name}, )
#include "kernels/bilinear_u8/kernels.inc"
#undef SANDERLING_KERNEL
};

}  // namespace

const FunctionRow<BilinearU8Kernel>& choose_bilinear_u8(Isa best) { return choose_function(kBilinearU8Rows, best); }

}  // namespace sanderling
