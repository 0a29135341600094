// TRANSPOSE_CONV: each input pixel, times the weights [out_c, kernel_h, kernel_w, in_c], is added to a window of the
// output: output[n, y, x, o] = activation(bias[o] + sum of input[n, iy, ix, c] * weights[o, fy, fx, c] over all with
// y = iy * stride_h - pad_h + fy and x = ix * stride_w - pad_w + fx).
//
// It is done by rows of the output: the input rows that reach one, times each column of taps, are matrix products.
// Kinds by dtype: float32; uint8; int8; int16 with int8 weights; hybrid, a float32 input that is quantized here, batch
// by batch, for int8 weights.
#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "base/function_ref.h"
#include "base/window.h"
#include "kernels/requantize_q8/requantize_q8.h"
#include "ops/activation.h"
#include "ops/hybrid.h"
#include "ops/matmul.h"
#include "ops/op.h"
#include "ops/window.h"
#include "quant/requantize.h"

namespace sanderling {
namespace {

using matmul::kColumnBlock;
using matmul::kRowBlock;
using matmul::Source;

constexpr int kTransposedShape = 0, kTransposedWeights = 1, kTransposedInput = 2, kTransposedBias = 3;

// Checks shapes, sets the output's. `in` and `out` as TRANSPOSE_CONV sees them.
Window2d set_window(PrepareContext& ctx) {
  const Shape &x = ctx.input(kTransposedInput).shape, &w = ctx.input(kTransposedWeights).shape;
  check(x.rank() == 4, "input has shape ", x, "; [batches, height, width, channels] expected");
  check(w.rank() == 4, "weights have shape ", w, "; [output channels, height, width, input channels] expected");
  check(w[3] == x[3], "weights of shape ", w, " do not fit an input of shape ", x);
  check(x.elements(1, 4) > 0 && w.elements() > 0, "input has shape ", x, " and weights ", w,
        "; no extent but the batch may be 0");
  const std::vector<int64_t> wanted = ctx.int_values(kTransposedShape);
  check(wanted.size() == 4, "output_shape has ", wanted.size(), " elements; 4 expected");
  const Shape y(wanted);
  Window2d window;
  window.batches = x[0], window.in_h = x[1], window.in_w = x[2], window.in_c = x[3];
  window.out_h = y[1], window.out_w = y[2], window.out_c = y[3];
  window.kernel_h = w[1], window.kernel_w = w[2];
  window.stride_h = ctx.attributes().integer_in("stride_h", 1, 32767);
  window.stride_w = ctx.attributes().integer_in("stride_w", 1, 32767);
  const std::string& padding = ctx.attributes().text("padding");
  const Window h = slide_window(padding, y[1], w[1], window.stride_h, 1);
  const Window v = slide_window(padding, y[2], w[2], window.stride_w, 1);
  check(y[0] == x[0] && y[3] == w[0] && h.out == x[1] && v.out == x[2], "output_shape ", y,
        " does not fit an input of shape ", x, ", weights of shape ", w, ", strides ", window.stride_h, " and ",
        window.stride_w, " and padding ", padding);
  window.pad_h = h.pad;
  window.pad_w = v.pad;
  if (ctx.has_input(kTransposedBias))
    check(ctx.input(kTransposedBias).shape.elements() == w[0], "bias has shape ", ctx.input(kTransposedBias).shape,
          "; ", w[0], " elements expected");
  ctx.set_output_shape(0, y);
  ctx.set_macs(x.elements() * w[0] * w[1] * w[2]);
  return window;
}

void add_to(int32_t& sum, int32_t v) { sum = wrapping_add(sum, v); }
void add_to(int64_t& sum, int64_t v) { sum += v; }
void add_to(float& sum, float v) { sum += v; }

// The products of one kind, without what becomes of the sums.
template <class Acc>
class Products {
 public:
  Products(PrepareContext& ctx, matmul::Choice<Acc> choice, const Window2d& w, int32_t input_zero, int32_t weights_zero)
      : kernel_(*choice.kernel),
        w_(w),
        input_{nullptr, matmul_element(ctx.input(kTransposedInput)), w.in_c, 1, input_zero},
        taps_(ctx, choice, kTransposedWeights, w.kernel_h * w.kernel_w, w.in_c, w.out_c, w.in_c,
              {nullptr, matmul_element(ctx.input(kTransposedWeights)), w.kernel_h * w.kernel_w * w.in_c, 1,
               weights_zero}) {
    ctx.set_kernel(choice.isa);
    item_ = static_cast<int64_t>(align_up(kernel_.left_bytes(w.in_w, w.in_c)));
    packed_ = ctx.scratch(static_cast<size_t>(w.batches * w.in_h * item_));
    sums_bytes_ = static_cast<int64_t>(align_up(static_cast<size_t>(w.out_w * w.out_c) * sizeof(Acc)));
    sums_ = ctx.scratch(static_cast<size_t>(ctx.threads() * sums_bytes_));
  }

