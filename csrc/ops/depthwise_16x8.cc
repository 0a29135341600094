// DEPTHWISE_CONV_2D of int16 with int8 weights: int64 accumulators, one output pixel at a time.
#include <algorithm>

#include "ops/convolution.h"

namespace sanderling {
namespace {

// acc[o] += x[o / multiplier] * weights[o]
void add_tap(const int16_t* x, const int8_t* weights, int64_t in_c, int64_t multiplier, int64_t* acc) {
  for (int64_t c = 0; c < in_c; ++c)
    for (int64_t m = 0; m < multiplier; ++m, ++acc, ++weights) *acc += static_cast<int64_t>(x[c] * *weights);
}

void pixel(const Window2d& w, const int16_t* picture, const int8_t* weights, int64_t y, int64_t x, int64_t* acc) {
  std::fill(acc, acc + w.out_c, int64_t{0});
  for (int64_t i = 0; i < w.kernel_h; ++i) {
    const int64_t in_y = y * w.stride_h - w.pad_h + i * w.dilation_h;
    if (in_y < 0 || in_y >= w.in_h) continue;
    for (int64_t j = 0; j < w.kernel_w; ++j) {
      const int64_t in_x = x * w.stride_w - w.pad_w + j * w.dilation_w;
      if (in_x < 0 || in_x >= w.in_w) continue;
      add_tap(picture + (in_y * w.in_w + in_x) * w.in_c, weights + (i * w.kernel_w + j) * w.out_c, w.in_c,
              w.out_c / w.in_c, acc);
    }
  }
}

}  // namespace

void prepare_depthwise_conv_2d_16x8(PrepareContext& ctx, const ConvolutionTensors& t, const Window2d& w) {
  Int16Stage stage(ctx, t, w.out_c);
  const size_t bytes = align_up(static_cast<size_t>(w.out_c) * sizeof(int64_t));
  const int scratch = ctx.scratch(bytes * static_cast<size_t>(ctx.threads()));
  const double cost = static_cast<double>(w.out_w * w.out_c) * static_cast<double>(w.kernel_h * w.kernel_w) * 2;
  ctx.on_run([=](RunContext& run) {
    run.parallel_for(w.batches * w.out_h, cost, [&](int64_t begin, int64_t end, int thread) {
      int64_t* acc = reinterpret_cast<int64_t*>(run.scratch<char>(scratch) + bytes * static_cast<size_t>(thread));
      for (int64_t row = begin; row < end; ++row) {
        const int16_t* picture = run.input<int16_t>(0) + row / w.out_h * w.in_h * w.in_w * w.in_c;
        for (int64_t x = 0; x < w.out_w; ++x) {
          pixel(w, picture, run.input<int8_t>(1), row % w.out_h, x, acc);
          stage.store(run, acc, 0, w.out_c, run.output<int16_t>(0) + (row * w.out_w + x) * w.out_c);
        }
      }
    });
  });
}

}  // namespace sanderling
