// RESIZE_BILINEAR on NHWC tensors: float32 and uint8 in float arithmetic, int8 and int16 in fixed point.
#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/bilinear_u8/bilinear_u8.h"
#include "ops/resize.h"

namespace sanderling {
namespace {

// For one output coordinate: the two input coordinates and where between them it lies.
using FloatTap = BilinearColumn;
struct FixedTap {
  int64_t low, high;
  int32_t below, above;  // weights of low and high
};

std::vector<FloatTap> float_taps(int64_t in, int64_t out, const ResizeOptions& o) {
  float scale = static_cast<float>(in) / static_cast<float>(out);
  if (o.align_corners && out > 1) scale = static_cast<float>(in - 1) / static_cast<float>(out - 1);
  std::vector<FloatTap> taps(static_cast<size_t>(out));
  for (int64_t i = 0; i < out; ++i) {
    float at = o.half_pixel_centers ? (static_cast<float>(i) + 0.5f) * scale - 0.5f : static_cast<float>(i) * scale;
    FloatTap& t = taps[static_cast<size_t>(i)];
    // The upper bound of low matters only for pictures whose rows float cannot count.
    t.low = std::min(std::max<int64_t>(static_cast<int64_t>(std::floor(at)), 0), in - 1);
    t.high = std::min(static_cast<int64_t>(std::ceil(at)), in - 1);
    t.above = at - static_cast<float>(t.low);
    t.below = 1.0f - t.above;
  }
  return taps;
}

constexpr int64_t kOne = 1 << 10;  // 1.0 in the fixed point of positions

// low may lie past the end: the rounded scale overshoots, and the reference does not clamp it.
std::vector<FixedTap> fixed_taps(int64_t in, int64_t out, const ResizeOptions& o) {
  int64_t from = in, to = out;
  if (o.align_corners && out > 1) {
    from = in - 1;
    to = out - 1;
  }
  int64_t scale = (kOne * from + to / 2) / to;
  std::vector<FixedTap> taps(static_cast<size_t>(out));
  for (int64_t i = 0; i < out; ++i) {
    int64_t at = i * scale + (o.half_pixel_centers ? scale / 2 - kOne / 2 : 0);
    FixedTap& t = taps[static_cast<size_t>(i)];
    t.low = std::max<int64_t>(at / kOne, 0);
    t.high = std::min((at + kOne - 1) / kOne, in - 1);
    t.above = static_cast<int32_t>(at - kOne * t.low);
    t.below = static_cast<int32_t>(kOne) - t.above;
  }
  return taps;
}

// One row of output from two input rows, each times its vertical weight, [in_w, channels].
void float_row(const float* top, const float* bottom, const FloatTap* columns, int64_t n, int64_t channels,
               float* __restrict out) {
  for (int64_t x = 0; x < n; ++x, out += channels) {
    const FloatTap& t = columns[x];
    const float *top_low = top + t.low * channels, *bottom_low = bottom + t.low * channels;
    const float *top_high = top + t.high * channels, *bottom_high = bottom + t.high * channels;
    for (int64_t c = 0; c < channels; ++c)
      out[c] = top_low[c] * t.below + bottom_low[c] * t.below + top_high[c] * t.above + bottom_high[c] * t.above;
  }
}

template <class T>
void run_float(PrepareContext& ctx, const Resize& r,
               void (*do_row)(const float*, const float*, const FloatTap*, int64_t, int64_t, T*)) {
  std::vector<FloatTap> rows = float_taps(r.in_h, r.out_h, r.options);
  std::vector<FloatTap> columns = float_taps(r.in_w, r.out_w, r.options);
  int64_t row_size = r.in_w * r.channels;
  int scratch = ctx.scratch(static_cast<size_t>(ctx.threads()) * 2 * static_cast<size_t>(row_size) * sizeof(float));
  double cost = static_cast<double>(r.out_w + r.in_w) * static_cast<double>(r.channels) * 2;
  ctx.on_run([=](RunContext& run) {
    const T* in = run.input<T>(0);
    T* out = run.output<T>(0);
    float* buffer = run.scratch<float>(scratch);
    run.parallel_for(r.batch * r.out_h, cost, [&](int64_t begin, int64_t end, int thread) {
      float* top = buffer + thread * 2 * row_size;
      float* bottom = top + row_size;
      for (int64_t row = begin; row < end; ++row) {
        const FloatTap& t = rows[static_cast<size_t>(row % r.out_h)];
        const T* picture = in + row / r.out_h * r.in_h * row_size;
        const T *low = picture + t.low * row_size, *high = picture + t.high * row_size;
        for (int64_t i = 0; i < row_size; ++i) {
          top[i] = low[i] * t.below;
          bottom[i] = high[i] * t.above;
        }
        do_row(top, bottom, columns.data(), r.out_w, r.channels, out + row * r.out_w * r.channels);
      }
    });
  });
}

void run_bytes(PrepareContext& ctx, const Resize& r) {
  const FunctionRow<BilinearU8Kernel>& kernel = choose_bilinear_u8(ctx.isa());
  ctx.set_kernel(kernel.isa, kernel.name);
  run_float<uint8_t>(ctx, r, kernel.run);
}

// One row of output from the column sums [pixels, channels]: values times 2^10. Acc holds a value times 2^20.
template <class T, class Acc>
void fixed_row(const int32_t* sums, const std::vector<FixedTap>& columns, int64_t channels, T* __restrict out) {
  for (const FixedTap& t : columns) {
    const int32_t *low = sums + t.low * channels, *high = sums + t.high * channels;
    const Acc below = t.below, above = t.above;
    for (int64_t c = 0; c < channels; ++c) {
      Acc x = low[c] * below + high[c] * above;
      // To nearest, ties away from zero.
      out[c] = static_cast<T>((x + (1 << 19) - (x < 0 ? 1 : 0)) >> 20);
    }
    out += channels;
  }
}

template <class T, class Acc>
void run_fixed(PrepareContext& ctx, const Resize& r) {
  std::vector<FixedTap> rows = fixed_taps(r.in_h, r.out_h, r.options);
  std::vector<FixedTap> columns = fixed_taps(r.in_w, r.out_w, r.options);
  double cost = static_cast<double>(r.out_w + r.in_w) * static_cast<double>(r.channels) * 2;
  // A position past the end runs into the next row or picture, as in the reference; the tensor's end stops it.
  int64_t pixels = std::max(r.in_w, columns.back().low + 1), row_size = r.in_w * r.channels;
  int64_t sums_size = pixels * r.channels, last_row = r.batch * r.in_h - 1, end_of_input = (last_row + 1) * row_size;
  int scratch = ctx.scratch(static_cast<size_t>(ctx.threads()) * static_cast<size_t>(sums_size) * sizeof(int32_t));
  ctx.on_run([=](RunContext& run) {
    const T* in = run.input<T>(0);
    T* out = run.output<T>(0);
    int32_t* buffer = run.scratch<int32_t>(scratch);
    run.parallel_for(r.batch * r.out_h, cost, [&](int64_t begin, int64_t end, int thread) {
      int32_t* sums = buffer + thread * sums_size;
      for (int64_t row = begin; row < end; ++row) {
        const FixedTap& t = rows[static_cast<size_t>(row % r.out_h)];
        int64_t first = row / r.out_h * r.in_h;
        int64_t low = std::min(first + t.low, last_row) * row_size, high = (first + t.high) * row_size;
        int64_t inside = std::min(sums_size, end_of_input - std::max(low, high));
        for (int64_t i = 0; i < inside; ++i) sums[i] = in[low + i] * t.below + in[high + i] * t.above;
        for (int64_t i = inside; i < sums_size; ++i) sums[i] = sums[i - r.channels];
        fixed_row<T, Acc>(sums, columns, r.channels, out + row * r.out_w * r.channels);
      }
    });
  });
}

}  // namespace

void prepare_resize_bilinear(PrepareContext& ctx) {
  Resize r = prepare_resize(ctx);
  check(!r.options.align_corners || !r.options.half_pixel_centers,
        "options 'align_corners' and 'half_pixel_centers' are both set; at most one expected");
  switch (ctx.input(0).dtype) {
    case DType::float32: return run_float<float>(ctx, r, float_row);
    case DType::uint8: return run_bytes(ctx, r);
    // |weights| sum to at most 2^22, so that int8 sums fit int32.
    case DType::int8: return run_fixed<int8_t, int32_t>(ctx, r);
    case DType::int16: return run_fixed<int16_t, int64_t>(ctx, r);
    default: fail("input is ", dtype_name(ctx.input(0).dtype), "; float32, int8, uint8 or int16 expected");
  }
}

}  // namespace sanderling