  const matmul::Kernel<Acc>& kernel() const { return kernel_; }
  // Packed input row i of batches * in_h; each is one left operand.
  char* packed_row(RunContext& run, int64_t i) const { return run.scratch<char>(packed_) + i * item_; }

  // Packs the operator's input as it is.
  void pack(RunContext& run) const {
    pack_left(run, kernel_, input_, run.input<char>(kTransposedInput), w_.batches * w_.in_h, w_.in_w, w_.in_c, item_,
              packed_row(run, 0));
  }

  // Calls store(sums, row) for each row of batches * out_h with its out_w * out_c sums.
  void run(RunContext& run, FunctionRef<void(const Acc* sums, int64_t row)> store) const {
    const char* left = run.scratch<char>(packed_);
    const char* right = taps_.get(run);
    const double cost = matmul_cost(kernel_, w_.in_w, w_.kernel_w * w_.out_c, w_.in_c) *
                        static_cast<double>(w_.kernel_h) / static_cast<double>(w_.stride_h);
    run.parallel_for(w_.batches * w_.out_h, cost, [&](int64_t begin, int64_t end, int thread) {
      Acc* sums = reinterpret_cast<Acc*>(run.scratch<char>(sums_) + thread * sums_bytes_);
      for (int64_t row = begin; row < end; ++row) {
        std::fill_n(sums, w_.out_w * w_.out_c, Acc{0});
        const int64_t batch = row / w_.out_h, y = row % w_.out_h;
        // Input rows that reach y, upwards in the reference's order: iy * stride = y + pad - fy.
        const int64_t reach = y + w_.pad_h;
        const int64_t first = reach < w_.kernel_h ? 0 : (reach - w_.kernel_h) / w_.stride_h + 1;
        const int64_t last = std::min(w_.in_h - 1, reach / w_.stride_h);
        for (int64_t iy = first; iy <= last; ++iy)
          add_row(left + (batch * w_.in_h + iy) * item_, right, reach - iy * w_.stride_h, sums);
        store(sums, row);
      }
    });
  }

 private:
  // Adds the products of one packed input row and row fy of the taps.
  void add_row(const char* left, const char* right, int64_t fy, Acc* sums) const {
    alignas(kAlignment) Acc acc[kRowBlock * kColumnBlock];
    for (int64_t fx = 0; fx < w_.kernel_w; ++fx) {
      const char* tap = right + (fy * w_.kernel_w + fx) * taps_.item_bytes();
      for (int64_t c = 0; c < w_.out_c; c += kColumnBlock)
        for (int64_t ix = 0; ix < w_.in_w; ix += kRowBlock) {
          const matmul::Block block = {ix, std::min(ix + kRowBlock, w_.in_w), c, std::min(c + kColumnBlock, w_.out_c)};
          kernel_.run(left, tap, w_.in_c, block, acc);
          for (int64_t i = ix; i < block.last_row; ++i) {
            const int64_t x = i * w_.stride_w - w_.pad_w + fx;
            if (x < 0 || x >= w_.out_w) continue;
            const Acc* from = acc + (i - ix) * kColumnBlock;
            Acc* to = sums + x * w_.out_c + c;
            for (int64_t k = 0; k < block.last_column - c; ++k) add_to(to[k], from[k]);
          }
        }
    }
  }

