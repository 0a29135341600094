// Products of eight fp16 lanes: the windows of a block of pixels are copied as fp16, one row of a matrix for each
// pixel, and multiplied by panels of weights, a vector of channels by one lane of a pixel.
//
// Weights are divided by a power of two, such that the largest of a channel lies in [1/2, 1): neither they nor sums of
// inputs up to 65504 / kTerms leave the range of fp16. float32 sums are multiplied by it again, which is exact.
#include <arm_neon.h>
#include <math.h>
#include <string.h>

#include "base/fp16_neon.h"
#include "kernels/conv2d_f32/panels.h"

namespace sanderling {
namespace {

using V = float16x8_t;

constexpr int64_t kLanes = 8, kVectors = 3;
constexpr int64_t kTerms = 128;  // products that are added in fp16, at most
constexpr int64_t kFewPixels = 24, kMostPixels = 96;
constexpr int64_t kTotals = 160;  // float32 sums of a tile, at most

// Registers: sums, as many vectors of inputs as pixels, and weights.
constexpr int kRows[] = {12, 8, 6};  // pixels of a tile, by its vectors of channels

struct HalfPanels : Panels<kLanes, kVectors> {
  // To convert the inputs of few channels, or short runs of them (the first layer of a picture), costs what is gained.
  static bool takes(const Conv2dF32& c) noexcept {
    return c.fp16 && c.group_out() > kLanes && runs_of(c).length >= 2 * kLanes;
  }

  static int64_t padded_depth(const Conv2dF32& c) noexcept { return (c.depth() + kLanes - 1) / kLanes * kLanes; }

  // Packed: for each group and panel its bias and its powers of two, then fp16 weights, [padded depth][panel].
  static size_t panel_bytes(const Conv2dF32& c, int64_t width) noexcept {
    return static_cast<size_t>(width) * (2 * sizeof(float) + static_cast<size_t>(padded_depth(c)) * sizeof(Half));
  }
  static size_t packed_bytes(const Conv2dF32& c) noexcept {
    return static_cast<size_t>(c.groups) * panel_bytes(c, vectors(c) * kLanes);
  }

