// What CONV_2D and DEPTHWISE_CONV_2D share: validation, multipliers, and the packing and running of kernels.
#pragma once

#include <memory>
#include <type_traits>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/function.h"
#include "base/window.h"
#include "kernels/conv2d_f32/conv2d_f32.h"
#include "kernels/conv2d_q8/conv2d_q8.h"
#include "kernels/depthwise_f32/depthwise_f32.h"
#include "kernels/depthwise_q8/depthwise_q8.h"
#include "kernels/hybrid_rows/hybrid_rows.h"
#include "ops/activation.h"
#include "ops/cost.h"
#include "ops/op.h"
#include "quant/wide_multiplier.h"

namespace sanderling {

// Output channels of weights, whichever way they lie.
struct ConvolutionTensors {
  const TensorInfo& x;
  const TensorInfo& weights;
  const TensorInfo* bias;  // may be null
  const TensorInfo& y;
};

// The window of filters [kernel_h, kernel_w] on an input of shape [N, H, W, C], from the options padding (where it is
// EXPLICIT, explicit_paddings too: top, bottom, left, right), stride_h, stride_w, dilation_h_factor and
// dilation_w_factor.
Window2d convolution_window(const Attributes&, const Shape& input, int64_t kernel_h, int64_t kernel_w, int64_t out_c);

// Checks what does not depend on the kind of convolution: counts, ranks, bias and output.
ConvolutionTensors convolution_tensors(PrepareContext&, int64_t out_c);

// Of the older uint8 kind, whose weights have a zero point; activations may have been moved to int8 (passes/signed.py).
inline bool is_old_kind(const ConvolutionTensors& t) { return t.weights.dtype == DType::uint8; }

// Throws Error where input, weights or output have no scale.
void check_scales(const ConvolutionTensors&);

// input scale * weight scale / output scale for each output channel, as TFLite rounds it.
std::vector<Multiplier> convolution_multipliers(const ConvolutionTensors&, int64_t out_c);

// One scale for each output channel.
std::vector<float> weight_scales(const TensorInfo& weights, int64_t out_c);

// A kernel with its parameters and packed weights, ready to run. Weights or bias that are not constant are packed in
// each run, into scratch memory.
template <class Params, class Kernel>
class PackedKernel {
 public:
  using Weight = typename Kernel::Weight;
  using Bias = typename Kernel::Bias;
  using Choose = const KernelRow<Kernel>& (*)(const Params&, Isa);

  PackedKernel(PrepareContext& ctx, const Params& params, Choose choose)
      : params(params), row_(choose(params, ctx.isa())) {
    kernel = row_.kernel;
    speed = kernel_speed(row_.isa);
    ctx.set_kernel(row_.isa, row_.name);
    scratch_bytes_ = align_up(kernel->scratch_bytes(this->params));
    scratch_ = ctx.scratch(scratch_bytes_ * static_cast<size_t>(ctx.threads()));
  }
  // With the multipliers of `t`, which are made when something is packed: a compiled model has used them already.
  PackedKernel(PrepareContext& ctx, const Params& params, Choose choose, const ConvolutionTensors& t)
      : PackedKernel(ctx, rescaled(params, t), choose) {
    make_multipliers_ = [t, out_c = params.window.out_c] { return convolution_multipliers(t, out_c); };
  }