  const matmul::Kernel<Acc>& kernel_;
  Window2d w_;
  Source input_;
  RightOperands<Acc> taps_;
  int64_t item_, sums_bytes_;
  int packed_, sums_;
};

void expect_bias(PrepareContext& ctx, DType wanted) {
  if (ctx.has_input(kTransposedBias))
    check(ctx.input(kTransposedBias).dtype == wanted, "bias is ", dtype_name(ctx.input(kTransposedBias).dtype), "; ",
          dtype_name(wanted), " expected");
}

// Scales of the weights, one or one for each output channel.
const Numbers<float>& weight_scales(PrepareContext& ctx) {
  const Quantization& q = ctx.input(kTransposedWeights).quantization;
  check(!q.scale.empty(), "weights have no quantization");
  check(q.scale.size() == 1 || q.axis == 0, "weights are quantized along axis ", q.axis, "; 0 expected");
  return q.scale;
}

struct Rescaling {
  std::vector<Multiplier> multipliers;  // one for each output channel
  Range<int32_t> range;
  int32_t zero_point;
};

std::shared_ptr<Rescaling> rescaling(PrepareContext& ctx, int64_t channels) {
  const TensorInfo &x = ctx.input(kTransposedInput), &y = ctx.output(0);
  const Numbers<float>& scale = weight_scales(ctx);
  auto r = std::make_shared<Rescaling>();
  r->range = quantized_activation_range(ctx.attributes().text("fused_activation_function"), y);
  r->zero_point = y.zero_point();
  for (size_t o = 0; o < static_cast<size_t>(channels); ++o) {
    const float s = scale[scale.size() == 1 ? 0 : o];
    // The reference multiplies in float for uint8 and in double for the others.
    const double product = x.dtype == DType::uint8 ? static_cast<double>(x.scale() * s)
                                                   : static_cast<double>(x.scale()) * static_cast<double>(s);
    r->multipliers.push_back(quantize_multiplier(product / static_cast<double>(y.scale())));
  }
  return r;
}

// One row of the output from its sums; Sum is the type that the reference accumulates in.
template <class Sum, class Bias>
void store_row(const int64_t* sums, const Bias* bias, const Rescaling& r, int64_t pixels, int16_t* out) {
  const int64_t channels = static_cast<int64_t>(r.multipliers.size());
  for (int64_t i = 0; i < pixels; ++i, sums += channels, out += channels)
    for (int64_t o = 0; o < channels; ++o) {
      Sum sum = static_cast<Sum>(static_cast<uint64_t>(sums[o]) +
                                 (bias ? static_cast<uint64_t>(static_cast<int64_t>(bias[o])) : 0));
      int32_t scaled = wrapping_add(requantize(sum, r.multipliers[static_cast<size_t>(o)]), r.zero_point);
      out[o] = static_cast<int16_t>(clamp(scaled, r.range.low, r.range.high));
    }
}

template <class Sum, class Bias>
void prepare_s16(PrepareContext& ctx, const Window2d& w) {
  auto scaling = rescaling(ctx, w.out_c);
  Products<int64_t> products(ctx, matmul::choose_s16(ctx.isa()), w, 0, 0);
  const int64_t row_size = w.out_w * w.out_c, pixels = w.out_w;
  ctx.on_run([products, scaling, row_size, pixels](RunContext& run) {
    products.pack(run);
    const Bias* bias = run.input_or_null<Bias>(kTransposedBias);
    int16_t* y = run.output<int16_t>(0);
    products.run(run, [&](const int64_t* sums, int64_t row) {
      store_row<Sum>(sums, bias, *scaling, pixels, y + row * row_size);
    });
  });
}

void prepare_q8(PrepareContext& ctx, const Window2d& w) {
  expect_bias(ctx, DType::int32);
  int32_t weights_zero = 0;  // the reference takes int8 weights for symmetric
  if (ctx.input(kTransposedInput).dtype == DType::uint8) {
    check(weight_scales(ctx).size() == 1, "uint8 weights are quantized per channel");
    weights_zero = ctx.input(kTransposedWeights).zero_point();
  }
  auto scaling = rescaling(ctx, w.out_c);
  Products<int32_t> products(ctx, matmul::choose_q8(ctx.isa()), w, ctx.input(kTransposedInput).zero_point(),
                             weights_zero);
  const RequantizeStage stage = {scaling->zero_point, scaling->range.low, scaling->range.high};
  RequantizeQ8Kernel* const requantize = choose_requantize_q8(ctx.isa()).run;
  // Few channels do not fill the kernel's vectors: pixels are rescaled together, by multipliers and a bias that repeat.
  constexpr int64_t kTogether = 64;
  const int64_t row_size = w.out_w * w.out_c;
  const int64_t together = w.out_c * std::max<int64_t>(1, std::min(w.out_w, kTogether / w.out_c));
  std::vector<Multiplier>& multipliers = scaling->multipliers;
  multipliers.resize(static_cast<size_t>(together));
  for (size_t i = static_cast<size_t>(w.out_c); i < multipliers.size(); ++i)
    multipliers[i] = multipliers[i - static_cast<size_t>(w.out_c)];
  const int biases = ctx.has_input(kTransposedBias) ? ctx.scratch(multipliers.size() * sizeof(int32_t)) : -1;
  ctx.on_run([products, scaling, stage, requantize, row_size, together, biases, w](RunContext& run) {
    products.pack(run);
    int32_t* bias = biases < 0 ? nullptr : run.scratch<int32_t>(biases);
    for (int64_t i = 0; bias != nullptr && i < together; i += w.out_c)
      std::copy_n(run.input<int32_t>(kTransposedBias), w.out_c, bias + i);
    uint8_t* y = run.output<uint8_t>(0);
    products.run(run, [&](const int32_t* sums, int64_t row) {
      for (int64_t i = 0; i < row_size; i += together)
        requantize(sums + i, bias, scaling->multipliers.data(), std::min(together, row_size - i), stage,
                   y + row * row_size + i);
    });
  });
}

void prepare_int16(PrepareContext& ctx, const Window2d& w) {
  const TensorInfo &x = ctx.input(kTransposedInput), &y = ctx.output(0);
  check(x.zero_point() == 0 && y.zero_point() == 0, "int16 input and output have zero points ", x.zero_point(), " and ",
        y.zero_point(), "; 0 expected");
  const bool narrow = ctx.attributes().has("quantized_bias_type") &&
                      ctx.attributes().text("quantized_bias_type") == dtype_name(DType::int32);
  const bool int32_bias = !ctx.has_input(kTransposedBias) || ctx.input(kTransposedBias).dtype == DType::int32;
  if (!int32_bias) expect_bias(ctx, DType::int64);
  if (narrow && int32_bias) return prepare_s16<int32_t, int32_t>(ctx, w);
  if (int32_bias) return prepare_s16<int64_t, int32_t>(ctx, w);
  check(!narrow, "bias is int64; quantized_bias_type says int32");
  prepare_s16<int64_t, int64_t>(ctx, w);
}

// y = clamp(sum * scale + bias); without scale for float.
template <class Acc>
void store_real(const Acc* sums, const float* scale, const float* bias, const Range<float>& range, int64_t pixels,
                int64_t channels, float* y) {
  for (int64_t i = 0; i < pixels; ++i, sums += channels, y += channels)
    for (int64_t o = 0; o < channels; ++o) {
      float v = static_cast<float>(sums[o]);
      if (scale) v *= scale[o];
      if (bias) v += bias[o];
      v = v > range.low ? v : range.low;
      y[o] = v < range.high ? v : range.high;
    }
}

void prepare_float(PrepareContext& ctx, const Window2d& w) {
  expect_bias(ctx, DType::float32);
  const Range<float> range = activation_range(ctx.attributes().text("fused_activation_function"));
  Products<float> products(ctx, matmul::choose_f32(ctx.isa()), w, 0, 0);
  ctx.on_run([products, range, w](RunContext& run) {
    products.pack(run);
    const float* bias = run.input_or_null<float>(kTransposedBias);
    float* y = run.output<float>(0);
    products.run(run, [&](const float* sums, int64_t row) {
      store_real(sums, nullptr, bias, range, w.out_w, w.out_c, y + row * w.out_w * w.out_c);
    });
  });
}

void prepare_hybrid(PrepareContext& ctx, const Window2d& w) {
  expect_bias(ctx, DType::float32);
  const Range<float> range = activation_range(ctx.attributes().text("fused_activation_function"));
  std::vector<float> all = weight_scales(ctx).vector();
  if (all.size() == 1) all.assign(static_cast<size_t>(w.out_c), all[0]);
  auto scales = std::make_shared<const std::vector<float>>(std::move(all));
  Products<int32_t> products(ctx, matmul::choose_q8(ctx.isa()), w, 0, 0);
  const int64_t picture = w.in_h * w.in_w * w.in_c;
  const int quantized = ctx.scratch(static_cast<size_t>(w.batches * picture));
  const int factors = ctx.scratch(static_cast<size_t>(w.batches * w.out_c) * sizeof(float));
  ctx.on_run([=](RunContext& run) {
    int8_t* q = run.scratch<int8_t>(quantized);
    float* factor = run.scratch<float>(factors);
    run.parallel_for(w.batches, static_cast<double>(picture) * 3, [&](int64_t begin, int64_t end, int) {
      for (int64_t b = begin; b < end; ++b) {
        int8_t* to = q + b * picture;
        const RowQuantization row = quantize_row(run.input<float>(kTransposedInput) + b * picture, picture, true, to);
        for (int64_t o = 0; o < w.out_c; ++o) factor[b * w.out_c + o] = (*scales)[static_cast<size_t>(o)] * row.scale;
        for (int64_t y = 0; y < w.in_h; ++y)
          products.kernel().pack_left({to + y * w.in_w * w.in_c, matmul::Element::s8, w.in_c, 1, row.zero_point}, 0,
                                      w.in_w, w.in_c, products.packed_row(run, b * w.in_h + y));
      }
    });
    const float* bias = run.input_or_null<float>(kTransposedBias);
    float* y = run.output<float>(0);
    products.run(run, [&](const int32_t* sums, int64_t row) {
      store_real(sums, factor + row / w.out_h * w.out_c, bias, range, w.out_w, w.out_c, y + row * w.out_w * w.out_c);
    });
  });
}

}  // namespace

void prepare_transpose_conv(PrepareContext& ctx) {
  ctx.expect_inputs(3, 4);
  ctx.expect_outputs(1);
  const DType x = ctx.input(kTransposedInput).dtype, w = ctx.input(kTransposedWeights).dtype, y = ctx.output(0).dtype;
  const Window2d window = set_window(ctx);
  if (x == y) {
    if (x == DType::float32 && w == DType::float32) return prepare_float(ctx, window);
    if (x == DType::float32 && w == DType::int8) return prepare_hybrid(ctx, window);
    if ((x == DType::int8 || x == DType::uint8) && w == x) return prepare_q8(ctx, window);
    if (x == DType::int16 && w == DType::int8) return prepare_int16(ctx, window);
  }
  fail("input, weights and output are ", dtype_name(x), ", ", dtype_name(w), " and ", dtype_name(y),
       "; supported are float32; float32 with int8 weights; int8; uint8; int16 with int8 weights");
}

}  // namespace sanderling
