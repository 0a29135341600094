#include "ops/convolution.h"

#include <algorithm>
#include <cstring>

#include "ops/hybrid.h"
#include "ops/window.h"

namespace sanderling {

ConvolutionTensors convolution_tensors(PrepareContext& ctx, int64_t out_c) {
  ConvolutionTensors t{ctx.input(0), ctx.input(1), ctx.has_input(2) ? &ctx.input(2) : nullptr, ctx.output(0)};
  check(t.x.dtype == t.y.dtype, "input is ", dtype_name(t.x.dtype), " but output is ", dtype_name(t.y.dtype));
  check(t.x.shape.rank() == 4, "input has shape ", t.x.shape,
        "; four dimensions (batch, height, width, channels) expected");
  check(t.x.shape[3] > 0 && out_c > 0, "input of shape ", t.x.shape, " or weights of shape ", t.weights.shape,
        " have no channels");
  if (t.bias != nullptr) {
    check(t.bias->shape.elements() == out_c, "bias has shape ", t.bias->shape, "; one value for each of the ", out_c,
          " output channels expected");
    check(t.bias->quantization.zero_point.empty() || t.bias->zero_point() == 0, "bias has zero point ",
          t.bias->quantization.zero_point.empty() ? 0 : t.bias->zero_point(), "; 0 expected");
  }
  if (t.weights.quantized()) {
    size_t scales = t.weights.quantization.scale.size();
    check(scales == 1 || static_cast<int64_t>(scales) == out_c, "weights have ", scales,
          " scales; one, or one for each of the ", out_c, " output channels expected");
  }
  return t;
}

void check_bias(const ConvolutionTensors& t, DType expected) {
  if (t.bias == nullptr) return;
  check(t.bias->dtype == expected, "bias is ", dtype_name(t.bias->dtype), "; ", dtype_name(expected), " expected");
}

Window2d convolution_window(const Attributes& options, const Shape& input, int64_t kernel_h, int64_t kernel_w,
                            int64_t out_c) {
  constexpr int64_t most = INT32_MAX;
  Window2d w;
  w.batches = input[0], w.in_h = input[1], w.in_w = input[2], w.in_c = input[3];
  w.kernel_h = kernel_h, w.kernel_w = kernel_w, w.out_c = out_c;
  check(kernel_h > 0 && kernel_h <= most && kernel_w > 0 && kernel_w <= most && w.in_h <= most && w.in_w <= most,
        "weights of ", kernel_h, " x ", kernel_w, " over an input of ", w.in_h, " x ", w.in_w,
        ": weights of at least 1 x 1 and extents up to ", most, " expected");
  w.stride_h = options.integer_in("stride_h", 1, most);
  w.stride_w = options.integer_in("stride_w", 1, most);
  w.dilation_h = options.has("dilation_h_factor") ? options.integer_in("dilation_h_factor", 1, most) : 1;
  w.dilation_w = options.has("dilation_w_factor") ? options.integer_in("dilation_w_factor", 1, most) : 1;
  const std::string& padding = options.text("padding");
  Window rows, columns;
  if (padding == "EXPLICIT") {
    const std::vector<int64_t>& sides = options.integers("explicit_paddings");
    check(sides.size() == 4, "option 'explicit_paddings' has ", sides.size(),
          " values; 4 (top, bottom, left, right) expected");
    rows = slide_window(sides[0], sides[1], w.in_h, kernel_h, w.stride_h, w.dilation_h);
    columns = slide_window(sides[2], sides[3], w.in_w, kernel_w, w.stride_w, w.dilation_w);
  } else {
    rows = slide_window(padding, w.in_h, kernel_h, w.stride_h, w.dilation_h);
    columns = slide_window(padding, w.in_w, kernel_w, w.stride_w, w.dilation_w);
  }
  w.out_h = rows.out, w.pad_h = rows.pad;
  w.out_w = columns.out, w.pad_w = columns.pad;
  return w;
}

std::vector<float> weight_scales(const TensorInfo& weights, int64_t out_c) {
  weights.scale();  // there must be one
  if (weights.quantization.scale.size() > 1) return weights.quantization.scale.vector();
  return std::vector<float>(static_cast<size_t>(out_c), weights.scale());
}

void check_scales(const ConvolutionTensors& t) { t.x.scale(), t.y.scale(), t.weights.scale(); }

std::vector<Multiplier> convolution_multipliers(const ConvolutionTensors& t, int64_t out_c) {
  const float in = t.x.scale(), out = t.y.scale();
  const auto multiplier = [&](float scale) {
    // TFLite multiplies the scales of uint8 models as floats.
    const double product =
        is_old_kind(t) ? static_cast<double>(in * scale) : static_cast<double>(in) * static_cast<double>(scale);
    return quantize_multiplier(product / static_cast<double>(out));
  };
  const Numbers<float>& scales = t.weights.quantization.scale;
  if (scales.size() <= 1) return std::vector<Multiplier>(static_cast<size_t>(out_c), multiplier(t.weights.scale()));
  std::vector<Multiplier> multipliers(scales.size());
  for (size_t i = 0; i < scales.size(); ++i) multipliers[i] = multiplier(scales[i]);
  return multipliers;
}

namespace {

constexpr double kMacsPerNanosecond = 8;   // of portable code
constexpr int64_t kChannelsPerCall = 128;  // of a wide layer: each call gathers its pixels anew
int64_t parts(int64_t n, int64_t step) { return (n + step - 1) / step; }

// How a convolution is divided: pixels by blocks of pixel_step, output channels by pieces.
struct Division {
  int64_t pixels, pixel_step;
  int64_t out_c, pieces;
  int64_t in_elements, depth;
  double macs_per_nanosecond;
};

// Calls call(first pixel, last, first piece, last, thread) until all is done. Threads share the pixels; where the
// weights are more than the activations they share the channels, so that each reads only its part of the weights: a few
// pieces of them that way times blocks of pixels, for an even share.
template <class Call>
void run_divided(const RunContext& run, const Division& d, const Call& call) {
  const int64_t out_elements = d.pixels * d.out_c;
  if (out_elements == 0) return;
  const bool by_channel = run.threads() > 1 && d.pieces > 1 && d.depth * d.out_c > d.in_elements + out_elements;
  const int64_t pieces = by_channel ? d.pieces : 1, width = by_channel ? 1 : d.pieces;
  const bool even = pieces % run.threads() == 0 || pieces > 4 * run.threads();
  const int64_t step = by_channel && even ? d.pixels : d.pixel_step, blocks = parts(d.pixels, step);
  const int64_t items = blocks * pieces;
  const int64_t grain = by_channel ? parts(kChannelsPerCall * pieces, d.out_c) * blocks : 1;
  const double cost = static_cast<double>(out_elements) * static_cast<double>(d.depth + 4) / d.macs_per_nanosecond;
  run.parallel_for(
      items, cost / static_cast<double>(items),
      [&](int64_t begin, int64_t end, int thread) {
        while (begin < end) {
          // All pixels of as many pieces as there are, or some of the pixels of one piece.
          const int64_t piece = begin / blocks, block = begin % blocks;
          const int64_t whole = block == 0 ? (end - begin) / blocks : 0;
          const int64_t last = whole > 0 ? blocks : std::min(blocks, block + end - begin);
          const int64_t n = std::max<int64_t>(whole, 1);
          call(block * step, std::min(last * step, d.pixels), piece * width, (piece + n) * width, thread);
          begin += (last - block) * n;
        }
      },
      grain);
}

}  // namespace

void run_conv2d_f32(const RunContext& run, const PackedConv2dF32& k, const float* input, float* output) {
  const Conv2dF32& c = k.params;
  const void* packed = k.packed(run);
  const Division division{c.pixels(),
                          k.kernel->pixel_step,
                          c.window.out_c,
                          k.kernel->pieces(c),
                          c.window.batches * c.window.in_h * c.window.in_w * c.window.in_c,
                          c.depth(),
                          k.kernel->macs_per_nanosecond};
  run_divided(run, division, [&](int64_t pixel, int64_t last_pixel, int64_t piece, int64_t last_piece, int thread) {
    k.kernel->run(c, packed, input, output, {pixel, last_pixel, piece, last_piece}, k.scratch(run, thread));
  });
}

void run_conv2d_q8(const RunContext& run, const PackedConv2dQ8& k, const Conv2dQ8& params, const void* packed,
                   const uint8_t* input, void* output) {
  const Window2d& w = params.window;
  // With groups a part has all channels.
  const int64_t channel_step = params.groups == 1 ? k.kernel->channel_step : w.out_c;
  const Division division{params.pixels(),
                          k.kernel->pixel_step,
                          w.out_c,
                          parts(w.out_c, channel_step),
                          w.batches * w.in_h * w.in_w * w.in_c,
                          params.depth(),
                          kMacsPerNanosecond * k.speed};
  run_divided(run, division, [&](int64_t pixel, int64_t last_pixel, int64_t piece, int64_t last_piece, int thread) {
    const Conv2dQ8Part part{pixel, last_pixel, piece * channel_step, std::min(last_piece * channel_step, w.out_c)};
    k.kernel->run(params, packed, input, output, part, k.scratch(run, thread));
  });
}

void run_depthwise_q8(const RunContext& run, const PackedDepthwiseQ8& k, const DepthwiseQ8& params, const void* packed,
                      const uint8_t* input, void* output) {
  const Window2d& w = params.window;
  const double macs = static_cast<double>(w.out_w * w.out_c) * static_cast<double>(w.kernel_h * w.kernel_w);
  // Neighbouring rows share most of their input, which kernels rearrange once for all rows of a call.
  const int64_t grain = 4 * w.kernel_h;
  run.parallel_for(
      params.rows(), macs / (2 * k.speed),
      [&](int64_t begin, int64_t end, int thread) {
        k.kernel->run(params, packed, input, output, begin, end, k.scratch(run, thread));
      },
      grain);
}

namespace {

// run(kernel, context, in, out, first row, last, thread)
template <class Packed, class Run>
void offer_window_rows(PrepareContext& ctx, std::shared_ptr<Packed> kernel, double cost, const Run& run) {
  const Window2d& w = kernel->params.window;
  if (w.batches != 1 || !kernel->is_constant()) return;
  RowWork rows;
  rows.in_rows = w.in_h, rows.out_rows = w.out_h;
  rows.stride = w.stride_h, rows.pad = w.pad_h, rows.extent = (w.kernel_h - 1) * w.dilation_h + 1;
  rows.cost = cost;
  rows.inputs = {0};
  rows.run = [kernel, run](const RunContext& context, int, const void* in, void* out, int64_t begin, int64_t end,
                           int thread) { run(*kernel, context, in, out, begin, end, thread); };
  ctx.on_rows(std::move(rows));
}

template <class Params>
double row_macs(const Params& c, int64_t depth) {
  return static_cast<double>(c.window.out_w * c.window.out_c) * static_cast<double>(depth);
}

}  // namespace

void offer_rows(PrepareContext& ctx, std::shared_ptr<PackedConv2dF32> kernel) {
  const double cost = row_macs(kernel->params, kernel->params.depth()) / kernel->kernel->macs_per_nanosecond;
  offer_window_rows(ctx, std::move(kernel), cost,
                    [](const PackedConv2dF32& k, const RunContext& run, const void* in, void* out, int64_t begin,
                       int64_t end, int thread) {
                      const int64_t out_w = k.params.window.out_w;
                      k.kernel->run(k.params, k.packed(run), static_cast<const float*>(in), static_cast<float*>(out),
                                    {begin * out_w, end * out_w, 0, k.kernel->pieces(k.params)},
                                    k.scratch(run, thread));
                    });
}

void offer_rows(PrepareContext& ctx, std::shared_ptr<PackedConv2dQ8> kernel) {
  const double cost = row_macs(kernel->params, kernel->params.depth()) / (kMacsPerNanosecond * kernel->speed);
  offer_window_rows(ctx, std::move(kernel), cost,
                    [](const PackedConv2dQ8& k, const RunContext& run, const void* in, void* out, int64_t begin,
                       int64_t end, int thread) {
                      const Window2d& w = k.params.window;
                      k.kernel->run(k.params, k.packed(run), static_cast<const uint8_t*>(in), out,
                                    {begin * w.out_w, end * w.out_w, 0, w.out_c}, k.scratch(run, thread));
                    });
}

void offer_rows(PrepareContext& ctx, std::shared_ptr<PackedDepthwiseF32> kernel, double cost) {
  offer_window_rows(ctx, std::move(kernel), cost,
                    [](const PackedDepthwiseF32& k, const RunContext& run, const void* in, void* out, int64_t begin,
                       int64_t end, int thread) {
                      k.kernel->run(k.params, k.packed(run), static_cast<const float*>(in), static_cast<float*>(out),
                                    begin, end, k.scratch(run, thread));
                    });
}

void offer_rows(PrepareContext& ctx, std::shared_ptr<PackedDepthwiseQ8> kernel) {
  const Window2d& w = kernel->params.window;
  const double cost = row_macs(kernel->params, w.kernel_h * w.kernel_w) / (2 * kernel->speed);
  offer_window_rows(ctx, std::move(kernel), cost,
                    [](const PackedDepthwiseQ8& k, const RunContext& run, const void* in, void* out, int64_t begin,
                       int64_t end, int thread) {
                      k.kernel->run(k.params, k.packed(run), static_cast<const uint8_t*>(in), out, begin, end,
                                    k.scratch(run, thread));
                    });
}

HybridConvolution::HybridConvolution(PrepareContext& ctx, const ConvolutionTensors& t, int64_t out_c, bool asymmetric)
    : batches_(t.x.shape[0]),
      in_size_(t.x.shape.elements(1, 4)),
      out_size_(t.y.shape.elements(1, 4)),
      asymmetric_(asymmetric),
      rows_(*choose_hybrid_rows(ctx.isa()).run),
      range_(activation_range(ctx.attributes().text("fused_activation_function"))),
      scales_(weight_scales(t.weights, out_c)) {
  values_ = ctx.scratch(static_cast<size_t>(t.x.shape.elements()));
  factors_ = ctx.scratch(static_cast<size_t>(batches_) * sizeof(float));
  zeros_ = ctx.scratch(static_cast<size_t>(batches_) * sizeof(int32_t));
}

void HybridConvolution::quantize(const RunContext& run) const {
  const float* x = run.input<float>(0);
  run.parallel_for(batches_, static_cast<double>(in_size_) * 0.5, [&](int64_t begin, int64_t end, int) {
    for (int64_t b = begin; b < end; ++b) {
      RowQuantization q =
          quantize_row(x + b * in_size_, in_size_, asymmetric_, run.scratch<int8_t>(values_) + b * in_size_, rows_);
      run.scratch<float>(factors_)[b] = q.scale;
      run.scratch<int32_t>(zeros_)[b] = q.zero_point;
    }
  });
}

void HybridConvolution::finish(const RunContext& run) const {
  const int64_t channels = static_cast<int64_t>(scales_.size()), pixels = out_size_ / channels;
  const float* factors = run.scratch<float>(factors_);
  const float* bias = run.input_or_null<float>(2);
  float* y = run.output<float>(0);
  run.parallel_for(batches_ * pixels, static_cast<double>(channels) * 0.2, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i)
      rows_.finish(scales_.data(), factors[i / pixels], bias, range_.low, range_.high, channels, y + i * channels);
  });
}

