// The kernel for any kind of float vector: a tile of R pixels x N vectors of channels is held in registers.
//
// The input is not copied: for each pixel there is a pointer to each run of its window, a stretch of input that lies
// together, and what reaches beyond the picture is replaced by zeros or, where a run is cut, by a copy.
//
// Vector has: Type, kLanes, load(p) (aligned), splat(x), add_product(sum, x, w), at_least(low, x), at_most(high, x)
// (which keep a NaN x), store(p, v), store_first(p, v, n); and the shape of tiles, which registers decide: kVectors,
// the most vectors of channels in a tile, and kRows[N - 1], the pixels of a tile of N vectors. Where products by an
// element need no splat: load_inputs(p), kLanes inputs of a pixel, and add_element(sum, inputs, i, w); else kElements
// is false.
#pragma once

#include <cstring>

#include "kernels/conv2d_f32/panels.h"

namespace sanderling {
namespace {

constexpr int64_t kMostPixels = 96;  // pixels whose pointers are made at once; weights are read once for these
constexpr int64_t kFewPixels = 12;

// Pixels in a block: as many as keep their windows in the second-level cache.
inline int64_t block_pixels(const Conv2dF32& c) noexcept {
  const int64_t fit = 131072 / c.depth() / kFewPixels * kFewPixels;
  return fit < kFewPixels ? kFewPixels : (fit > kMostPixels ? kMostPixels : fit);
}

// Scratch: a pointer for each run of each pixel of a block, then copies of cut runs.
inline size_t table_bytes(const Conv2dF32& c) noexcept {
  const size_t bytes = static_cast<size_t>(runs_of(c).count * block_pixels(c)) * sizeof(const float*);
  return (bytes + 63) / 64 * 64;
}
inline size_t scratch_bytes(const Conv2dF32& c) noexcept {
  const bool copies = is_padded(c.window) && runs_of(c).rows;
  return table_bytes(c) + (copies ? static_cast<size_t>(block_pixels(c) * c.depth()) * sizeof(float) : 0);
}

// A run of kernel_w input pixels from column `left` on, of which some are outside the picture.
inline void copy_cut_run(const Window2d& w, const float* row, int64_t left, float* to) noexcept {
  for (int64_t j = 0; j < w.kernel_w; ++j, to += w.in_c) {
    const int64_t x = left + j;
    if (x < 0 || x >= w.in_w)
      std::memset(to, 0, static_cast<size_t>(w.in_c) * sizeof(float));
    else
      std::memcpy(to, row + x * w.in_c, static_cast<size_t>(w.in_c) * sizeof(float));
  }
}

// How many of `most` pixels, `step` columns apart from column 0 on, lie before column n.
inline int64_t pixels_before(int64_t n, int64_t step, int64_t most) noexcept {
  if (n <= 0) return 0;
  const int64_t before = step == 1 ? n : (n + step - 1) / step;
  return before < most ? before : most;
}

// Pointers of run i of pixel first + p: table[i * stride + p].
__attribute__((noinline)) inline void point(const Conv2dF32& c, const Runs& runs, const float* input,
                                            const float* zeros, int64_t group, int64_t first, int64_t pixels,
                                            int64_t stride, const float** table, float* copies) noexcept {
  const Window2d& w = c.window;
  const int64_t in_w = w.in_w, in_c = w.in_c, kernel_w = w.kernel_w, step = w.stride_w;
  int64_t x = 0, y = 0, batch = 0;
  if (first > 0) x = first % w.out_w, y = first / w.out_w % w.out_h, batch = first / w.out_w / w.out_h;
  // Row by row of the output.
  while (pixels > 0) {
    const int64_t n = pixels < w.out_w - x ? pixels : w.out_w - x;
    const float* picture = input + batch * w.in_h * in_w * in_c + group * c.group_in();
    const int64_t left = x * step - w.pad_w;
    const float** to = table;
    for (int64_t i = 0; i < w.kernel_h; ++i) {
      const int64_t in_y = y * w.stride_h - w.pad_h + i * w.dilation_h;
      const bool outside = in_y < 0 || in_y >= w.in_h;
      const float* row = picture + (outside ? 0 : in_y * in_w * in_c);
      for (int64_t j = 0; j < (runs.rows ? 1 : kernel_w); ++j, to += stride) {
        // Columns in which the run may begin.
        const int64_t begin = left + j * w.dilation_w, last = runs.rows ? in_w - kernel_w : in_w - 1;
        // Pixels of which the run lies within the row: [whole_begin, whole_end).
        const int64_t whole_end = outside ? 0 : pixels_before(last + 1 - begin, step, n);
        const int64_t whole_begin = pixels_before(-begin, step, whole_end);
        for (int64_t p = whole_begin; p < whole_end; ++p) to[p] = row + (begin + p * step) * in_c;
        const auto cut = [&](int64_t p, int64_t end) {
          for (; p < end; ++p) {
            to[p] = zeros;
            if (outside || !runs.rows) continue;
            copy_cut_run(w, row, begin + p * step, copies);
            to[p] = copies;
            copies += runs.length;
          }
        };
        cut(0, whole_begin);
        cut(whole_end, n);
      }
    }
    table += n;
    pixels -= n;
    x = 0;
    if (++y < w.out_h) continue;
    y = 0;
    ++batch;
  }
}

template <class Vector>
struct Tiles : Panels<Vector::kLanes, Vector::kVectors> {
  using V = typename Vector::Type;
  static constexpr int64_t kLanes = Vector::kLanes;

