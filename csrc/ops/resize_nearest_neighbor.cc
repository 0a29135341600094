// RESIZE_NEAREST_NEIGHBOR on NHWC tensors of any type: pixels are copied.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "ops/resize.h"

namespace sanderling {
namespace {

// The input coordinate of each output coordinate.
std::vector<int64_t> nearest(int64_t in, int64_t out, const ResizeOptions& o) {
  float scale = o.align_corners && out > 1 ? static_cast<float>(in - 1) / static_cast<float>(out - 1)
                                           : static_cast<float>(in) / static_cast<float>(out);
  float offset = o.half_pixel_centers ? 0.5f : 0.0f;
  std::vector<int64_t> from(static_cast<size_t>(out));
  for (int64_t i = 0; i < out; ++i) {
    float at = (static_cast<float>(i) + offset) * scale;
    at = o.align_corners ? std::round(at) : std::floor(at);
    from[static_cast<size_t>(i)] = std::min(static_cast<int64_t>(at), in - 1);
  }
  return from;
}

void copy_pixels(const char* from, const std::vector<int64_t>& columns, size_t bytes, char* to) {
  for (int64_t column : columns) {
    std::memcpy(to, from + column * static_cast<int64_t>(bytes), bytes);
    to += bytes;
  }
}

}  // namespace

void prepare_resize_nearest_neighbor(PrepareContext& ctx) {
  Resize r = prepare_resize(ctx);
  size_t pixel = static_cast<size_t>(r.channels) * dtype_size(ctx.input(0).dtype);
  if (r.batch == 0 || pixel == 0) return ctx.on_run([](RunContext&) {});
  std::vector<int64_t> rows = nearest(r.in_h, r.out_h, r.options), columns = nearest(r.in_w, r.out_w, r.options);
  int64_t in_row = r.in_w * static_cast<int64_t>(pixel), out_row = r.out_w * static_cast<int64_t>(pixel);
  double cost = static_cast<double>(r.out_w) * 3 + static_cast<double>(out_row) * 0.1;
  ctx.on_run([=](RunContext& run) {
    const char* in = run.input<char>(0);
    char* out = run.output<char>(0);
    run.parallel_for(r.batch * r.out_h, cost, [&](int64_t begin, int64_t end, int) {
      for (int64_t row = begin; row < end; ++row) {
        int64_t from = row / r.out_h * r.in_h + rows[static_cast<size_t>(row % r.out_h)];
        copy_pixels(in + from * in_row, columns, pixel, out + row * out_row);
      }
    });
  });
}

}  // namespace sanderling
