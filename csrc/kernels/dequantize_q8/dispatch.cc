#include "kernels/dequantize_q8/dequantize_q8.h"

namespace sanderling {
namespace {

constexpr FunctionRow<DequantizeQ8Kernel> kDequantizeQ8Rows[] = {
#define SANDERLING_KERNEL(isa, name) SANDERLING_IF_##isa({Isa::isa, #name, dequantize_q8_##isa##_##name}, )
#include "kernels/dequantize_q8/kernels.inc"
#undef SANDERLING_KERNEL
};

}  // namespace

const FunctionRow<DequantizeQ8Kernel>& choose_dequantize_q8(Isa best) {
  return choose_function(kDequantizeQ8Rows, best);
}

}  // namespace sanderling