  static void pack(const Conv2dF32& c, const float* weights, const float* bias, void* packed) noexcept {
    const int64_t depth = c.depth(), out = c.group_out();
    char* panel_at = static_cast<char*>(packed);
    memset(packed, 0, packed_bytes(c));
    for (int64_t g = 0; g < c.groups; ++g)
      for (int64_t panel = 0; panel < panels(c); ++panel) {
        const int64_t first = panel_begin(c, panel) * kLanes, last = panel_begin(c, panel + 1) * kLanes;
        const int64_t width = last - first;
        float* terms = reinterpret_cast<float*>(panel_at);
        Half* to = reinterpret_cast<Half*>(terms + 2 * width);
        for (int64_t o = first; o < last && o < out; ++o) {
          const float* from = weights + (g * out + o) * depth;
          const int exponent = largest_exponent(from, depth, 1);
          terms[o - first] = bias ? bias[g * out + o] : 0.0f;
          terms[width + o - first] = static_cast<float>(ldexp(1.0, exponent));
          for (int64_t k = 0; k < depth; ++k)
            to[k * width + o - first] = static_cast<Half>(ldexp(static_cast<double>(from[k]), -exponent));
        }
        panel_at += panel_bytes(c, width);
      }
  }
};

// Rows of the matrix that a block has: as many as keep it in the second-level cache.
inline int64_t block_pixels(const Conv2dF32& c) noexcept {
  const int64_t fit = 131072 / HalfPanels::padded_depth(c) / kFewPixels * kFewPixels;
  return fit < kFewPixels ? kFewPixels : (fit > kMostPixels ? kMostPixels : fit);
}

inline size_t scratch_bytes(const Conv2dF32& c) noexcept {
  return kTotals * sizeof(float) + static_cast<size_t>(block_pixels(c) * HalfPanels::padded_depth(c)) * sizeof(Half);
}

__attribute__((always_inline)) inline void convert(const float* from, int64_t n, Half* to) noexcept {
  if (n < kLanes) {
    for (int64_t i = 0; i < n; ++i) to[i] = static_cast<Half>(from[i]);
    return;
  }
  for (int64_t i = 0; i < n - kLanes; i += kLanes) vst1q_f16(to + i, convert8(from + i));
  vst1q_f16(to + n - kLanes, convert8(from + n - kLanes));
}

// One row of a window, of which some columns are outside the picture, or that is no run: from column `left` on.
__attribute__((noinline)) inline void gather_row(const Conv2dF32& c, const float* row, int64_t left,
                                                 Half* to) noexcept {
  const Window2d& w = c.window;
  const int64_t n = c.group_in();
  for (int64_t j = 0; j < w.kernel_w; ++j, to += n) {
    const int64_t x = left + j * w.dilation_w;
    if (x < 0 || x >= w.in_w)
      memset(to, 0, static_cast<size_t>(n) * sizeof(Half));
    else
      convert(row + x * w.in_c, n, to);
  }
}

// The windows of pixels [first, first + pixels) in one group.
__attribute__((noinline)) inline void gather(const Conv2dF32& c, const float* input, int64_t group, int64_t first,
                                             int64_t pixels, Half* to) noexcept {
  const Window2d& w = c.window;
  const int64_t depth = c.depth(), padded = HalfPanels::padded_depth(c);
  if (!is_padded(w) && w.stride_h == 1 && w.stride_w == 1 && c.groups == 1 && depth == padded &&
      w.out_h * w.out_w == w.in_h * w.in_w)
    return convert(input + first * depth, pixels * depth, to);
  const Runs runs = runs_of(c);
  const int64_t in_w = w.in_w, in_c = w.in_c, kernel_h = w.kernel_h, row = w.kernel_w * c.group_in();
  // Columns in which a row of the window is one run.
  const int64_t last = runs.rows || w.kernel_w == 1 ? in_w - w.kernel_w : -1;
  int64_t x = first % w.out_w, y = first / w.out_w % w.out_h, batch = first / w.out_w / w.out_h;
  for (int64_t p = 0; p < pixels; ++p, to += padded) {
    if (depth != padded) vst1q_f16(to + padded - kLanes, vdupq_n_f16(0));
    const float* picture = input + batch * w.in_h * in_w * in_c + group * c.group_in();
    const int64_t left = x * w.stride_w - w.pad_w;
    int64_t in_y = y * w.stride_h - w.pad_h;
    Half* at = to;
    for (int64_t i = 0; i < kernel_h; ++i, at += row, in_y += w.dilation_h) {
      if (in_y < 0 || in_y >= w.in_h)
        memset(at, 0, static_cast<size_t>(row) * sizeof(Half));
      else if (left >= 0 && left <= last)
        convert(picture + (in_y * in_w + left) * in_c, row, at);
      else
        gather_row(c, picture + in_y * in_w * in_c, left, at);
    }
    if (++x < w.out_w) continue;
    x = 0;
    if (++y < w.out_h) continue;
    y = 0;
    ++batch;
  }
}

struct Panel {
  const float* terms;  // bias and powers of two, before the weights
  int64_t channels;    // of the last vector, those to store
  int64_t depth;       // padded
  int64_t step;        // products that are added in fp16
  float* totals;       // of a tile: what is no longer in fp16
  float low, high;
  int64_t out_c;
};

template <int kLane>
__attribute__((always_inline)) inline V add_products(V sum, V w, V x) noexcept {
#ifdef __clang__
  return vfmaq_laneq_f16(sum, w, x, kLane);
#else
  // GCC 12 makes a vector of the lane first.
  asm("fmla %0.8h, %1.8h, %2.h[%3]" : "+w"(sum) : "w"(w), "x"(x), "i"(kLane));
  return sum;
#endif
}

template <int kLane, int R, int N>
__attribute__((always_inline)) inline void multiply_lane(const Half* w, const V (&x)[R], V (&sum)[R][N]) noexcept {
  V column[N];
#ifndef __clang__
  asm volatile("" ::: "memory");  // GCC would load all that comes first, and spill
#endif
#pragma GCC unroll 3
  for (int n = 0; n < N; ++n) column[n] = vld1q_f16(w + (kLane * N + n) * kLanes);
#pragma GCC unroll 12
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 3
    for (int n = 0; n < N; ++n) sum[r][n] = add_products<kLane>(sum[r][n], column[n], x[r]);
}

template <int R, int N>
__attribute__((always_inline)) inline void multiply(const Half* x, int64_t stride, const Half* w, int64_t depth,
                                                    V (&sum)[R][N]) noexcept {
#pragma GCC unroll 12
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 3
    for (int n = 0; n < N; ++n) sum[r][n] = vdupq_n_f16(0);
  for (int64_t k = 0; k < depth; k += kLanes, w += kLanes * N * kLanes) {
    V eight[R];
#pragma GCC unroll 12
    for (int r = 0; r < R; ++r) eight[r] = vld1q_f16(x + r * stride + k);
    multiply_lane<0>(w, eight, sum);
    multiply_lane<1>(w, eight, sum);
    multiply_lane<2>(w, eight, sum);
    multiply_lane<3>(w, eight, sum);
    multiply_lane<4>(w, eight, sum);
    multiply_lane<5>(w, eight, sum);
    multiply_lane<6>(w, eight, sum);
    multiply_lane<7>(w, eight, sum);
  }
}

// What is in fp16, and what was.
struct Sums {
  float32x4_t low, high;
};

inline Sums widen(V sum, const float* totals, bool more) noexcept {
  Sums s = {vcvt_f32_f16(vget_low_f16(sum)), vcvt_high_f32_f16(sum)};
  if (more) s = {vaddq_f32(s.low, vld1q_f32(totals)), vaddq_f32(s.high, vld1q_f32(totals + 4))};
  return s;
}

template <int R, int N>
__attribute__((noinline)) void tile(const Panel& p, const Half* x, float* output) noexcept {
  static_assert(R * N * kLanes <= kTotals);
  constexpr int64_t width = N * kLanes;
  V sum[R][N];
  const Half* w = reinterpret_cast<const Half*>(p.terms + 2 * width);
  int64_t k = 0;
  for (;; k += p.step) {
    const int64_t rest = p.depth - k;
    multiply<R, N>(x + k, p.depth, w + k * width, rest < p.step ? rest : p.step, sum);
    if (rest <= p.step) break;
#pragma GCC unroll 12
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 3
      for (int n = 0; n < N; ++n) {
        float* totals = p.totals + (r * N + n) * kLanes;
        const Sums s = widen(sum[r][n], totals, k > 0);
        vst1q_f32(totals, s.low);
        vst1q_f32(totals + 4, s.high);
      }
  }
  const float32x4_t least = vdupq_n_f32(p.low), most = vdupq_n_f32(p.high);
#pragma GCC unroll 3
  for (int n = 0; n < N; ++n) {
    const float *bias = p.terms + n * kLanes, *powers = bias + width;
    const float32x4_t bias_low = vld1q_f32(bias), bias_high = vld1q_f32(bias + 4);
    const float32x4_t power_low = vld1q_f32(powers), power_high = vld1q_f32(powers + 4);
    const int64_t channels = n + 1 < N ? kLanes : p.channels;
#pragma GCC unroll 12
    for (int r = 0; r < R; ++r) {
      const Sums s = widen(sum[r][n], p.totals + (r * N + n) * kLanes, k > 0);
      const float32x4_t low = vminq_f32(most, vmaxq_f32(least, vfmaq_f32(bias_low, s.low, power_low)));
      const float32x4_t high = vminq_f32(most, vmaxq_f32(least, vfmaq_f32(bias_high, s.high, power_high)));
      store_first(output + r * p.out_c + n * kLanes, low, high, channels);
    }
  }
}

// A block of pixels in one panel of N vectors.
template <int N>
void block(const Panel& p, const Half* x, int64_t pixels, float* y) noexcept {
  constexpr int kMost = kRows[N - 1];
  int64_t i = 0;
  for (; i + kMost <= pixels; i += kMost) tile<kMost, N>(p, x + i * p.depth, y + i * p.out_c);
  for (; i + 4 <= pixels; i += 4) tile<4, N>(p, x + i * p.depth, y + i * p.out_c);
  for (; i < pixels; ++i) tile<1, N>(p, x + i * p.depth, y + i * p.out_c);
}

void run(const Conv2dF32& c, const void* packed, const float* input, float* output, Conv2dF32Part part,
         void* scratch) noexcept {
  const Window2d& w = c.window;
  const int64_t depth = HalfPanels::padded_depth(c), panel_count = HalfPanels::panels(c);
  const size_t group_bytes = HalfPanels::panel_bytes(c, HalfPanels::vectors(c) * kLanes);
  // Parts of a sum, and blocks of pixels, of about equal size.
  const int64_t sums = (depth + kTerms - 1) / kTerms, eights = depth / kLanes;
  const int64_t step = (eights + sums - 1) / sums * kLanes;
  const int64_t all = part.pixel_end - part.pixel_begin, most = block_pixels(c);
  const int64_t blocks = (all + most - 1) / most;
  const int64_t even = blocks > 1 ? (all + blocks - 1) / blocks : all;
  const int64_t pixel_step = (even + kFewPixels - 1) / kFewPixels * kFewPixels;
  float* totals = static_cast<float*>(scratch);
  Half* x = reinterpret_cast<Half*>(totals + kTotals);
  for (int64_t first = part.pixel_begin; first < part.pixel_end; first += pixel_step) {
    const int64_t rest = part.pixel_end - first, pixels = rest < pixel_step ? rest : pixel_step;
    int64_t gathered = -1;
    for (int64_t piece = part.piece_begin; piece < part.piece_end; ++piece) {
      const int64_t group = c.groups == 1 ? 0 : piece / panel_count, panel = piece - group * panel_count;
      if (group != gathered) gather(c, input, group, first, pixels, x);
      gathered = group;
      const int64_t begin = HalfPanels::panel_begin(c, panel), end = HalfPanels::panel_begin(c, panel + 1);
      const int64_t left = c.group_out() - (end - 1) * kLanes;
      const char* at = static_cast<const char*>(packed) + static_cast<size_t>(group) * group_bytes +
                       HalfPanels::panel_bytes(c, begin * kLanes);
      const Panel p = {reinterpret_cast<const float*>(at),
                       left < kLanes ? left : kLanes,
                       depth,
                       step,
                       totals,
                       c.low,
                       c.high,
                       w.out_c};
      float* y = output + first * w.out_c + group * c.group_out() + begin * kLanes;
      switch (end - begin) {
        case 1: block<1>(p, x, pixels, y); break;
        case 2: block<2>(p, x, pixels, y); break;
        default: block<3>(p, x, pixels, y);
      }
    }
  }
}

}  // namespace

const Conv2dF32Kernel conv2d_f32_neon_fp16_tiles = {
    HalfPanels::takes, kFewPixels,    16, HalfPanels::pieces, HalfPanels::packed_bytes,
    HalfPanels::pack,  scratch_bytes, run};

}  // namespace sanderling
