// The kernel for float vectors: up to eight neighbouring output pixels in kWide vectors of channels, one tap after the
// other. Sums take products without rounding them, where the instruction set can.
//
// Vector has: Type, kLanes, kWide, kShares (inputs among neighbours, by which a load is saved: measured on this
// instruction set), zero(), splat(x), load(p), load_first(p, n), add_product(sum, x, w), add,
// at_least(low, x), at_most(high, x) (which keep a NaN x), store(p, v), store_first(p, v, n).
#pragma once

#include "kernels/depthwise_f32/packed_columns.h"

namespace sanderling {
namespace {

template <class Vector>
struct Columns : PackedColumns<Vector::kLanes> {
  using V = typename Vector::Type;
  static constexpr int64_t kLanes = Vector::kLanes;

  using Packed = PackedColumns<Vector::kLanes>;
  using Packed::padded, Packed::taps;
  static size_t scratch_bytes(const DepthwiseF32&) noexcept { return 0; }

  // What all pixels of a call share, and of the filter's taps those that see the picture.
  struct Pixels {
    const Window2d& w;
    const float* weights;
    const float* bias;
    int64_t padded;
    float low, high;
    int64_t row_begin, row_end, column_begin, column_end;
    const float* first;  // input under tap (0, 0) of the first pixel, which may lie outside
  };

  // P pixels, N vectors of channels from c on, or the first n < kLanes channels of one.
  template <int P, int N, bool kPart>
  static void tile(const Pixels& t, int64_t c, int64_t n, float* output) noexcept {
    const Window2d& w = t.w;
    const int64_t step = w.stride_w * w.in_c;
    V sum[P][N];
#pragma GCC unroll 8
    for (int p = 0; p < P; ++p)
#pragma GCC unroll 4
      for (int v = 0; v < N; ++v) sum[p][v] = Vector::zero();
    for (int64_t i = t.row_begin; i < t.row_end; ++i) {
      const float* x = t.first + (i * w.dilation_h * w.in_w + t.column_begin * w.dilation_w) * w.in_c + c;
      const float* weight = t.weights + (i * w.kernel_w + t.column_begin) * t.padded + c;
      for (int64_t j = t.column_begin; j < t.column_end; ++j, x += w.dilation_w * w.in_c, weight += t.padded) {
        V tap[N];
#pragma GCC unroll 4
        for (int v = 0; v < N; ++v) tap[v] = Vector::load(weight + v * kLanes);
        const float* from = x;
#pragma GCC unroll 8
        for (int p = 0; p < P; ++p, from += step)
#pragma GCC unroll 4
          for (int v = 0; v < N; ++v)
            sum[p][v] = Vector::add_product(
                sum[p][v], kPart ? Vector::load_first(from + v * kLanes, n) : Vector::load(from + v * kLanes), tap[v]);
      }
    }
    store<P, N, kPart>(t, sum, c, n, output);
  }

  template <int P, int N, bool kPart>
  static inline __attribute__((always_inline)) void store(const Pixels& t, V (&sum)[P][N], int64_t c, int64_t n,
                                                          float* output) noexcept {
    const V low = Vector::splat(t.low), high = Vector::splat(t.high);
    const int64_t out_c = t.w.out_c;
    output += c;
#pragma GCC unroll 8
    for (int p = 0; p < P; ++p, output += out_c)
#pragma GCC unroll 4
      for (int v = 0; v < N; ++v) {
        const V y = Vector::add(sum[p][v], Vector::load(t.bias + c + v * kLanes));
        const V clamped = Vector::at_most(high, Vector::at_least(low, y));
        float* to = output + v * kLanes;
        if (kPart)
          Vector::store_first(to, clamped, n);
        else
          Vector::store(to, clamped);
      }
  }

  // The same for one vector of channels and K taps side by side at a stride of 1: each input is loaded once.
  template <int P, int K>
  static void shared_tile(const Pixels& t, int64_t c, float* output) noexcept {
    const Window2d& w = t.w;
    const int64_t in_c = w.in_c, row = w.dilation_h * w.in_w * in_c;
    V sum[P][1];
#pragma GCC unroll 8
    for (int p = 0; p < P; ++p) sum[p][0] = Vector::zero();
    for (int64_t i = t.row_begin; i < t.row_end; ++i) {
      const float* x = t.first + i * row + c;
      const float* weight = t.weights + i * K * t.padded + c;
      V tap[K];
#pragma GCC unroll 8
      for (int j = 0; j < K; ++j) tap[j] = Vector::load(weight + j * t.padded);
#pragma GCC unroll 16
      for (int column = 0; column < P - 1 + K; ++column, x += in_c) {
        const V value = Vector::load(x);
#pragma GCC unroll 8
        for (int p = 0; p < P; ++p)
          if (column >= p && column < p + K) sum[p][0] = Vector::add_product(sum[p][0], value, tap[column - p]);
      }
    }
    store<P, 1, false>(t, sum, c, 0, output);
  }

