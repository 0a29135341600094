#include <cmath>

#include "ops/op.h"

namespace sanderling {

void prepare_abs(PrepareContext& ctx) {
  ctx.expect_inputs(1, 1);
  const TensorInfo& x = ctx.input(0);
  check(x.dtype == DType::float32, "input is ", dtype_name(x.dtype), "; float32 expected");
  ctx.set_output_shape(0, x.shape);
  int64_t n = x.shape.elements();
  ctx.on_run([n](RunContext& run) {
    const float* in = run.input<float>(0);
    float* out = run.output<float>(0);
    for (int64_t i = 0; i < n; ++i) out[i] = std::fabs(in[i]);
  });
}

}  // namespace sanderling
