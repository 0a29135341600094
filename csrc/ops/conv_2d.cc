// CONV_2D: weights [out_c, kernel_h, kernel_w, in_c / groups].
#include "ops/activation.h"
#include "ops/convolution.h"

namespace sanderling {
namespace {

struct Geometry {
  Window2d window;
  int64_t groups;
};

bool is_weight8(DType t) { return t == DType::int8 || t == DType::int4; }

void check_bias(const ConvolutionTensors& t, DType expected) {
  check(t.bias == nullptr || t.bias->dtype == expected, "bias is ", dtype_name(t.bias ? t.bias->dtype : expected), "; ",
        dtype_name(expected), " expected");
}

void prepare_q8(PrepareContext& ctx, const ConvolutionTensors& t, const Geometry& g) {
  check_bias(t, DType::int32);
  const bool is_uint8 = t.x.dtype == DType::uint8;
  const int32_t shift = is_uint8 ? 128 : 0;
  if (!is_uint8)
    for (int32_t zero : t.weights.quantization.zero_point)
      check(zero == 0, "int8 weights have zero point ", zero, "; 0 expected");
  Conv2dQ8 c;
  c.window = g.window;
  c.groups = g.groups;
  c.flip = is_uint8 ? 0x80 : 0;
  c.input_zero = t.x.zero_point() - shift;
  c.weight_zero = is_uint8 ? t.weights.zero_point() - shift : 0;
  c.output_zero = t.y.zero_point() - shift;
  Range<int32_t> range = quantized_activation_range(ctx.attributes().text("fused_activation_function"), t.y);
  c.low = range.low - shift, c.high = range.high - shift;
  auto kernel = std::make_shared<PackedConv2dQ8>(ctx, c, convolution_multipliers(t, c.window.out_c), choose_conv2d_q8);
  kernel->pack_inputs(ctx, true);
  ctx.on_run([kernel](RunContext& run) {
    run_conv2d_q8(run, *kernel, kernel->params, kernel->packed(run), run.input<uint8_t>(0), run.output<uint8_t>(0));
  });
}

}  // namespace

void prepare_conv_2d(PrepareContext& ctx) {
  ctx.expect_inputs(2, 3);
  ctx.expect_outputs(1);
  const Shape& shape = ctx.input(1).shape;
  check(shape.rank() == 4, "weights have shape ", shape,
        "; four dimensions (output channels, height, width, input channels) expected");
  ConvolutionTensors t = convolution_tensors(ctx, shape[0]);
  check(shape[3] > 0 && t.x.shape[3] % shape[3] == 0, "input has ", t.x.shape[3],
        " channels, which is no multiple of the weights' ", shape[3]);
  Geometry g{convolution_window(ctx.attributes(), t.x.shape, shape[1], shape[2], shape[0]), t.x.shape[3] / shape[3]};
  check(shape[0] % g.groups == 0, shape[0], " output channels cannot be divided among ", g.groups, " groups");
  const Shape out{g.window.batches, g.window.out_h, g.window.out_w, g.window.out_c};
  ctx.set_output_shape(0, out);
  ctx.set_macs(out.elements() * shape.elements(1, 4));
  if (t.x.dtype == DType::int8 && is_weight8(t.weights.dtype)) return prepare_q8(ctx, t, g);
  if (t.x.dtype == DType::uint8 && t.weights.dtype == DType::uint8) return prepare_q8(ctx, t, g);
  fail("input is ", dtype_name(t.x.dtype), " and weights are ", dtype_name(t.weights.dtype),
       "; supported are int8 with int8 or int4, and uint8 with uint8");
}

}  // namespace sanderling
