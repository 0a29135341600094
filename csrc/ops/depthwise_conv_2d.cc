// DEPTHWISE_CONV_2D: weights [1, kernel_h, kernel_w, out_c], out_c a multiple of the input's channels.
// The option depth_multiplier is not read: files leave it 0, and shapes tell it.
#include "ops/convolution.h"

namespace sanderling {
namespace {

void prepare_q8(PrepareContext& ctx, const ConvolutionTensors& t, const Window2d& window) {
  check_bias(t, DType::int32);
  DepthwiseQ8 c;
  c.window = window;
  set_quantization(c, t, ctx.attributes().text("fused_activation_function"));
  auto kernel = std::make_shared<PackedDepthwiseQ8>(ctx, c, choose_depthwise_q8, t);
  kernel->pack_inputs(ctx, true);
  offer_rows(ctx, kernel);
  ctx.on_run([kernel](RunContext& run) {
    run_depthwise_q8(run, *kernel, kernel->params, kernel->packed(run), run.input<uint8_t>(0), run.output<uint8_t>(0));
  });
}

void prepare_hybrid(PrepareContext& ctx, const ConvolutionTensors& t, const Window2d& window) {
  check_bias(t, DType::float32);
  DepthwiseQ8 c;
  c.window = window;
  c.window.batches = 1;
  auto kernel = std::make_shared<PackedDepthwiseQ8>(ctx, c, choose_depthwise_q8);
  kernel->pack_inputs(ctx, false);
  HybridConvolution hybrid(ctx, t, window.out_c, true);
  ctx.on_run([kernel, hybrid](RunContext& run) {
    const void* packed = kernel->packed(run);
    hybrid.run(run, [&](int64_t, const uint8_t* x, int32_t zero, void* acc) {
      DepthwiseQ8 params = kernel->params;
      params.input_zero = zero;
      run_depthwise_q8(run, *kernel, params, packed, x, acc);
    });
  });
}

void prepare_f32(PrepareContext& ctx, const ConvolutionTensors& t, const Window2d& window) {
  check_bias(t, DType::float32);
  const Range<float> range = activation_range(ctx.attributes().text("fused_activation_function"));
  DepthwiseF32 c{window, range.low, range.high, ctx.fp16()};
  auto kernel = std::make_shared<PackedDepthwiseF32>(ctx, c, choose_depthwise_f32);
  kernel->pack_inputs(ctx, true);
  const double cost = static_cast<double>(window.out_w * window.out_c) *
                      static_cast<double>(window.kernel_h * window.kernel_w) / (2 * kernel->speed);
  offer_rows(ctx, kernel, cost);
  ctx.on_run([kernel, cost](RunContext& run) {
    const void* packed = kernel->packed(run);
    const float* x = run.input<float>(0);
    float* y = run.output<float>(0);
    // Kernels of fp16 convert the input rows of a call.
    const int64_t grain = kernel->params.fp16 ? 4 * kernel->params.window.kernel_h : 1;
    run.parallel_for(
        kernel->params.rows(), cost,
        [&](int64_t begin, int64_t end, int thread) {
          kernel->kernel->run(kernel->params, packed, x, y, begin, end, kernel->scratch(run, thread));
        },
        grain);
  });
}

}  // namespace

void prepare_depthwise_conv_2d(PrepareContext& ctx) {
  ctx.expect_inputs(2, 3);
  ctx.expect_outputs(1);
  const Shape& shape = ctx.input(1).shape;
  check(shape.rank() == 4 && shape[0] == 1, "weights have shape ", shape, "; [1, height, width, channels] expected");
  ConvolutionTensors t = convolution_tensors(ctx, shape[3]);
  check(shape[3] % t.x.shape[3] == 0, "weights have ", shape[3], " channels, which is no multiple of the input's ",
        t.x.shape[3]);
  const Window2d w = convolution_window(ctx.attributes(), t.x.shape, shape[1], shape[2], shape[3]);
  Shape({w.in_h, w.in_w, w.out_c});  // the kernels hold rows of this: it must be representable
  const Shape out{w.batches, w.out_h, w.out_w, w.out_c};
  ctx.set_output_shape(0, out);
  ctx.set_macs(out.elements() * w.kernel_h * w.kernel_w);

  const DType x = t.x.dtype, weights = t.weights.dtype;
  if (x == DType::int8 && is_int8_weight(weights)) return prepare_q8(ctx, t, w);
  if ((x == DType::uint8 || x == DType::int8) && weights == DType::uint8) return prepare_q8(ctx, t, w);
  if (x == DType::int16 && is_int8_weight(weights)) return prepare_depthwise_conv_2d_16x8(ctx, t, w);
  if (x == DType::float32 && weights == DType::float32) return prepare_f32(ctx, t, w);
  if (x == DType::float32 && is_int8_weight(weights)) return prepare_hybrid(ctx, t, w);
  fail("input is ", dtype_name(x), " and weights are ", dtype_name(weights),
       "; supported are int8 with int8 or int4, uint8 with uint8, int16 with int8 or int4, and float32 with float32, "
       "int8 or int4");
}

}  // namespace sanderling
