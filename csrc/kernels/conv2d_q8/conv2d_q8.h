// 2-D convolution of 8-bit activations with 8-bit weights, int32 accumulators (which wrap).
//
// Layouts: input [batches, in_h, in_w, in_c], weights [out_c, kernel_h, kernel_w, in_c / groups], output
// [batches, out_h, out_w, out_c], all dense. Output channel o belongs to group o / (out_c / groups).
//
//   acc = bias[o] + sum (input - input_zero) * (weight - weight_zero)      over the window's pixels inside the picture
//   output = clamp(requantize(acc, multipliers[o]) + output_zero, low, high)
//
// All values and zero points are int8. Where the tensors are uint8, `flip` is 0x80: each byte of input and output is
// XORed with it, which turns uint8 q into int8 q - 128; so are weights with `weight_flip`. Zero points, low and high
// are those of int8. Weights may be -128 and have a zero point: a kernel that cannot take it says so in takes().
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/window.h"
#include "cpu/kernels.h"
#include "cpu/pack_targets.h"
#include "quant/requantize.h"

namespace sanderling {

struct Conv2dQ8 {
  Window2d window;
  int64_t groups = 1;
  uint8_t flip = 0, weight_flip = 0;
  int32_t input_zero = 0;  // the only field that may differ between pack() and run()
  int32_t weight_zero = 0;
  // out_c of them, which nobody but pack() reads, or null: then the output is the int32 accumulators.
  const Multiplier* multipliers = nullptr;
  int32_t output_zero = 0, low = -128, high = 127;

  int64_t group_in() const { return window.in_c / groups; }
  int64_t group_out() const { return window.out_c / groups; }
  int64_t depth() const { return window.kernel_h * window.kernel_w * group_in(); }
  int64_t pixels() const { return window.batches * window.out_h * window.out_w; }
};

// A part of the output: pixels, counted through all batches, and channels. The channels begin at a multiple of the
// kernel's channel_step, and end at one or at out_c; with groups they are all of them.
struct Conv2dQ8Part {
  int64_t pixel_begin, pixel_end;
  int64_t channel_begin, channel_end;
};

struct Conv2dQ8Kernel {
  using Weight = uint8_t;
  using Bias = int32_t;

  // Whether the kernel can do this convolution (all fields but input_zero count).
  bool (*takes)(const Conv2dQ8&) noexcept;
  // Pixels and channels that the kernel likes to have in one part.
  int64_t pixel_step, channel_step;
  // The caller owns `packed` (64-byte aligned) and keeps it unchanged while runs use it; bias may be null.
  size_t (*packed_bytes)(const Conv2dQ8&) noexcept;
  void (*pack)(const Conv2dQ8&, const uint8_t* weights, const int32_t* bias, void* packed) noexcept;
  // Bytes of `scratch` (64-byte aligned) for one call of run; parts run at the same time have their own.
  size_t (*scratch_bytes)(const Conv2dQ8&) noexcept;
  // `input` and `output` (uint8_t*, see flip, or int32_t*) are where the whole tensors begin; only the part is written,
  // and only input rows that its windows touch are read: other rows need not exist.
  void (*run)(const Conv2dQ8&, const void* packed, const uint8_t* input, void* output, Conv2dQ8Part,
              void* scratch) noexcept;
  // Whether it is worth it, else the next is chosen; null: always.
  bool (*pays)(const Conv2dQ8&) noexcept = nullptr;
};

#define SANDERLING_KERNEL(isa, name) extern const Conv2dQ8Kernel conv2d_q8_##isa##_##name;
#include "kernels/conv2d_q8/kernels.inc"
#undef SANDERLING_KERNEL

const KernelRow<Conv2dQ8Kernel>& choose_conv2d_q8(const Conv2dQ8&, Isa best);
// How another processor packs (packers.cc); null: as the portable row.
const PackerRow<Conv2dQ8Kernel>* find_packer(const Conv2dQ8&, PackTarget best);

}  // namespace sanderling
