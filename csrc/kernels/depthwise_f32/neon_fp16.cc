// Eight channels of fp16 in a vector. Rows of the input are converted once, with zeros around them, into as many rows
// of scratch memory as the window has; then as columns.h, one tap after the other.
//
// Weights are divided by a power of two, such that the largest of a channel lies in [1/2, 1), and sums are multiplied
// by it again.
#include <arm_neon.h>
#include <math.h>
#include <string.h>

#include "base/fp16_neon.h"
#include "kernels/depthwise_f32/depthwise_f32.h"

namespace sanderling {
namespace {

using V = float16x8_t;

constexpr int64_t kLanes = 8;

inline int64_t padded(const DepthwiseF32& c) noexcept { return (c.window.out_c + kLanes - 1) / kLanes * kLanes; }
inline int64_t taps(const DepthwiseF32& c) noexcept { return c.window.kernel_h * c.window.kernel_w; }

// To convert the input costs what few taps for each of its values gain (3 x 3 at stride 2).
bool takes(const DepthwiseF32& c) noexcept {
  const Window2d& w = c.window;
  return c.fp16 && c.multiplier() == 1 && w.dilation_h == 1 && w.out_c >= kLanes &&
         taps(c) >= 6 * w.stride_h * w.stride_w;
}

// Packed: fp16 weights [taps][padded], then powers of two and bias [padded], filled up with zeros.
size_t packed_bytes(const DepthwiseF32& c) noexcept {
  return static_cast<size_t>((taps(c) + 2) * padded(c)) * sizeof(Half);
}

void pack(const DepthwiseF32& c, const float* weights, const float* bias, void* packed) noexcept {
  const int64_t n = c.window.out_c, count = taps(c), width = padded(c);
  Half* to = static_cast<Half*>(packed);
  memset(packed, 0, packed_bytes(c));
  for (int64_t o = 0; o < n; ++o) {
    int exponent = largest_exponent(weights + o, count, n);
    // Powers that fp16 has.
    exponent = exponent < -14 ? -14 : (exponent > 15 ? 15 : exponent);
    for (int64_t t = 0; t < count; ++t)
      to[t * width + o] = static_cast<Half>(ldexp(static_cast<double>(weights[t * n + o]), -exponent));
    to[count * width + o] = static_cast<Half>(ldexp(1.0, exponent));
    to[(count + 1) * width + o] = static_cast<Half>(bias ? bias[o] : 0.0f);
  }
}

// Columns of a converted row: those of the picture, and what windows see on either side.
inline int64_t columns(const Window2d& w) noexcept {
  const int64_t seen = (w.out_w - 1) * w.stride_w + (w.kernel_w - 1) * w.dilation_w + 1, all = w.pad_w + w.in_w;
  return seen > all ? seen : all;
}

// Scratch: a pointer for each row of the window, then the rows.
inline size_t table_bytes(const Window2d& w) noexcept {
  return (static_cast<size_t>(w.kernel_h) * sizeof(const Half*) + 63) / 64 * 64;
}
size_t scratch_bytes(const DepthwiseF32& c) noexcept {
  const Window2d& w = c.window;
  return table_bytes(w) + static_cast<size_t>(w.kernel_h * columns(w) * padded(c)) * sizeof(Half);
}

__attribute__((noinline)) inline void convert_row(const DepthwiseF32& c, const float* row, Half* to) noexcept {
  const Window2d& w = c.window;
  const int64_t n = w.in_c, width = padded(c), after = columns(w) - w.pad_w - w.in_w;
  memset(to, 0, static_cast<size_t>(w.pad_w * width) * sizeof(Half));
  to += w.pad_w * width;
  if (n == width) {
    for (int64_t i = 0; i < w.in_w * n; i += kLanes) vst1q_f16(to + i, convert8(row + i));
  } else {
    for (int64_t x = 0; x < w.in_w; ++x) {
      int64_t i = 0;
      for (; i + kLanes <= n; i += kLanes) vst1q_f16(to + x * width + i, convert8(row + x * n + i));
      float last[kLanes] = {};
      for (int64_t k = i; k < n; ++k) last[k - i] = row[x * n + k];
      vst1q_f16(to + x * width + i, convert8(last));
    }
  }
  memset(to + w.in_w * width, 0, static_cast<size_t>(after * width) * sizeof(Half));
}

// What all pixels of an output row share.
struct Pixels {
  const Window2d& w;
  const Half* weights;
  const Half* powers;
  int64_t padded;
  V low, high;
  int64_t row_begin, row_end;  // of the filter, those that see the picture
  const Half* const* rows;
};

// P pixels from column x of the converted rows on, N vectors of channels from c on; of the last one n are stored.
template <int P, int N>
void tile(const Pixels& t, int64_t x, int64_t c, int64_t n, float* output) noexcept {
  const Window2d& w = t.w;
  const int64_t step = w.stride_w * t.padded, next = w.dilation_w * t.padded;
  V sum[P][N];
#pragma GCC unroll 8
  for (int p = 0; p < P; ++p)
#pragma GCC unroll 2
    for (int v = 0; v < N; ++v) sum[p][v] = vdupq_n_f16(0);
  for (int64_t i = t.row_begin; i < t.row_end; ++i) {
    const Half* from = t.rows[i] + x * t.padded + c;
    const Half* weight = t.weights + i * w.kernel_w * t.padded + c;
    for (int64_t j = 0; j < w.kernel_w; ++j, from += next, weight += t.padded) {
      V tap[N];
#pragma GCC unroll 2
      for (int v = 0; v < N; ++v) tap[v] = vld1q_f16(weight + v * kLanes);
#pragma GCC unroll 8
      for (int p = 0; p < P; ++p)
#pragma GCC unroll 2
        for (int v = 0; v < N; ++v) sum[p][v] = vfmaq_f16(sum[p][v], vld1q_f16(from + p * step + v * kLanes), tap[v]);
    }
  }
#pragma GCC unroll 2
  for (int v = 0; v < N; ++v) {
    const V power = vld1q_f16(t.powers + c + v * kLanes), bias = vld1q_f16(t.powers + t.padded + c + v * kLanes);
#pragma GCC unroll 8
    for (int p = 0; p < P; ++p) {
      const V y = vminq_f16(t.high, vmaxq_f16(t.low, vfmaq_f16(bias, sum[p][v], power)));
      const float32x4_t low = vcvt_f32_f16(vget_low_f16(y)), high = vcvt_high_f32_f16(y);
      store_first(output + p * w.out_c + v * kLanes, low, high, v + 1 < N ? kLanes : n);
    }
  }
}

// P pixels in all channels.
template <int P>
__attribute__((noinline)) void pixels(const Pixels& t, int64_t x, float* output) noexcept {
  const int64_t n = t.w.out_c;
  int64_t c = 0;
  for (; c + 2 * kLanes <= n; c += 2 * kLanes) tile<P, 2>(t, x, c, kLanes, output + c);
  for (; c < n; c += kLanes) tile<P, 1>(t, x, c, n - c < kLanes ? n - c : kLanes, output + c);
}

void run(const DepthwiseF32& c, const void* packed, const float* input, float* output, int64_t row_begin,
         int64_t row_end, void* scratch) noexcept {
  const Window2d& w = c.window;
  const int64_t width = padded(c), row_size = columns(w) * width;
  const Half** table = static_cast<const Half**>(scratch);
  Half* rows = reinterpret_cast<Half*>(static_cast<char*>(scratch) + table_bytes(w));
  const Half* weights = static_cast<const Half*>(packed);
  Pixels t = {w,
              weights,
              weights + taps(c) * width,
              width,
              vdupq_n_f16(static_cast<Half>(c.low)),
              vdupq_n_f16(static_cast<Half>(c.high)),
              0,
              0,
              table};
  int64_t picture_of = -1, converted = 0;  // rows of the picture before this one are no longer needed, or converted
  for (int64_t row = row_begin; row < row_end; ++row) {
    const int64_t batch = row / w.out_h, top = row % w.out_h * w.stride_h - w.pad_h;
    if (batch != picture_of) converted = 0;
    picture_of = batch;
    t.row_begin = top < 0 ? -top : 0;
    t.row_end = w.in_h - top < w.kernel_h ? w.in_h - top : w.kernel_h;
    for (int64_t i = t.row_begin; i < t.row_end; ++i) {
      const int64_t y = top + i;
      Half* at = rows + y % w.kernel_h * row_size;
      table[i] = at;
      if (y < converted) continue;
      convert_row(c, input + (batch * w.in_h + y) * w.in_w * w.in_c, at);
      converted = y + 1;
    }
    float* to = output + row * w.out_w * w.out_c;
    int64_t x = 0;
    for (; x + 8 <= w.out_w; x += 8) pixels<8>(t, x * w.stride_w, to + x * w.out_c);
    for (; x + 3 <= w.out_w; x += 3) pixels<3>(t, x * w.stride_w, to + x * w.out_c);
    for (; x < w.out_w; ++x) pixels<1>(t, x * w.stride_w, to + x * w.out_c);
  }
}

}  // namespace

const DepthwiseF32Kernel depthwise_f32_neon_fp16_rows = {takes, packed_bytes, pack, scratch_bytes, run};

}  // namespace sanderling
