// FULLY_CONNECTED: output[b, o] = activation(bias[o] + sum over k of input[b, k] * weights[o, k]).
//
// Kinds by dtype (input, weights): float32 both; quantized (int8 or uint8 both; int16 with int8; int16 both); hybrid,
// a float32 input that is quantized here row by row for int8 weights.
#include <cstring>
#include <limits>
#include <memory>
#include <vector>

#include "kernels/rescale_real/rescale_real.h"
#include "ops/activation.h"
#include "ops/convolution.h"
#include "ops/hybrid.h"
#include "ops/matmul.h"
#include "ops/op.h"
#include "quant/requantize.h"
#include "quant/requantize_real.h"

namespace sanderling {
namespace {

using matmul::Block;
using matmul::Element;
using matmul::kColumnBlock;
using matmul::Source;

constexpr int kInput = 0, kWeights = 1, kBias = 2;

struct Sizes {
  int64_t rows, outputs, depth;
};

// Checks shapes, sets the output's.
Sizes set_shapes(PrepareContext& ctx) {
  const Shape& x = ctx.input(kInput).shape;
  const Shape& w = ctx.input(kWeights).shape;
  check(w.rank() == 2, "weights have shape ", w, "; [outputs, depth] expected");
  Sizes s{0, w[0], w[1]};
  if (ctx.has_input(kBias)) {
    const Shape& b = ctx.input(kBias).shape;
    check(b.elements() == s.outputs, "bias has shape ", b, "; ", s.outputs, " elements expected");
  }
  if (s.depth == 0)
    s.rows = x.outer();
  else
    s.rows = x.elements() / s.depth;  // a remainder is left over, as in the reference
  if (ctx.attributes().boolean("keep_num_dims")) {
    check(x.rank() > 0 && x.back(1) == s.depth, "input has shape ", x, "; with keep_num_dims its last extent must be ",
          s.depth);
    ctx.set_output_shape(0, x.with(x.rank() - 1, s.outputs));
  } else {
    ctx.set_output_shape(0, Shape{s.rows, s.outputs});
  }
  ctx.set_macs(s.rows * s.outputs * s.depth);
  return s;
}

// Depth 0, or nothing to compute: the reference writes zero bits whatever the bias.
void run_zeros(PrepareContext& ctx, const Sizes& s) {
  size_t bytes = static_cast<size_t>(s.rows * s.outputs) * dtype_size(ctx.output(0).dtype);
  ctx.on_run([bytes](RunContext& run) {
    if (bytes > 0) std::memset(run.output<char>(0), 0, bytes);
  });
}

Source rows_of(const TensorInfo& t, int64_t depth, int32_t zero_point) {
  return {nullptr, matmul_element(t), depth, 1, zero_point, t.int4};
}

void expect_bias(PrepareContext& ctx, bool int64_too) {
  if (!ctx.has_input(kBias)) return;
  DType t = ctx.input(kBias).dtype;
  check(t == DType::int32 || (int64_too && t == DType::int64), "bias is ", dtype_name(t), "; int32",
        int64_too ? " or int64" : "", " expected");
}

// Scales input * weights / output, one for each output.
std::vector<double> real_multipliers(PrepareContext& ctx, int64_t outputs) {
  const Quantization& w = ctx.input(kWeights).quantization;
  check(!w.scale.empty(), "weights have no quantization");
  check(w.scale.size() == 1 || w.axis == 0, "weights are quantized along axis ", w.axis, "; 0 expected");
  const double in = static_cast<double>(ctx.input(kInput).scale());
  const double out = static_cast<double>(ctx.output(0).scale());
  std::vector<double> all(static_cast<size_t>(outputs));
  for (size_t o = 0; o < all.size(); ++o) all[o] = in * static_cast<double>(w.scale[w.scale.size() == 1 ? 0 : o]) / out;
  return all;
}

// Zero point of the weights; the reference takes it for 0 where they are quantized per channel.
int32_t weights_zero_point(const TensorInfo& w) {
  return w.quantization.scale.size() == 1 ? w.quantization.zero_point[0] : 0;
}

struct QuantizedOutput {
  std::vector<double> multiplier;
  Range<double> range;  // without the zero point
  int32_t zero_point;
};

QuantizedOutput quantized_output(PrepareContext& ctx, int64_t outputs) {
  const TensorInfo& y = ctx.output(0);
  Range<int32_t> range = quantized_activation_range(ctx.attributes().text("fused_activation_function"), y);
  int32_t zero = y.zero_point();
  return {real_multipliers(ctx, outputs), {double(range.low) - zero, double(range.high) - zero}, zero};
}

// Stores n outputs: bytes, or int16.
void store_q8(const QuantizedOutput& out, RescaleRealKernel* rescale, const int32_t* acc, const int32_t* bias,
              int64_t first, int64_t n, uint8_t* y) {
  rescale(acc, bias, out.multiplier.data() + first, n, {out.range.low, out.range.high, out.zero_point}, y);
}
void store_q8(const QuantizedOutput& out, RescaleRealKernel*, const int32_t* acc, const int32_t* bias, int64_t first,
              int64_t n, int16_t* y) {
  for (int64_t i = 0; i < n; ++i) {
    const int32_t sum = bias ? wrapping_add(acc[i], bias[i]) : acc[i];
    const double multiplier = out.multiplier[static_cast<size_t>(first + i)];
    y[i] = static_cast<int16_t>(requantize_real(sum, multiplier, out.range.low, out.range.high) + out.zero_point);
  }
}

// 8-bit input and weights; T is the output: bytes of the same type, or int16 from uint8.
template <class T>
void prepare_q8(PrepareContext& ctx, const Sizes& s) {
  const TensorInfo& x = ctx.input(kInput);
  const TensorInfo& w = ctx.input(kWeights);
  expect_bias(ctx, false);
  auto out = std::make_shared<QuantizedOutput>(quantized_output(ctx, s.outputs));
  if (s.depth == 0) return run_zeros(ctx, s);
  const LayerProduct<int32_t> product(ctx, matmul::choose_q8(ctx.isa(), w.int4), s.rows, s.outputs, s.depth,
                                      rows_of(x, s.depth, x.zero_point()), rows_of(w, s.depth, weights_zero_point(w)));
  RescaleRealKernel* rescale = choose_rescale_real(ctx.isa()).run;
  ctx.on_run([s, out, product, rescale](RunContext& run) {
    const int32_t* bias = run.input_or_null<int32_t>(kBias);
    T* y = run.output<T>(0);
    product.run(run, [&](const int32_t* acc, int64_t row, int64_t column, int64_t n) {
      store_q8(*out, rescale, acc, bias ? bias + column : nullptr, column, n, y + row * s.outputs + column);
    });
  });
}

// How the reference rescales the sums of int16 inputs: in double, from int64 or int32, or in fixed point from int64.
enum class Rescale { real, real_of_int32, fixed };

// int16 input and output, int8 or int16 weights, bias in int32 or int64.
template <class Bias>
void prepare_s16(PrepareContext& ctx, const Sizes& s, Rescale rescale) {
  const TensorInfo& w = ctx.input(kWeights);
  auto out = std::make_shared<QuantizedOutput>(quantized_output(ctx, s.outputs));
  auto fixed = std::make_shared<std::vector<Multiplier>>();
  if (rescale == Rescale::fixed) {
    for (double m : out->multiplier) fixed->push_back(quantize_multiplier(m));
    if (w.quantization.scale.size() == 1) {
      const float product = ctx.input(kInput).scale() * w.scale();  // in float, as the reference has it
      fixed->assign(fixed->size(),
                    quantize_multiplier(static_cast<double>(product) / static_cast<double>(ctx.output(0).scale())));
    }
  }
  if (s.depth == 0) return run_zeros(ctx, s);
  const LayerProduct<int64_t> product(ctx, matmul::choose_s16(ctx.isa()), s.rows, s.outputs, s.depth,
                                      rows_of(ctx.input(kInput), s.depth, 0),
                                      rows_of(w, s.depth, weights_zero_point(w)));
  ctx.on_run([s, out, product, rescale, fixed](RunContext& run) {
    const Bias* bias = run.input_or_null<Bias>(kBias);
    int16_t* y = run.output<int16_t>(0);
    product.run(run, [&](const int64_t* acc, int64_t row, int64_t column, int64_t n) {
      for (int64_t c = column; c < column + n; ++c) {
        uint64_t sum = static_cast<uint64_t>(acc[c - column]);
        if (bias) sum += static_cast<uint64_t>(static_cast<int64_t>(bias[c]));
        const size_t o = static_cast<size_t>(c);
        double real = rescale == Rescale::fixed ? requantize(static_cast<int64_t>(sum), (*fixed)[o])
                      : rescale == Rescale::real_of_int32
                          ? static_cast<double>(static_cast<int32_t>(static_cast<uint32_t>(sum)))
                          : static_cast<double>(static_cast<int64_t>(sum));
        y[row * s.outputs + c] = static_cast<int16_t>(requantize_real(
            real, rescale == Rescale::fixed ? 1.0 : out->multiplier[o], out->range.low, out->range.high));
      }
    });
  });
}

void prepare_int16(PrepareContext& ctx, const Sizes& s) {
  const TensorInfo& x = ctx.input(kInput);
  const TensorInfo& y = ctx.output(0);
  check(y.dtype == DType::int16, "output is ", dtype_name(y.dtype), "; int16 expected where the input is int16");
  check(x.zero_point() == 0 && y.zero_point() == 0, "int16 input and output have zero points ", x.zero_point(), " and ",
        y.zero_point(), "; 0 expected");
  expect_bias(ctx, true);
  const TensorInfo& w = ctx.input(kWeights);
  Rescale rescale = Rescale::real;
  if (w.dtype == DType::int16) {
    check(w.quantization.scale.size() != 1 || w.zero_point() == 0, "int16 weights have zero point ", w.zero_point(),
          "; 0 expected");
    rescale = Rescale::fixed;
  } else if (ctx.attributes().has("quantized_bias_type") &&
             ctx.attributes().text("quantized_bias_type") == dtype_name(DType::int32)) {
    rescale = Rescale::real_of_int32;
  }
  if (ctx.has_input(kBias) && ctx.input(kBias).dtype == DType::int64)
    prepare_s16<int64_t>(ctx, s, rescale);
  else
    prepare_s16<int32_t>(ctx, s, rescale);
}

void prepare_float(PrepareContext& ctx, const Sizes& s) {
  Range<float> range = activation_range(ctx.attributes().text("fused_activation_function"));
  if (s.depth == 0 || s.rows == 0 || s.outputs == 0) return run_zeros(ctx, s);
  // Rows are pixels of a convolution.
  Conv2dF32 c;
  c.window.batches = s.rows, c.window.in_c = s.depth, c.window.out_c = s.outputs;
  c.window.in_h = c.window.in_w = c.window.out_h = c.window.out_w = 1;
  c.low = range.low, c.high = range.high;
  c.fp16 = ctx.fp16();
  auto kernel = std::make_shared<PackedConv2dF32>(ctx, c, choose_conv2d_f32);
  kernel->pack_inputs(ctx, true);
  ctx.on_run(
      [kernel](RunContext& run) { run_conv2d_f32(run, *kernel, run.input<float>(kInput), run.output<float>(0)); });
}

// The hybrid kernel takes two activations more than the others.
void activate(const std::string& activation, Range<float> range, int64_t n, float* y) {
  if (activation == "TANH")
    for (int64_t i = 0; i < n; ++i) y[i] = std::tanh(y[i]);
  else if (activation == "SIGN_BIT")
    for (int64_t i = 0; i < n; ++i) y[i] = std::signbit(y[i]) ? 1.0f : 0.0f;
  else
    for (int64_t i = 0; i < n; ++i) {
      float v = y[i] > range.low ? y[i] : range.low;
      y[i] = v < range.high ? v : range.high;
    }
}

void prepare_hybrid(PrepareContext& ctx, const Sizes& s) {
  const TensorInfo& w = ctx.input(kWeights);
  const Quantization& q = w.quantization;
  check(!q.scale.empty(), "weights have no quantization");
  check(q.scale.size() == 1 || q.axis == 0, "weights are quantized along axis ", q.axis, "; 0 expected");
  std::string activation = ctx.attributes().text("fused_activation_function");
  Range<float> range = {};
  if (activation != "TANH" && activation != "SIGN_BIT") range = activation_range(activation);
  if (s.depth == 0) return run_zeros(ctx, s);
  const matmul::Choice<int32_t> choice = matmul::choose_q8(ctx.isa(), w.int4);
  const matmul::Kernel<int32_t>* kernel = choice.kernel;
  ctx.set_kernel(choice.isa, kernel->name);
  Source right_source = rows_of(w, s.depth, 0);
  right_source.element = Element::s8;  // old converters call int8 weights uint8
  RightOperands<int32_t> weights(ctx, choice, kWeights, 1, 0, s.outputs, s.depth, right_source);
  HybridInput input(ctx, *kernel, s.rows, s.depth, ctx.attributes().boolean("asymmetric_quantize_inputs"));
  auto scale = std::make_shared<std::vector<float>>(q.scale.vector());
  ctx.on_run([s, input, scale, activation, range, weights, kernel](RunContext& run) {
    const HybridInput::Packed x = input.get(run, run.input<float>(kInput));
    const char* right = weights.get(run);
    const float* bias = run.input_or_null<float>(kBias);
    float* y = run.output<float>(0);
    const bool per_channel = scale->size() > 1;
    matmul_blocks(
        run, *kernel, 1, s.rows, s.outputs, s.depth, [&](int64_t) { return x.left; }, [&](int64_t) { return right; },
        [&](int64_t, const int32_t* acc, const Block& b) {
          for (int64_t r = b.first_row; r < b.last_row; ++r) {
            float* to = y + r * s.outputs;
            for (int64_t c = b.first_column; c < b.last_column; ++c) {
              float factor = x.scale[r] * (*scale)[per_channel ? static_cast<size_t>(c) : 0];
              to[c] = (bias ? bias[c] : 0.0f) +
                      static_cast<float>(acc[(r - b.first_row) * kColumnBlock + c - b.first_column]) * factor;
            }
            activate(activation, range, b.last_column - b.first_column, to + b.first_column);
          }
        });
  });
}

}  // namespace

void prepare_fully_connected(PrepareContext& ctx) {
  ctx.expect_inputs(2, 3);
  const std::string& format = ctx.attributes().text("weights_format");
  check(format == "DEFAULT", "weights_format is ", format, "; only DEFAULT is supported");
  ctx.expect_outputs(1);
  const Sizes s = set_shapes(ctx);
  const DType x = ctx.input(kInput).dtype, w = ctx.input(kWeights).dtype, y = ctx.output(0).dtype;
  if (x == DType::float32 && y == DType::float32) {
    if (ctx.has_input(kBias))
      check(ctx.input(kBias).dtype == DType::float32, "bias is ", dtype_name(ctx.input(kBias).dtype),
            "; float32 expected");
    if (w == DType::float32) return prepare_float(ctx, s);
    if (w == DType::int8 || w == DType::uint8) return prepare_hybrid(ctx, s);
  }
  if (x == DType::int8 && w == DType::int8 && y == DType::int8) return prepare_q8<uint8_t>(ctx, s);
  if (x == DType::uint8 && w == DType::uint8) {
    check(ctx.input(kWeights).quantization.scale.size() <= 1, "uint8 weights are quantized per channel");
    if (y == DType::uint8) return prepare_q8<uint8_t>(ctx, s);
    if (y == DType::int16) return prepare_q8<int16_t>(ctx, s);
  }
  if (x == DType::int16 && (w == DType::int8 || w == DType::int16)) return prepare_int16(ctx, s);
  fail("input, weights and output are ", dtype_name(x), ", ", dtype_name(w), " and ", dtype_name(y),
       "; supported are float32; float32 with int8 weights; int8; uint8; uint8 to int16; int16 with int8 or int16 "
       "weights");
}

}  // namespace sanderling
