// What hybrid operators do with rows of floats before and after their product of 8-bit values.
#pragma once

#include <cstdint>

#include "cpu/kernels.h"

namespace sanderling {

struct FloatExtent {
  float low, high;
};

struct HybridRows {
  // Smallest and largest of n values; 0, 0 for none. What becomes of a NaN is left open.
  FloatExtent (*extent)(const float* x, int64_t n) noexcept;
  // q[i] = v rounded half away from zero and clamped to [low, high], whole numbers, plus offset, for v = x[i] * factor;
  // NaN gives low.
  void (*round)(const float* x, int64_t n, float factor, float low, float high, int32_t offset, int8_t* q) noexcept;
  // n int32 accumulators, which lie in `row`, become acc * (scales[i] * factor) + bias[i], clamped to [low, high]; NaN
  // stays. bias may be null.
  void (*finish)(const float* scales, float factor, const float* bias, float low, float high, int64_t n,
                 float* row) noexcept;
};

#define SANDERLING_KERNEL(isa, name) extern const HybridRows hybrid_rows_##isa##_##name;
#include "kernels/hybrid_rows/kernels.inc"
#undef SANDERLING_KERNEL

const FunctionRow<const HybridRows>& choose_hybrid_rows(Isa best);

}  // namespace sanderling
