// What the two resizing operators share: inputs [batch, height, width, channels] and (height, width).
#pragma once

#include "ops/op.h"

namespace sanderling {

struct ResizeOptions {
  bool align_corners, half_pixel_centers;
};

struct Resize {
  ResizeOptions options;
  int64_t batch, in_h, in_w, channels, out_h, out_w;
};

// Wider pictures would need tables of positions larger than any picture that is meant.
constexpr int64_t kMaxResizeExtent = int64_t{1} << 20;

// Sets the output's shape. Extents of the input are zero only where the output is empty.
inline Resize prepare_resize(PrepareContext& ctx) {
  ctx.expect_inputs(2, 2);
  ctx.expect_outputs(1);
  const TensorInfo &x = ctx.input(0), &size = ctx.input(1);
  check(x.dtype == ctx.output(0).dtype, "input is ", dtype_name(x.dtype), " but output is ",
        dtype_name(ctx.output(0).dtype));
  check(x.shape.rank() == 4, "input has shape ", x.shape, "; [batch, height, width, channels] expected");
  check(size.shape.rank() == 1 && size.shape[0] == 2, "the new size has shape ", size.shape, "; [2] expected");
  std::vector<int64_t> wanted = ctx.int_values(1);
  for (int64_t n : wanted)
    check(n > 0 && n <= kMaxResizeExtent, "cannot resize to ", wanted[0], " x ", wanted[1], " pixels; 1 to ",
          kMaxResizeExtent, " expected");
  Shape out = {x.shape[0], wanted[0], wanted[1], x.shape[3]};
  check(x.shape.elements() > 0 || out.elements() == 0, "cannot resize a picture without pixels: ", x.shape);
  ctx.set_output_shape(0, out);
  const Attributes& a = ctx.attributes();
  return {{a.boolean("align_corners"), a.boolean("half_pixel_centers")},
          x.shape[0],
          x.shape[1],
          x.shape[2],
          x.shape[3],
          out[1],
          out[2]};
}

}  // namespace sanderling
