// Hybrid operators: a float32 input is quantized to int8 at each run, row by row, for a product with int8 weights.
#pragma once

#include <cmath>
#include <cstdint>

#include "kernels/hybrid_rows/hybrid_rows.h"
#include "ops/matmul.h"

namespace sanderling {

struct RowQuantization {
  float scale;
  int32_t zero_point;
};

// Quantizes a row as TFLite's reference does. Symmetric: to [-127, 127] by the largest magnitude. Asymmetric: to
// [-128, 127] by minimum and maximum with 0 in between. NaN and infinities give some defined values.
RowQuantization quantize_row(const float* x, int64_t n, bool asymmetric, int8_t* q,
                             const HybridRows& rows = hybrid_rows_portable_loops);

// A float input's rows, quantized and packed.
class HybridInput {
 public:
  HybridInput(PrepareContext& ctx, const matmul::Kernel<int32_t>& kernel, int64_t rows, int64_t depth, bool asymmetric)
      : kernel_(kernel),
        hybrid_(*choose_hybrid_rows(ctx.isa()).run),
        rows_(rows),
        depth_(depth),
        asymmetric_(asymmetric) {
    quantized_ = ctx.scratch(static_cast<size_t>(rows * depth));
    scales_ = ctx.scratch(static_cast<size_t>(rows) * sizeof(float));
    packed_ = ctx.scratch(kernel.left_bytes(rows, depth));
  }

  struct Packed {
    const char* left;
    const float* scale;  // one a row
  };
  Packed get(RunContext& run, const float* x) const {
    int8_t* q = run.scratch<int8_t>(quantized_);
    float* scale = run.scratch<float>(scales_);
    char* left = run.scratch<char>(packed_);
    run.parallel_for(rows_, static_cast<double>(depth_) * 3, [&](int64_t begin, int64_t end, int) {
      for (int64_t r = begin; r < end; ++r) {
        RowQuantization row = quantize_row(x + r * depth_, depth_, asymmetric_, q + r * depth_, hybrid_);
        scale[r] = row.scale;
        kernel_.pack_left({q, matmul::Element::s8, depth_, 1, row.zero_point}, r, r + 1, depth_, left);
      }
    });
    return {left, scale};
  }

 private:
  const matmul::Kernel<int32_t>& kernel_;
  const HybridRows& hybrid_;
  int64_t rows_, depth_;
  bool asymmetric_;
  int quantized_, scales_, packed_;
};

}  // namespace sanderling
