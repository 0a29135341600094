// 2-D depthwise convolution of 8-bit activations with 8-bit weights, int32 accumulators (which wrap).
//
// Layouts: input [batches, in_h, in_w, in_c], weights [kernel_h, kernel_w, out_c], output [batches, out_h, out_w,
// out_c], all dense. Output channel o reads input channel o / multiplier, multiplier = out_c / in_c.
//
//   acc = bias[o] + sum (input - input_zero) * (weight - weight_zero)      over the window's pixels inside the picture
//   output = clamp(requantize(acc, multipliers[o]) + output_zero, low, high)
//
// Values, zero points, `flip` and `weight_flip` as in conv2d_q8.h.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/window.h"
#include "cpu/kernels.h"
#include "cpu/pack_targets.h"
#include "quant/requantize.h"

namespace sanderling {

struct DepthwiseQ8 {
  Window2d window;
  uint8_t flip = 0, weight_flip = 0;
  int32_t input_zero = 0;  // the only field that may differ between pack() and run()
  int32_t weight_zero = 0;
  // out_c of them, which nobody but pack() reads, or null: then the output is the int32 accumulators.
  const Multiplier* multipliers = nullptr;
  int32_t output_zero = 0, low = -128, high = 127;

  int64_t multiplier() const { return window.out_c / window.in_c; }
  int64_t rows() const { return window.batches * window.out_h; }
  // A ReLU whose clamp is that of bytes.
  bool is_whole_relu() const { return low == -128 && high == 127 && output_zero == -128; }
};

struct DepthwiseQ8Kernel {
  using Weight = uint8_t;
  using Bias = int32_t;

  // Whether the kernel can do this convolution (all fields but input_zero count).
  bool (*takes)(const DepthwiseQ8&) noexcept;
  // The caller owns `packed` (64-byte aligned) and keeps it unchanged while runs use it; bias may be null.
  size_t (*packed_bytes)(const DepthwiseQ8&) noexcept;
  void (*pack)(const DepthwiseQ8&, const uint8_t* weights, const int32_t* bias, void* packed) noexcept;
  // Bytes of `scratch` (64-byte aligned) for one call of run; parts run at the same time have their own.
  size_t (*scratch_bytes)(const DepthwiseQ8&) noexcept;
  // Output rows [row_begin, row_end), counted through all batches. `input` and `output` (uint8_t*, see flip, or
  // int32_t*) are where the whole tensors begin; only these rows are written, and only input rows that their windows
  // touch are read: other rows need not exist.
  void (*run)(const DepthwiseQ8&, const void* packed, const uint8_t* input, void* output, int64_t row_begin,
              int64_t row_end, void* scratch) noexcept;
};

#define SANDERLING_KERNEL(isa, name) extern const DepthwiseQ8Kernel depthwise_q8_##isa##_##name;
#include "kernels/depthwise_q8/kernels.inc"
#undef SANDERLING_KERNEL

const KernelRow<DepthwiseQ8Kernel>& choose_depthwise_q8(const DepthwiseQ8&, Isa best);
// How another processor packs (packers.cc); null: as the portable row.
const PackerRow<DepthwiseQ8Kernel>* find_packer(const DepthwiseQ8&, PackTarget best);

}  // namespace sanderling
