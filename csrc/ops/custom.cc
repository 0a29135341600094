// Operators that the user registered: the function is the front end's.
#include "ops/custom.h"

namespace sanderling {
namespace {

void prepare_custom(PrepareContext& ctx) {
  const CustomFunction* function = ctx.custom_function();
  check(function != nullptr, "has no function");
  for (int i = 0; i < ctx.num_outputs(); ++i) ctx.output_shape_at_run(i);
  ctx.on_run([function](RunContext& run) { (*function)(run); });
}

}  // namespace

const OpDef* custom_op() {
  static constexpr OpDef op = {"CUSTOM", prepare_custom};
  return &op;
}

}  // namespace sanderling