  // Takes weights and bias from the inputs 1 and 2; without `with_bias` input 2 is not looked at.
  void pack_inputs(PrepareContext& ctx, bool with_bias) {
    with_bias_ = with_bias && ctx.has_input(2);
    if (ctx.is_known(1) && (ctx.is_known(2) || !with_bias_))
      pack_constants(ctx, with_bias, [&] {
        // Not owned: constants stay where they are.
        return std::shared_ptr<const Weight>(std::shared_ptr<void>(), static_cast<const Weight*>(ctx.value_or_null(1)));
      });
    else
      make_multipliers(), packed_scratch_ = ctx.scratch(kernel->packed_bytes(params));
  }
  // The same for values that are known; weights() gives those in the kernel's order, as a shared_ptr<const Weight>.
  template <class Weights>
  void pack_constants(PrepareContext& ctx, bool with_bias, const Weights& weights) {
    with_bias_ = with_bias && ctx.has_input(2);
    const std::vector<int> from = with_bias_ ? std::vector<int>{1, 2} : std::vector<int>{1};
    const auto packing = [&](decltype(Kernel::pack) pack) {
      return [&, pack](void* to) {
        const std::shared_ptr<const Weight> values = weights();
        make_multipliers();
        const Bias* bias = with_bias_ ? static_cast<const Bias*>(ctx.value_or_null(2)) : nullptr;
        ctx.later([pack, p = params, values, bias, to] { pack(p, values.get(), bias, to); });
      };
    };
    TargetPacking other;
    const PackerRow<Kernel>* row = ctx.target() ? find_packer(params, *ctx.target()) : nullptr;
    if (row) other = {row->target, row->name, row->packed_bytes(params), packing(row->pack)};
    constant_ = ctx.packed(row_.isa, row_.name, kernel->packed_bytes(params), from, packing(kernel->pack),
                           row ? &other : nullptr);
    make_multipliers_ = {};
  }

  bool is_constant() const { return packed_scratch_ < 0; }
  // The packed weights of this run.
  const void* packed(const RunContext& run) const {
    if (packed_scratch_ < 0) return constant_.get();
    void* p = run.scratch<void>(packed_scratch_);
    kernel->pack(params, run.input<Weight>(1), with_bias_ ? run.input<Bias>(2) : nullptr, p);
    return p;
  }
  void* scratch(const RunContext& run, int thread) const {
    return run.scratch<char>(scratch_) + scratch_bytes_ * static_cast<size_t>(thread);
  }

  Params params;
  const Kernel* kernel;
  double speed;  // see kernel_speed

 private:
  static Params rescaled(Params params, const ConvolutionTensors& t) {
    static constexpr Multiplier kToCome{};
    check_scales(t);
    params.multipliers = &kToCome;
    return params;
  }
  void make_multipliers() {
    if constexpr (std::is_same_v<Params, Conv2dQ8> || std::is_same_v<Params, DepthwiseQ8>) {
      if (!make_multipliers_ || !multipliers_.empty()) return;
      multipliers_ = make_multipliers_();
      params.multipliers = multipliers_.data();
    }
  }

