// CONV_2D of bytes whose window is the whole picture, so that the result is one pixel (classifiers behind a global
// pool, squeeze and excite): a row times a matrix. Its time is that of reading the weights, for which matrix kernels
// take a single row as they take it in FULLY_CONNECTED.
#include <memory>

#include "kernels/requantize_q8/requantize_q8.h"
#include "ops/convolution.h"
#include "ops/matmul.h"

namespace sanderling {

bool is_one_pixel(const PrepareContext& ctx, const Window2d& w, int64_t groups) {
  const bool is_dense = (w.kernel_h == 1 || w.dilation_h == 1) && (w.kernel_w == 1 || w.dilation_w == 1);
  return groups == 1 && ctx.is_known(1) && w.batches == 1 && w.out_h == 1 && w.out_w == 1 && w.kernel_h == w.in_h &&
         w.kernel_w == w.in_w && w.pad_h == 0 && w.pad_w == 0 && is_dense;
}

void prepare_one_pixel(PrepareContext& ctx, const ConvolutionTensors& t, const Window2d& w) {
  struct Stage {
    std::vector<Multiplier> multipliers;  // one for each output channel
    RequantizeStage output;
  };
  check_scales(t);
  const Range<int32_t> range = quantized_activation_range(ctx.attributes().text("fused_activation_function"), t.y);
  const auto stage = std::make_shared<const Stage>(
      Stage{convolution_multipliers(t, w.out_c), {t.y.zero_point(), range.low, range.high}});
  const int64_t depth = w.kernel_h * w.kernel_w * w.in_c;
  const int32_t weight_zero = is_old_kind(t) ? t.weights.zero_point() : 0;
  const LayerProduct<int32_t> product(ctx, matmul::choose_q8(ctx.isa(), t.weights.int4), 1, w.out_c, depth,
                                      {nullptr, matmul_element(t.x), depth, 1, t.x.zero_point()},
                                      {nullptr, matmul_element(t.weights), depth, 1, weight_zero, t.weights.int4});
  RequantizeQ8Kernel* const requantize = choose_requantize_q8(ctx.isa()).run;
  ctx.on_run([stage, product, requantize](RunContext& run) {
    const int32_t* bias = run.input_or_null<int32_t>(2);
    uint8_t* y = run.output<uint8_t>(0);
    product.run(run, [&](const int32_t* acc, int64_t, int64_t channel, int64_t n) {
      requantize(acc, bias ? bias + channel : nullptr, stage->multipliers.data() + channel, n, stage->output,
                 y + channel);
    });
  });
}

}  // namespace sanderling
