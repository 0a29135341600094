#pragma once

#include <cstdint>

#include "base/shape.h"

namespace sanderling {

// A tensor as [outer, axis, inner].
struct AxisView {
  int64_t outer, axis, inner;

  AxisView(const Shape& shape, int at)
      : outer(shape.elements(0, at)), axis(shape[at]), inner(shape.elements(at + 1, shape.rank())) {}
};

}  // namespace sanderling
