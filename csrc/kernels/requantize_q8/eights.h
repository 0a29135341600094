// Vectors of eight channels: whole ones where they lie, the rest through copies.
#pragma once

#include <cstring>

#include "kernels/requantize_q8/requantize_q8.h"

namespace sanderling {
namespace {

// eight(acc, bias, multipliers, stage, out), for all n.
template <class Eight>
inline void in_eights(const int32_t* acc, const int32_t* bias, const Multiplier* multipliers, int64_t n,
                      const RequantizeStage& stage, uint8_t* out, const Eight& eight) {
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) eight(acc + i, bias ? bias + i : nullptr, multipliers + i, stage, out + i);
  if (i == n) return;
  const size_t rest = static_cast<size_t>(n - i);
  int32_t sums[8] = {}, biases[8] = {};
  Multiplier factors[8];
  uint8_t y[8];
  std::memcpy(sums, acc + i, rest * sizeof(int32_t));
  if (bias) std::memcpy(biases, bias + i, rest * sizeof(int32_t));
  std::memcpy(factors, multipliers + i, rest * sizeof(Multiplier));
  eight(sums, biases, factors, stage, y);
  std::memcpy(out + i, y, rest);
}

}  // namespace
}  // namespace sanderling
