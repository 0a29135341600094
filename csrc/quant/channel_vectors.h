// The loop of kernels that rescale one row of channels: vectors of kLanes, of which the last may overlap the one
// before.
#pragma once

#include <cstdint>

namespace sanderling {
namespace {

// vector(acc, bias or null, factors, stage, out) for kLanes channels, for all n; plain, the portable kernel, where
// there are fewer than a vector has.
template <int64_t kLanes, class Factor, class Stage, class Vector>
inline void in_vectors(const int32_t* acc, const int32_t* bias, const Factor* factors, int64_t n, const Stage& stage,
                       uint8_t* out, const Vector& vector,
                       void (*plain)(const int32_t*, const int32_t*, const Factor*, int64_t, const Stage&, uint8_t*)) {
  if (n < kLanes) return plain(acc, bias, factors, n, stage, out);
  const auto from = [&](int64_t i) { vector(acc + i, bias ? bias + i : nullptr, factors + i, stage, out + i); };
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) from(i);
  if (i < n) from(n - kLanes);
}

}  // namespace
}  // namespace sanderling
