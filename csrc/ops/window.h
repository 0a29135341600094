// Sliding windows: output extents and padding of convolutions and pools, as TFLite computes them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

#include "base/error.h"

namespace sanderling {

struct Window {
  int64_t out = 0;  // output extent
  int64_t pad = 0;  // padding before the first element; the end may have one more
};

// One axis: `in` elements under a filter of `filter` taps. filter, stride and dilation must lie in [1, 2^31).
// With `before` and `after` elements of padding, less than the filter covers.
inline Window slide_window(int64_t before, int64_t after, int64_t in, int64_t filter, int64_t stride,
                           int64_t dilation) {
  const int64_t covered = (filter - 1) * dilation + 1;
  check(before >= 0 && before < covered && after >= 0 && after < covered, "padding of ", before, " and ", after,
        " elements under a filter that covers ", covered, "; 0 to ", covered - 1, " expected");
  return {std::max<int64_t>(0, in + before + after + stride - covered) / stride, before};
}

inline Window slide_window(const std::string& padding, int64_t in, int64_t filter, int64_t stride, int64_t dilation) {
  int64_t covered = (filter - 1) * dilation + 1;
  int64_t out = 0;
  if (padding == "SAME")
    out = (in + stride - 1) / stride;
  else if (padding == "VALID")
    out = std::max<int64_t>(0, in + stride - covered) / stride;
  else
    fail("padding '", padding, "' is not supported; SAME or VALID expected");
  return {out, std::max<int64_t>(0, (out - 1) * stride + covered - in) / 2};
}

}  // namespace sanderling