  // P pixels in all channels.
  template <int P, int N>
  static void pixels(const Pixels& t, float* output) noexcept {
    const int64_t n = t.w.out_c;
    int64_t c = 0;
    for (; c + N * kLanes <= n; c += N * kLanes) tile<P, N, false>(t, c, 0, output);
    if (N > 1)
      for (; c + kLanes <= n; c += kLanes) tile<P, 1, false>(t, c, 0, output);
    if (c < n) tile<P, 1, true>(t, c, n - c, output);
  }

  template <int P, int K>
  static void shared_pixels(const Pixels& t, float* output) noexcept {
    const int64_t n = t.w.out_c;
    int64_t c = 0;
    for (; c + kLanes <= n; c += kLanes) shared_tile<P, K>(t, c, output);
    if (c < n) tile<P, 1, true>(t, c, n - c, output);
  }

  // P pixels that see all columns of the filter.
  template <int P, int N>
  static void inner_pixels(const Pixels& t, float* output) noexcept {
    if constexpr (Vector::kShares) {
      const bool alike = t.w.stride_w == 1 && t.w.dilation_w == 1;
      if (alike && t.w.kernel_w == 3) return shared_pixels<P, 3>(t, output);
      if (alike && t.w.kernel_w == 5) return shared_pixels<P, 5>(t, output);
    }
    pixels<P, N>(t, output);
  }

  // The taps [begin, end) of `count` that see pixels [0, extent) from `first` on.
  static void seen(int64_t first, int64_t extent, int64_t dilation, int64_t count, int64_t& begin,
                   int64_t& end) noexcept {
    begin = first < 0 ? (-first + dilation - 1) / dilation : 0;
    end = first >= extent ? 0 : (extent - first + dilation - 1) / dilation;
    end = end < count ? end : count;
  }

  static void run(const DepthwiseF32& c, const void* packed, const float* input, float* output, int64_t row_begin,
                  int64_t row_end, void*) noexcept {
    const Window2d& w = c.window;
    const float* weights = static_cast<const float*>(packed);
    Pixels t = {w, weights, weights + taps(c) * padded(c), padded(c), c.low, c.high, 0, 0, 0, 0, nullptr};
    // Output pixels whose windows lie within the columns of the picture.
    const int64_t reach = w.in_w - 1 - (w.kernel_w - 1) * w.dilation_w + w.pad_w;
    const int64_t inner_begin = (w.pad_w + w.stride_w - 1) / w.stride_w;
    const int64_t inner_end = reach < 0 ? 0 : reach / w.stride_w + 1;
    for (int64_t row = row_begin; row < row_end; ++row) {
      const float* picture = input + row / w.out_h * w.in_h * w.in_w * w.in_c;
      const int64_t top = row % w.out_h * w.stride_h - w.pad_h;
      seen(top, w.in_h, w.dilation_h, w.kernel_h, t.row_begin, t.row_end);
      float* to = output + row * w.out_w * w.out_c;
      for (int64_t x = 0; x < w.out_w;) {
        const int64_t left = x * w.stride_w - w.pad_w;
        t.first = picture + (top * w.in_w + left) * w.in_c;
        const int64_t rest = (inner_end < w.out_w ? inner_end : w.out_w) - x;
        float* y = to + x * w.out_c;
        if (x < inner_begin || rest <= 0) {
          seen(left, w.in_w, w.dilation_w, w.kernel_w, t.column_begin, t.column_end);
          pixels<1, 4>(t, y);
          ++x;
          continue;
        }
        t.column_begin = 0, t.column_end = w.kernel_w;
        if (rest >= 8) {
          inner_pixels<8, Vector::kWide>(t, y);
          x += 8;
        } else if (rest >= 4) {
          inner_pixels<4, 2 * Vector::kWide>(t, y);
          x += 4;
        } else if (rest >= 2) {
          pixels<2, 4>(t, y);
          x += 2;
        } else {
          pixels<1, 4>(t, y);
          ++x;
        }
      }
    }
  }

  static constexpr DepthwiseF32Kernel kernel() {
    return {Packed::takes, Packed::packed_bytes, Packed::pack, scratch_bytes, run};
  }
};

}  // namespace
}  // namespace sanderling
