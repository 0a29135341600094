// 2-D convolution of float32; FULLY_CONNECTED is one of 1 x 1 pixels.
//
// Layouts as in conv2d_q8.h. Each output is bias plus the products in the order of the filter's rows, columns and input
// channels, clamped to [low, high]; a NaN stays. Every kernel gives the same bits whatever part a call computes;
// kernels differ in whether products are rounded before they are added. Outside the picture there are zeros: a weight
// that is infinite or NaN gives NaN there.
//
// Where `fp16` is set, a kernel may round inputs and weights to fp16 and add products in fp16, up to 128 of them before
// float32 takes over: an input beyond 65504 is infinite then, and inputs beyond 511 may make a sum infinite.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/window.h"
#include "cpu/kernels.h"
#include "cpu/pack_targets.h"

namespace sanderling {

struct Conv2dF32 {
  Window2d window;
  int64_t groups = 1;
  float low = 0, high = 0;
  bool fp16 = false;

  // Divisions are a good part of what a small layer takes.
  int64_t group_in() const { return groups == 1 ? window.in_c : window.in_c / groups; }
  int64_t group_out() const { return groups == 1 ? window.out_c : window.out_c / groups; }
  int64_t depth() const { return window.kernel_h * window.kernel_w * group_in(); }
  int64_t pixels() const { return window.batches * window.out_h * window.out_w; }
};

// A part of the output: pixels, counted through all batches, and the kernel's pieces of the channels.
struct Conv2dF32Part {
  int64_t pixel_begin, pixel_end;
  int64_t piece_begin, piece_end;
};

struct Conv2dF32Kernel {
  using Weight = float;
  using Bias = float;

  bool (*takes)(const Conv2dF32&) noexcept;
  int64_t pixel_step;                            // pixels that the kernel likes to have in one part, at least
  double macs_per_nanosecond;                    // roughly
  int64_t (*pieces)(const Conv2dF32&) noexcept;  // into which the output channels can be divided
  // The caller owns `packed` (64-byte aligned) and keeps it unchanged while runs use it; bias may be null.
  size_t (*packed_bytes)(const Conv2dF32&) noexcept;
  void (*pack)(const Conv2dF32&, const float* weights, const float* bias, void* packed) noexcept;
  // Bytes of `scratch` (64-byte aligned) for one call of run; parts run at the same time have their own.
  size_t (*scratch_bytes)(const Conv2dF32&) noexcept;
  // `output` is the whole tensor; only the part is written.
  void (*run)(const Conv2dF32&, const void* packed, const float* input, float* output, Conv2dF32Part,
              void* scratch) noexcept;
};

#define SANDERLING_KERNEL(isa, name) extern const Conv2dF32Kernel conv2d_f32_##isa##_##name;
#include "kernels/conv2d_f32/kernels.inc"
#undef SANDERLING_KERNEL

const KernelRow<Conv2dF32Kernel>& choose_conv2d_f32(const Conv2dF32&, Isa best);
// How another processor packs (packers.cc); null: as the portable row.
const PackerRow<Conv2dF32Kernel>* find_packer(const Conv2dF32&, PackTarget best);

}  // namespace sanderling
