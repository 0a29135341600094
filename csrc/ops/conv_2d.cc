// CONV_2D: weights [out_c, kernel_h, kernel_w, in_c / groups].
#include <algorithm>

#include "ops/convolution.h"

namespace sanderling {
namespace {

// Depthwise convolution in disguise: each group has one input channel, so that output channel o reads input channel
// o / (out_c / in_c). Weights [out_c, h, w, 1] become [h, w, out_c].
bool is_depthwise(PrepareContext& ctx, const Window2d& w, int64_t groups) {
  return groups > 1 && groups == w.in_c && ctx.is_known(1) && (!ctx.has_input(2) || ctx.is_known(2));
}

void prepare_as_depthwise(PrepareContext& ctx, const ConvolutionTensors& t, const Window2d& w) {
  DepthwiseQ8 c;
  c.window = w;
  set_quantization(c, t, ctx.attributes().text("fused_activation_function"));
  auto kernel = std::make_shared<PackedDepthwiseQ8>(ctx, c, choose_depthwise_q8, t);
  const int64_t taps = w.kernel_h * w.kernel_w;
  kernel->pack_constants(ctx, true, [&] {
    const uint8_t* weights = static_cast<const uint8_t*>(ctx.value_or_null(1));
    auto turned = std::make_shared<std::vector<uint8_t>>(static_cast<size_t>(taps * w.out_c));
    for (int64_t o = 0; o < w.out_c; ++o)
      for (int64_t k = 0; k < taps; ++k) (*turned)[static_cast<size_t>(k * w.out_c + o)] = weights[o * taps + k];
    return std::shared_ptr<const uint8_t>(turned, turned->data());
  });
  offer_rows(ctx, kernel);
  ctx.on_run([kernel](RunContext& run) {
    run_depthwise_q8(run, *kernel, kernel->params, kernel->packed(run), run.input<uint8_t>(0), run.output<uint8_t>(0));
  });
}

void prepare_q8(PrepareContext& ctx, const ConvolutionTensors& t, const Window2d& w, int64_t groups) {
  check_bias(t, DType::int32);
  if (!is_old_kind(t))
    for (int32_t zero : t.weights.quantization.zero_point)
      check(zero == 0, "int8 weights have zero point ", zero, "; 0 expected");
  if (is_depthwise(ctx, w, groups)) return prepare_as_depthwise(ctx, t, w);
  if (is_one_pixel(ctx, w, groups)) return prepare_one_pixel(ctx, t, w);
  Conv2dQ8 c;
  c.window = w;
  c.groups = groups;
  set_quantization(c, t, ctx.attributes().text("fused_activation_function"));
  auto kernel = std::make_shared<PackedConv2dQ8>(ctx, c, choose_conv2d_q8, t);
  kernel->pack_inputs(ctx, true);
  offer_rows(ctx, kernel);
  ctx.on_run([kernel](RunContext& run) {
    run_conv2d_q8(run, *kernel, kernel->params, kernel->packed(run), run.input<uint8_t>(0), run.output<uint8_t>(0));
  });
}

void prepare_f32(PrepareContext& ctx, const ConvolutionTensors& t, const Window2d& w, int64_t groups) {
  check_bias(t, DType::float32);
  const Range<float> range = activation_range(ctx.attributes().text("fused_activation_function"));
  auto kernel = std::make_shared<PackedConv2dF32>(ctx, Conv2dF32{w, groups, range.low, range.high, ctx.fp16()},
                                                  choose_conv2d_f32);
  kernel->pack_inputs(ctx, true);
  offer_rows(ctx, kernel);
  ctx.on_run([kernel](RunContext& run) { run_conv2d_f32(run, *kernel, run.input<float>(0), run.output<float>(0)); });
}

// TFLite quantizes the input asymmetrically where the weights' scales differ or there are groups, else symmetrically.
// uint8 weights are read as int8.
bool hybrid_is_asymmetric(const TensorInfo& weights, int64_t groups) {
  if (groups > 1) return true;
  const Numbers<float>& scale = weights.quantization.scale;
  return is_int8_weight(weights.dtype) &&
         std::any_of(scale.begin(), scale.end(), [&](float s) { return s != scale[0]; });
}

void prepare_hybrid(PrepareContext& ctx, const ConvolutionTensors& t, const Window2d& w, int64_t groups) {
  check_bias(t, DType::float32);
  Conv2dQ8 c;
  c.window = w;
  c.window.batches = 1;
  c.groups = groups;
  auto kernel = std::make_shared<PackedConv2dQ8>(ctx, c, choose_conv2d_q8);
  kernel->pack_inputs(ctx, false);
  HybridConvolution hybrid(ctx, t, w.out_c, hybrid_is_asymmetric(t.weights, groups));
  ctx.on_run([kernel, hybrid](RunContext& run) {
    const void* packed = kernel->packed(run);
    hybrid.run(run, [&](int64_t, const uint8_t* x, int32_t zero, void* acc) {
      Conv2dQ8 params = kernel->params;
      params.input_zero = zero;
      run_conv2d_q8(run, *kernel, params, packed, x, acc);
    });
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
  const int64_t groups = t.x.shape[3] / shape[3];
  check(shape[0] % groups == 0, shape[0], " output channels cannot be divided among ", groups, " groups");
  const Window2d w = convolution_window(ctx.attributes(), t.x.shape, shape[1], shape[2], shape[0]);
  const Shape out{w.batches, w.out_h, w.out_w, w.out_c};
  ctx.set_output_shape(0, out);
  ctx.set_macs(out.elements() * shape.elements(1, 4));

  const DType x = t.x.dtype, weights = t.weights.dtype;
  if (x == DType::int8 && is_int8_weight(weights)) return prepare_q8(ctx, t, w, groups);
  if ((x == DType::uint8 || x == DType::int8) && weights == DType::uint8) return prepare_q8(ctx, t, w, groups);
  if (x == DType::int16 && is_int8_weight(weights)) return prepare_conv_2d_16x8(ctx, t, w, groups);
  if (x == DType::float32 && weights == DType::float32) return prepare_f32(ctx, t, w, groups);
  if (x == DType::float32 && (is_int8_weight(weights) || weights == DType::uint8))
    return prepare_hybrid(ctx, t, w, groups);
  fail("input is ", dtype_name(x), " and weights are ", dtype_name(weights),
       "; supported are int8 with int8 or int4, uint8 with uint8, int16 with int8 or int4, and float32 with float32, "
       "int8, int4 or uint8");
}

}  // namespace sanderling