  using Packed = Panels<Vector::kLanes, Vector::kVectors>;
  using Packed::group_size, Packed::panel_begin, Packed::panels, Packed::pieces, Packed::zeros;

  struct Panel {
    const float* packed;
    int64_t channels;  // of the last vector, those to store
    Runs runs;
    float low, high;
    int64_t out_c;
  };

  template <int R, int N>
  __attribute__((noinline)) static void tile(const Panel& p, const float* const* table, int64_t stride,
                                             float* output) noexcept {
    V sum[R][N];
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
      for (int n = 0; n < N; ++n) sum[r][n] = Vector::load(p.packed + n * kLanes);
    const float* w = p.packed + N * kLanes;
    for (int64_t i = 0; i < p.runs.count; ++i, table += stride) {
      const float* x[R];
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) x[r] = table[r];
      int64_t k = 0;
      if constexpr (Vector::kElements)
        for (; k + kLanes <= p.runs.length; k += kLanes) {
          V inputs[R];
#pragma GCC unroll 16
          for (int r = 0; r < R; ++r) inputs[r] = Vector::load_inputs(x[r] + k);
#pragma GCC unroll 4
          for (int j = 0; j < static_cast<int>(kLanes); ++j, w += N * kLanes) {
            asm volatile("" : "+r"(w));  // GCC would load all four columns first, and spill them
            V column[N];
#pragma GCC unroll 4
            for (int n = 0; n < N; ++n) column[n] = Vector::load(w + n * kLanes);
#pragma GCC unroll 16
            for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
              for (int n = 0; n < N; ++n) sum[r][n] = Vector::add_element(sum[r][n], inputs[r], j, column[n]);
          }
        }
#ifdef __x86_64__  // a loop of one step loses a fifth to its own ends
#pragma GCC unroll 2
#endif
      for (; k < p.runs.length; ++k, w += N * kLanes) {
        V column[N];
#pragma GCC unroll 4
        for (int n = 0; n < N; ++n) column[n] = Vector::load(w + n * kLanes);
#pragma GCC unroll 16
        for (int r = 0; r < R; ++r) {
          const V value = Vector::splat(x[r][k]);
#pragma GCC unroll 4
          for (int n = 0; n < N; ++n) sum[r][n] = Vector::add_product(sum[r][n], value, column[n]);
        }
      }
    }
    const V low = Vector::splat(p.low), high = Vector::splat(p.high);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      float* to = output + r * p.out_c;
#pragma GCC unroll 4
      for (int n = 0; n < N; ++n) {
        const V v = Vector::at_most(high, Vector::at_least(low, sum[r][n]));
        if (n + 1 < N || p.channels == kLanes)
          Vector::store(to + n * kLanes, v);
        else
          Vector::store_first(to + n * kLanes, v, p.channels);
      }
    }
  }

  // A block of pixels in one panel of N vectors.
  template <int N>
  static void block(const Panel& p, const float* const* table, int64_t stride, int64_t pixels, float* y) noexcept {
    constexpr int kRows = Vector::kRows[N - 1];
    int64_t i = 0;
    for (; i + kRows <= pixels; i += kRows) tile<kRows, N>(p, table + i, stride, y + i * p.out_c);
    if constexpr (kRows > 6)
      for (; i + 6 <= pixels; i += 6) tile<6, N>(p, table + i, stride, y + i * p.out_c);
    if constexpr (kRows > 3)
      for (; i + 3 <= pixels; i += 3) tile<3, N>(p, table + i, stride, y + i * p.out_c);
    for (; i < pixels; ++i) tile<1, N>(p, table + i, stride, y + i * p.out_c);
  }