Int16Stage::Int16Stage(PrepareContext& ctx, const ConvolutionTensors& t, int64_t out_c)
    : multipliers_(convolution_multipliers(t, out_c)),
      range_(quantized_activation_range(ctx.attributes().text("fused_activation_function"), t.y)),
      bias_(t.bias ? t.bias->dtype : DType::int64) {
  check(bias_ == DType::int32 || bias_ == DType::int64, "bias is ", dtype_name(bias_), "; int32 or int64 expected");
  check(t.x.zero_point() == 0 && t.y.zero_point() == 0, "int16 input and output have zero points ", t.x.zero_point(),
        " and ", t.y.zero_point(), "; 0 expected");
  const Attributes& options = ctx.attributes();
  const std::string type = options.has("quantized_bias_type") ? options.text("quantized_bias_type") : "float32";
  narrow_ = type == "int32";
  for (const Multiplier& m : multipliers_) wide_.push_back(wide_multiplier(m));
}

namespace {

// y[i] from acc[i] + bias[i]; bias may be null.
template <class Bias>
void store_wide(const int64_t* __restrict acc, const Bias* __restrict bias, const WideMultiplier* __restrict m,
                int64_t n, Range<int32_t> range, int16_t* __restrict y) {
  for (int64_t i = 0; i < n; ++i) {
    const uint64_t sum =
        static_cast<uint64_t>(acc[i]) + (bias ? static_cast<uint64_t>(static_cast<int64_t>(bias[i])) : 0);
    y[i] = static_cast<int16_t>(clamp(requantize(static_cast<int64_t>(sum), m[i]), range.low, range.high));
  }
}

}  // namespace

void Int16Stage::store(const RunContext& run, const int64_t* acc, int64_t channel, int64_t n, int16_t* y) const {
  const int32_t* bias32 = bias_ == DType::int32 ? run.input_or_null<int32_t>(2) : nullptr;
  const int64_t* bias64 = bias_ == DType::int64 ? run.input_or_null<int64_t>(2) : nullptr;
  if (!narrow_) {
    const WideMultiplier* m = wide_.data() + channel;
    if (bias32 != nullptr) return store_wide(acc, bias32 + channel, m, n, range_, y);
    return store_wide(acc, bias64 != nullptr ? bias64 + channel : nullptr, m, n, range_, y);
  }
  for (int64_t i = 0; i < n; ++i) {
    uint32_t sum = static_cast<uint32_t>(acc[i]);
    if (bias32 != nullptr) sum += static_cast<uint32_t>(bias32[channel + i]);
    if (bias64 != nullptr) sum += static_cast<uint32_t>(bias64[channel + i]);
    const int32_t v = requantize(static_cast<int32_t>(sum), multipliers_[static_cast<size_t>(channel + i)]);
    y[i] = static_cast<int16_t>(clamp(v, range_.low, range_.high));
  }
}

}  // namespace sanderling
