// What CONV_2D and DEPTHWISE_CONV_2D share: validation, multipliers, and the packing and running of kernels.
#pragma once

#include <memory>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/window.h"
#include "kernels/conv2d_q8/conv2d_q8.h"
#include "kernels/depthwise_q8/depthwise_q8.h"
#include "ops/op.h"

namespace sanderling {

// Output channels of weights, whichever way they lie.
struct ConvolutionTensors {
  const TensorInfo& x;
  const TensorInfo& weights;
  const TensorInfo* bias;  // may be null
  const TensorInfo& y;
};

// The window of filters [kernel_h, kernel_w] on an input of shape [N, H, W, C], from the options padding, stride_h,
// stride_w, dilation_h_factor and dilation_w_factor.
Window2d convolution_window(const Attributes&, const Shape& input, int64_t kernel_h, int64_t kernel_w, int64_t out_c);

// Checks what does not depend on the kind of convolution: counts, ranks, bias and output.
ConvolutionTensors convolution_tensors(PrepareContext&, int64_t out_c);

// input scale * weight scale / output scale for each output channel, as TFLite rounds it.
std::vector<Multiplier> convolution_multipliers(const ConvolutionTensors&, int64_t out_c);

// One scale for each output channel.
std::vector<float> weight_scales(const TensorInfo& weights, int64_t out_c);

// A kernel with its parameters and packed weights, ready to run. Weights or bias that are not constant are packed in
// each run, into scratch memory.
template <class Params, class Kernel>
class PackedKernel {
 public:
  PackedKernel(PrepareContext& ctx, const Params& params, std::vector<Multiplier> multipliers,
               const KernelRow<Kernel>& (*choose)(const Params&, Isa))
      : multipliers_(std::move(multipliers)), params(params) {
    if (!multipliers_.empty()) this->params.multipliers = multipliers_.data();
    const KernelRow<Kernel>& row = choose(this->params, ctx.isa());
    kernel = row.kernel;
    ctx.set_kernel(row.isa, row.name);
    scratch_bytes_ = align_up(kernel->scratch_bytes(this->params));
    scratch_ = ctx.scratch(scratch_bytes_ * static_cast<size_t>(ctx.threads()));
  }

  // Takes weights and bias from the inputs 1 and 2; without `with_bias` input 2 is not looked at.
  void pack_inputs(PrepareContext& ctx, bool with_bias) {
    with_bias_ = with_bias && ctx.has_input(2);
    const void* weights = ctx.value_or_null(1);
    const void* bias = with_bias_ ? ctx.value_or_null(2) : nullptr;
    if (weights != nullptr && (bias != nullptr || !with_bias_)) {
      pack_constants(static_cast<const uint8_t*>(weights), static_cast<const int32_t*>(bias));
    } else {
      packed_scratch_ = ctx.scratch(kernel->packed_bytes(params));
    }
  }
  void pack_constants(const uint8_t* weights, const int32_t* bias) {
    constant_.reset(kernel->packed_bytes(params));
    kernel->pack(params, weights, bias, constant_.data());
  }

  // The packed weights of this run.
  const void* packed(const RunContext& run) const {
    if (packed_scratch_ < 0) return constant_.data();
    void* p = run.scratch<void>(packed_scratch_);
    kernel->pack(params, run.input<uint8_t>(1), with_bias_ ? run.input<int32_t>(2) : nullptr, p);
    return p;
  }
  void* scratch(const RunContext& run, int thread) const {
    return run.scratch<char>(scratch_) + scratch_bytes_ * static_cast<size_t>(thread);
  }

 private:
  std::vector<Multiplier> multipliers_;
  AlignedBuffer constant_;
  size_t scratch_bytes_ = 0;
  int scratch_ = -1, packed_scratch_ = -1;
  bool with_bias_ = false;

 public:
  Params params;
  const Kernel* kernel;
};

using PackedConv2dQ8 = PackedKernel<Conv2dQ8, Conv2dQ8Kernel>;
using PackedDepthwiseQ8 = PackedKernel<DepthwiseQ8, DepthwiseQ8Kernel>;

// Runs a kernel over its whole output, split among the threads. `params` is that of the kernel, or differs from it in
// input_zero and batches.
void run_conv2d_q8(const RunContext&, const PackedConv2dQ8&, const Conv2dQ8& params, const void* packed,
                   const uint8_t* input, void* output);
void run_depthwise_q8(const RunContext&, const PackedDepthwiseQ8&, const DepthwiseQ8& params, const void* packed,
                      const uint8_t* input, void* output);

}  // namespace sanderling
