// Which kernel to use.
#include <type_traits>

#include "cpu/isa.h"
#include "isa_select.h"
#include "kernels/matmul/matmul.h"

namespace sanderling::matmul {
namespace {

using q8 = int32_t;
using q4 = int32_t;
using s16 = int64_t;
using f32 = float;

}  // namespace

#define SANDERLING_KERNEL(isa, family) SANDERLING_IF_##isa(extern const Kernel<family> family##_##isa;)
#include "kernels/matmul/kernels.inc"
#undef SANDERLING_KERNEL

namespace {

// The first row that runs on `isa` (instruction sets are numbered best first) and takes the right operand.
template <class Acc>
Choice<Acc> choose(Isa isa, bool int4 = false) {
  Choice<Acc> chosen = {nullptr, Isa::portable};
  auto consider = [&](const auto& kernel, Isa needs) {
    if constexpr (std::is_same_v<decltype(kernel), const Kernel<Acc>&>)
      if (chosen.kernel == nullptr && needs >= isa && isa_available(needs) && (int4 || !kernel.int4))
        chosen = {&kernel, needs};
  };
#define SANDERLING_KERNEL(isa, family) SANDERLING_IF_##isa(consider(family##_##isa, Isa::isa);)
#include "kernels/matmul/kernels.inc"
#undef SANDERLING_KERNEL
  return chosen;
}

}  // namespace

Choice<int32_t> choose_q8(Isa isa, bool int4) { return choose<int32_t>(isa, int4); }
Choice<int64_t> choose_s16(Isa isa) { return choose<int64_t>(isa); }
Choice<float> choose_f32(Isa isa) { return choose<float>(isa); }

}  // namespace sanderling::matmul
