// How many multiply-adds a second a core can do: loops of nothing but the instruction that kernels are made of, on
// registers. Benchmarks divide by it.
#pragma once

#include <cstdint>

#include "cpu/kernels.h"

namespace sanderling {

struct PeakLoop {
  bool is_float;
  // Runs the loop `loops` times, at most 2^20, and returns the multiply-adds done, as the accumulators counted them.
  int64_t (*run)(int64_t loops) noexcept;
};

#define SANDERLING_KERNEL(isa, name) extern const PeakLoop peak_##isa##_##name;
#include "kernels/peak/kernels.inc"
#undef SANDERLING_KERNEL

// The first row, for floats or for 8-bit values, of an instruction set that is not better than `best`.
const KernelRow<PeakLoop>& choose_peak(bool is_float, Isa best);

}  // namespace sanderling
