// DEPTHWISE_CONV_2D: weights [1, kernel_h, kernel_w, out_c], out_c a multiple of the input's channels.
// The option depth_multiplier is not read: files leave it 0, and shapes tell it.
#include "ops/activation.h"
#include "ops/convolution.h"

namespace sanderling {
namespace {

bool is_weight8(DType t) { return t == DType::int8 || t == DType::int4; }

void check_bias(const ConvolutionTensors& t, DType expected) {
  check(t.bias == nullptr || t.bias->dtype == expected, "bias is ", dtype_name(t.bias ? t.bias->dtype : expected), "; ",
        dtype_name(expected), " expected");
}

void prepare_q8(PrepareContext& ctx, const ConvolutionTensors& t, const Window2d& window) {
  check_bias(t, DType::int32);
  const bool is_uint8 = t.x.dtype == DType::uint8;
  const int32_t shift = is_uint8 ? 128 : 0;
  DepthwiseQ8 c;
  c.window = window;
  c.flip = is_uint8 ? 0x80 : 0;
  c.input_zero = t.x.zero_point() - shift;
  c.weight_zero = is_uint8 ? t.weights.zero_point() - shift : 0;  // TFLite does not read that of int8 weights
  c.output_zero = t.y.zero_point() - shift;
  Range<int32_t> range = quantized_activation_range(ctx.attributes().text("fused_activation_function"), t.y);
  c.low = range.low - shift, c.high = range.high - shift;
  auto kernel =
      std::make_shared<PackedDepthwiseQ8>(ctx, c, convolution_multipliers(t, window.out_c), choose_depthwise_q8);
  kernel->pack_inputs(ctx, true);
  ctx.on_run([kernel](RunContext& run) {
    run_depthwise_q8(run, *kernel, kernel->params, kernel->packed(run), run.input<uint8_t>(0), run.output<uint8_t>(0));
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
  if (t.x.dtype == DType::int8 && is_weight8(t.weights.dtype)) return prepare_q8(ctx, t, w);
  if (t.x.dtype == DType::uint8 && t.weights.dtype == DType::uint8) return prepare_q8(ctx, t, w);
  fail("input is ", dtype_name(t.x.dtype), " and weights are ", dtype_name(t.weights.dtype),
       "; supported are int8 with int8 or int4, and uint8 with uint8");
}

}  // namespace sanderling
