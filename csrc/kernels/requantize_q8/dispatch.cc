#include "kernels/requantize_q8/requantize_q8.h"

namespace sanderling {
namespace {

constexpr FunctionRow<RequantizeQ8Kernel> kRequantizeQ8Rows[] = {
#define SANDERLING_KERNEL(isa, name) SANDERLING_IF_##isa({Isa::isa, #name, requantize_q8_##isa##_##name}, )
#include "kernels/requantize_q8/kernels.inc"
#undef SANDERLING_KERNEL
};

}  // namespace

const FunctionRow<RequantizeQ8Kernel>& choose_requantize_q8(Isa best) {
  return choose_function(kRequantizeQ8Rows, best);
}

}  // namespace sanderling