  // A single pixel in several whole panels that follow each other, as the sums of one wait for their own last product.
  static constexpr int kTogether = 8 / Vector::kVectors;
  __attribute__((noinline)) static void pixel(const Panel& p, const float* const* table, int64_t stride,
                                              int64_t panel_size, float* output) noexcept {
    constexpr int N = Vector::kVectors;
    V sum[kTogether][N];
    const float* w = p.packed;
#pragma GCC unroll 8
    for (int q = 0; q < kTogether; ++q)
#pragma GCC unroll 4
      for (int n = 0; n < N; ++n) sum[q][n] = Vector::load(w + q * panel_size + n * kLanes);
    w += N * kLanes;
    for (int64_t i = 0; i < p.runs.count; ++i, table += stride) {
      const float* x = *table;
      for (int64_t k = 0; k < p.runs.length; ++k, w += N * kLanes) {
        const V value = Vector::splat(x[k]);
#pragma GCC unroll 8
        for (int q = 0; q < kTogether; ++q)
#pragma GCC unroll 4
          for (int n = 0; n < N; ++n)
            sum[q][n] = Vector::add_product(sum[q][n], value, Vector::load(w + q * panel_size + n * kLanes));
      }
    }
    const V low = Vector::splat(p.low), high = Vector::splat(p.high);
#pragma GCC unroll 8
    for (int q = 0; q < kTogether; ++q)
#pragma GCC unroll 4
      for (int n = 0; n < N; ++n)
        Vector::store(output + (q * N + n) * kLanes, Vector::at_most(high, Vector::at_least(low, sum[q][n])));
  }

  static void any_block(int64_t vectors, const Panel& p, const float* const* table, int64_t stride, int64_t pixels,
                        float* y) noexcept {
    switch (vectors) {
      case 1: return block<1>(p, table, stride, pixels, y);
      case 2: return block<2>(p, table, stride, pixels, y);
      case 3:
        if constexpr (Vector::kVectors > 2) return block<3>(p, table, stride, pixels, y);
        return;
      default:
        if constexpr (Vector::kVectors > 3) return block<4>(p, table, stride, pixels, y);
    }
  }

  static void run(const Conv2dF32& c, const void* packed, const float* input, float* output, Conv2dF32Part part,
                  void* scratch) noexcept {
    static_assert(Vector::kVectors <= 4);
    const Window2d& w = c.window;
    const Runs runs = runs_of(c);
    const int64_t stride = block_pixels(c), all = part.pixel_end - part.pixel_begin;
    const float** table = static_cast<const float**>(scratch);
    float* copies = reinterpret_cast<float*>(static_cast<char*>(scratch) + table_bytes(c));
    const float* zero_run = static_cast<const float*>(packed);
    const float* weights = zero_run + zeros(c);
    const int64_t panel_count = panels(c);
    // Blocks of equal size, in whole tiles.
    const int64_t blocks = (all + stride - 1) / stride;
    const int64_t even = blocks > 1 ? (all + blocks - 1) / blocks : all;
    const int64_t step = (even + kFewPixels - 1) / kFewPixels * kFewPixels;
    for (int64_t first = part.pixel_begin; first < part.pixel_end; first += step) {
      const int64_t rest = part.pixel_end - first, pixels = rest < step ? rest : step;
      int64_t pointed = -1;
      for (int64_t piece = part.piece_begin; piece < part.piece_end; ++piece) {
        const int64_t group = c.groups == 1 ? 0 : piece / panel_count, panel = piece - group * panel_count;
        if (group != pointed) point(c, runs, input, zero_run, group, first, pixels, stride, table, copies);
        pointed = group;
        const int64_t begin = panel_begin(c, panel), end = panel_begin(c, panel + 1);
        const int64_t left = c.group_out() - (end - 1) * kLanes;
        float* to = output + first * w.out_c + group * c.group_out() + begin * kLanes;
        const Panel p = {weights + group * group_size(c) + begin * kLanes * (c.depth() + 1),
                         left < kLanes ? left : kLanes,
                         runs,
                         c.low,
                         c.high,
                         w.out_c};
        constexpr int64_t kVectors = kTogether * Vector::kVectors;
        if (pixels == 1 && piece + kTogether <= part.piece_end && panel + kTogether <= panel_count &&
            panel_begin(c, panel + kTogether) - begin == kVectors && (begin + kVectors) * kLanes <= c.group_out()) {
          pixel(p, table, stride, (end - begin) * kLanes * (c.depth() + 1), to);
          piece += kTogether - 1;
        } else {
          any_block(end - begin, p, table, stride, pixels, to);
        }
      }
    }
  }

  static constexpr Conv2dF32Kernel kernel(double macs_per_nanosecond) {
    return {Packed::takes,        2 * kFewPixels, macs_per_nanosecond, pieces,
            Packed::packed_bytes, Packed::pack,   scratch_bytes,       run};
  }
};

}  // namespace
}  // namespace sanderling
