// Portable kernel: one output pixel at a time, three taps in one pass over its channels.
#include <cstring>

#include "kernels/depthwise_f32/depthwise_f32.h"

namespace sanderling {
namespace {

struct Tap {
  const float* x;
  const float* weight;
};

bool takes(const DepthwiseF32&) noexcept { return true; }

// Packed: weights [kernel_h][kernel_w][out_c], bias [out_c].
int64_t weight_count(const Window2d& w) { return w.kernel_h * w.kernel_w * w.out_c; }
size_t packed_bytes(const DepthwiseF32& c) noexcept {
  return static_cast<size_t>(weight_count(c.window) + c.window.out_c) * sizeof(float);
}

void pack(const DepthwiseF32& c, const float* weights, const float* bias, void* packed) noexcept {
  float* to = static_cast<float*>(packed);
  const int64_t n = weight_count(c.window);
  std::memcpy(to, weights, static_cast<size_t>(n) * sizeof(float));
  for (int64_t o = 0; o < c.window.out_c; ++o) to[n + o] = bias ? bias[o] : 0.0f;
}

// Scratch: sums [out_c].
size_t scratch_bytes(const DepthwiseF32& c) noexcept { return static_cast<size_t>(c.window.out_c) * sizeof(float); }

// acc[o] += x[o / multiplier] * weight[o]
void add_tap(const Tap& tap, int64_t in_c, int64_t multiplier, float* __restrict acc) {
  const float* __restrict weight = tap.weight;
  for (int64_t c = 0; c < in_c; ++c, acc += multiplier, weight += multiplier) {
    const float x = tap.x[c];
    for (int64_t m = 0; m < multiplier; ++m) acc[m] += x * weight[m];
  }
}

// Three taps, for multiplier 1, one after the other.
void add_three_taps(const Tap* taps, int64_t n, float* __restrict acc) {
  const float* __restrict x0 = taps[0].x;
  const float* __restrict x1 = taps[1].x;
  const float* __restrict x2 = taps[2].x;
  const float* __restrict w0 = taps[0].weight;
  const float* __restrict w1 = taps[1].weight;
  const float* __restrict w2 = taps[2].weight;
  for (int64_t o = 0; o < n; ++o) acc[o] = ((acc[o] + x0[o] * w0[o]) + x1[o] * w1[o]) + x2[o] * w2[o];
}

void run(const DepthwiseF32& c, const void* packed, const float* input, float* output, int64_t row_begin,
         int64_t row_end, void* scratch) noexcept {
  const Window2d& w = c.window;
  const float* weights = static_cast<const float*>(packed);
  const float* __restrict bias = weights + weight_count(w);
  float* __restrict acc = static_cast<float*>(scratch);
  const int64_t group = c.multiplier() == 1 ? 3 : 1;
  for (int64_t row = row_begin; row < row_end; ++row) {
    const float* picture = input + row / w.out_h * w.in_h * w.in_w * w.in_c;
    const int64_t top = row % w.out_h * w.stride_h - w.pad_h;
    for (int64_t x = 0; x < w.out_w; ++x) {
      const int64_t left = x * w.stride_w - w.pad_w;
      for (int64_t o = 0; o < w.out_c; ++o) acc[o] = 0.0f;
      Tap taps[3];
      int64_t n = 0;
      for (int64_t i = 0; i < w.kernel_h; ++i) {
        const int64_t in_y = top + i * w.dilation_h;
        if (in_y < 0 || in_y >= w.in_h) continue;
        for (int64_t j = 0; j < w.kernel_w; ++j) {
          const int64_t in_x = left + j * w.dilation_w;
          if (in_x < 0 || in_x >= w.in_w) continue;
          taps[n++] = {picture + (in_y * w.in_w + in_x) * w.in_c, weights + (i * w.kernel_w + j) * w.out_c};
          if (n < group) continue;
          if (n == 3)
            add_three_taps(taps, w.out_c, acc);
          else
            add_tap(taps[0], w.in_c, c.multiplier(), acc);
          n = 0;
        }
      }
      for (int64_t k = 0; k < n; ++k) add_tap(taps[k], w.in_c, c.multiplier(), acc);
      float* __restrict to = output + (row * w.out_w + x) * w.out_c;
      for (int64_t o = 0; o < w.out_c; ++o) {
        float v = acc[o] + bias[o];
        v = v < c.low ? c.low : v;
        to[o] = v > c.high ? c.high : v;
      }
    }
  }
}

}  // namespace

const DepthwiseF32Kernel depthwise_f32_portable_pixels = {takes, packed_bytes, pack, scratch_bytes, run};

}  // namespace sanderling
