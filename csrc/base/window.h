// A window (filter or pool) that slides over pictures in NHWC order.
#pragma once

#include <cstdint>

namespace sanderling {

// Output pixel (y, x) sees the input pixels (y * stride_h - pad_h + i * dilation_h, x * stride_w - pad_w + j *
// dilation_w) for i < kernel_h, j < kernel_w, as far as they lie inside the picture. Extents fit 31 bits (see
// ops/window.h).
struct Window2d {
  int64_t batches = 0, in_h = 0, in_w = 0, in_c = 0;
  int64_t out_h = 0, out_w = 0, out_c = 0;
  int64_t kernel_h = 1, kernel_w = 1;
  int64_t stride_h = 1, stride_w = 1;
  int64_t dilation_h = 1, dilation_w = 1;
  int64_t pad_h = 0, pad_w = 0;
};

}  // namespace sanderling
