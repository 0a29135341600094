// Floating point to integer without undefined behaviour.
#pragma once

#include <limits>

namespace sanderling {

// x towards zero, at the nearest bound where Int cannot hold it; NaN gives `nan`.
template <class Int, class Float>
static inline Int saturate_cast(Float x, Int nan = 0) {
  using Limits = std::numeric_limits<Int>;
  constexpr Float past = static_cast<Float>(Int{1} << (Limits::digits - 1)) * 2;  // a power of two: exact
  if (x != x) return nan;
  if (x >= past) return Limits::max();
  if (x <= static_cast<Float>(Limits::min())) return Limits::min();
  return static_cast<Int>(x);
}

}  // namespace sanderling
