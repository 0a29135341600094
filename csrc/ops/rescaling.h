// Two quantized operands at a common scale: what ADD, SUB and SQUARED_DIFFERENCE do before they compute.
#pragma once

#include "ops/op.h"
#include "quant/requantize.h"

namespace sanderling {

// The common scale is twice the larger of the two; the rescaled values have more bits, so that little is lost.
struct Rescaling {
  Multiplier input[2];
  double common;  // scale, without the additional bits
};

// Throws Error unless 0 < real < 1: the reference has no other.
inline Multiplier multiplier_below_one(double real, const char* what) {
  Multiplier m = real > 0 && real < 1 ? quantize_multiplier(real) : Multiplier{0, 1};
  check(m.shift <= 0, "the scales of inputs and output do not fit: the multiplier of the ", what, " is ", real,
        ", not between 0 and 1");
  return m;
}

inline Rescaling rescaling(PrepareContext& ctx) {
  const float a = ctx.input(0).scale(), b = ctx.input(1).scale();
  const double common = 2 * (a < b ? b : a);
  return {{multiplier_below_one(a / common, "first input"), multiplier_below_one(b / common, "second input")}, common};
}

}  // namespace sanderling
