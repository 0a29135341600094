// LOCAL_RESPONSE_NORMALIZATION: each value divided by a power of the squares around it along the channels.
#include <algorithm>
#include <cmath>

#include "ops/op.h"

namespace sanderling {

void prepare_local_response_normalization(PrepareContext& ctx) {
  ctx.expect_inputs(1, 1);
  ctx.expect_outputs(1);
  const TensorInfo& x = ctx.input(0);
  check(x.dtype == DType::float32 && ctx.output(0).dtype == DType::float32, "input is ", dtype_name(x.dtype),
        " and output is ", dtype_name(ctx.output(0).dtype), "; float32 expected");
  check(x.shape.rank() == 4, "input has shape ", x.shape, "; [batch, height, width, channels] expected");
  const Attributes& a = ctx.attributes();
  int64_t radius = a.integer("radius"), n = x.shape.back(1);
  float bias = static_cast<float>(a.real("bias")), alpha = static_cast<float>(a.real("alpha"));
  float beta = static_cast<float>(a.real("beta"));
  int64_t rows = n == 0 ? 0 : x.shape.outer();
  double window = static_cast<double>(std::min(n, 2 * std::max<int64_t>(0, radius)));
  ctx.set_output_shape(0, x.shape);
  ctx.on_run([=](RunContext& run) {
    const float* in = run.input<float>(0);
    float* out = run.output<float>(0);
    run.parallel_for(rows, static_cast<double>(n) * (20 + window), [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin * n; i < end * n; i += n) {
        for (int64_t c = 0; c < n; ++c) {
          float squares = 0;
          // The window has one channel less above than below, as in the reference.
          int64_t last = std::min(n, c + radius);
          for (int64_t k = std::max<int64_t>(0, c - radius); k < last; ++k) squares += in[i + k] * in[i + k];
          out[i + c] = in[i + c] * std::pow(bias + alpha * squares, -beta);
        }
      }
    });
  });
}

}  // namespace sanderling
