// 2-D depthwise convolution of float32.
//
// Layouts as in depthwise_q8.h. Each output is the sum of its taps in the order of the filter's rows and columns,
// starting from 0, plus bias, clamped to [low, high]: the same bits whatever part a call computes.
//
// Where `fp16` is set, a kernel may compute in fp16: values beyond 65504 are infinite then.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/window.h"
#include "cpu/kernels.h"
#include "cpu/pack_targets.h"

namespace sanderling {

struct DepthwiseF32 {
  Window2d window;
  float low = 0, high = 0;
  bool fp16 = false;

  int64_t multiplier() const { return window.out_c / window.in_c; }
  int64_t rows() const { return window.batches * window.out_h; }
};

struct DepthwiseF32Kernel {
  using Weight = float;
  using Bias = float;

  // As in depthwise_q8.h.
  bool (*takes)(const DepthwiseF32&) noexcept;
  size_t (*packed_bytes)(const DepthwiseF32&) noexcept;
  void (*pack)(const DepthwiseF32&, const float* weights, const float* bias, void* packed) noexcept;
  size_t (*scratch_bytes)(const DepthwiseF32&) noexcept;
  void (*run)(const DepthwiseF32&, const void* packed, const float* input, float* output, int64_t row_begin,
              int64_t row_end, void* scratch) noexcept;
};

#define SANDERLING_KERNEL(isa, name) extern const DepthwiseF32Kernel depthwise_f32_##isa##_##name;
#include "kernels/depthwise_f32/kernels.inc"
#undef SANDERLING_KERNEL

const KernelRow<DepthwiseF32Kernel>& choose_depthwise_f32(const DepthwiseF32&, Isa best);
// How another processor packs (packers.cc); null: as the portable row.
const PackerRow<DepthwiseF32Kernel>* find_packer(const DepthwiseF32&, PackTarget best);

}  // namespace sanderling