  const KernelRow<Kernel>& row_;
  Function<std::vector<Multiplier>()> make_multipliers_;
  std::vector<Multiplier> multipliers_;
  std::shared_ptr<const void> constant_;
  size_t scratch_bytes_ = 0;
  int scratch_ = -1, packed_scratch_ = -1;
  bool with_bias_ = false;
};

using PackedConv2dF32 = PackedKernel<Conv2dF32, Conv2dF32Kernel>;
using PackedConv2dQ8 = PackedKernel<Conv2dQ8, Conv2dQ8Kernel>;
using PackedDepthwiseQ8 = PackedKernel<DepthwiseQ8, DepthwiseQ8Kernel>;
using PackedDepthwiseF32 = PackedKernel<DepthwiseF32, DepthwiseF32Kernel>;

// Throws Error where the bias has another type.
void check_bias(const ConvolutionTensors&, DType expected);
inline bool is_int8_weight(DType t) { return t == DType::int8 || t == DType::int4; }

// The fields that Conv2dQ8 and DepthwiseQ8 share, for int8 and uint8 tensors.
template <class Params>
void set_quantization(Params& p, const ConvolutionTensors& t, const std::string& activation) {
  const bool is_uint8 = t.x.dtype == DType::uint8, old = is_old_kind(t);
  const int32_t shift = is_uint8 ? 128 : 0;
  const Range<int32_t> range = quantized_activation_range(activation, t.y);
  p.flip = is_uint8 ? 0x80 : 0, p.weight_flip = old ? 0x80 : 0;
  p.input_zero = t.x.zero_point() - shift;
  p.weight_zero = old ? t.weights.zero_point() - 128 : 0;
  p.output_zero = t.y.zero_point() - shift;
  p.low = range.low - shift, p.high = range.high - shift;
}

// Runs a kernel over its whole output, split among the threads. `params` is that of the kernel, or differs from it in
// input_zero and batches.
void run_conv2d_f32(const RunContext&, const PackedConv2dF32&, const float* input, float* output);
void run_conv2d_q8(const RunContext&, const PackedConv2dQ8&, const Conv2dQ8& params, const void* packed,
                   const uint8_t* input, void* output);
void run_depthwise_q8(const RunContext&, const PackedDepthwiseQ8&, const DepthwiseQ8& params, const void* packed,
                      const uint8_t* input, void* output);

// The work by rows of kernels whose weights are constant, on one picture; for others nothing is offered. `cost` of a
// row.
void offer_rows(PrepareContext&, std::shared_ptr<PackedConv2dF32>);
void offer_rows(PrepareContext&, std::shared_ptr<PackedConv2dQ8>);
void offer_rows(PrepareContext&, std::shared_ptr<PackedDepthwiseF32>, double cost);
void offer_rows(PrepareContext&, std::shared_ptr<PackedDepthwiseQ8>);

// A float input that is quantized to int8 at each run, one scale and zero point for each batch, for int8 weights.
class HybridConvolution {
 public:
  HybridConvolution(PrepareContext&, const ConvolutionTensors&, int64_t out_c, bool asymmetric);

  // accumulate(batch, int8 values of the batch, zero point, int32 accumulators) is called for each batch; the
  // accumulators lie in the output and are turned into its floats afterwards.
  template <class Accumulate>
  void run(const RunContext& run, const Accumulate& accumulate) const {
    quantize(run);
    for (int64_t b = 0; b < batches_; ++b)
      accumulate(b, run.scratch<uint8_t>(values_) + b * in_size_, run.scratch<int32_t>(zeros_)[b],
                 run.output<char>(0) + b * out_size_ * static_cast<int64_t>(sizeof(float)));
    finish(run);
  }

 private:
  void quantize(const RunContext&) const;
  void finish(const RunContext&) const;

  int64_t batches_, in_size_, out_size_;  // sizes of one batch
  bool asymmetric_;
  const HybridRows& rows_;
  Range<float> range_;
  std::vector<float> scales_;  // of weights
  int values_, factors_, zeros_;
};

// Bias, rescaling and activation of int16 outputs.
class Int16Stage {
 public:
  Int16Stage(PrepareContext&, const ConvolutionTensors&, int64_t out_c);
  // y[i] from acc[i], accumulator of channel `channel` + i, for i < n.
  void store(const RunContext&, const int64_t* acc, int64_t channel, int64_t n, int16_t* y) const;

 private:
  std::vector<Multiplier> multipliers_;
  std::vector<WideMultiplier> wide_;
  Range<int32_t> range_;
  DType bias_;
  bool narrow_;  // int32 accumulators, which wrap
};

// CONV_2D of int16 with int8 weights, by gathering windows for the matrix kernels.
void prepare_conv_2d_16x8(PrepareContext&, const ConvolutionTensors&, const Window2d&, int64_t groups);
void prepare_depthwise_conv_2d_16x8(PrepareContext&, const ConvolutionTensors&, const Window2d&);

// CONV_2D of bytes whose one output pixel sees the whole picture, with constant weights: as FULLY_CONNECTED multiplies.
bool is_one_pixel(const PrepareContext&, const Window2d&, int64_t groups);
void prepare_one_pixel(PrepareContext&, const ConvolutionTensors&, const Window2d&);

}  // namespace sanderling
