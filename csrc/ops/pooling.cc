// AVERAGE_POOL_2D, MAX_POOL_2D, L2_POOL_2D on NHWC tensors. Padding is not part of a window: an average divides by
// the elements that lie inside the picture.
#include <algorithm>
#include <cmath>

#include "kernels/max_pool_q8/max_pool_q8.h"
#include "ops/activation.h"
#include "ops/op.h"
#include "ops/window.h"
#include "quant/requantize.h"

namespace sanderling {
namespace {

constexpr int64_t kMaxOption = 2147483647;
constexpr int64_t kPoolChannels = 256;  // channels whose accumulators stay in L1

struct Geometry {
  int64_t in_h, in_w, channels, out_h, out_w;
  int64_t filter_h, filter_w, stride_h, stride_w, pad_h, pad_w;
};

Geometry pool_geometry(PrepareContext& ctx) {
  ctx.expect_inputs(1, 1);
  ctx.expect_outputs(1);
  const TensorInfo& x = ctx.input(0);
  check(x.dtype == ctx.output(0).dtype, "input is ", dtype_name(x.dtype), " but output is ",
        dtype_name(ctx.output(0).dtype));
  check(x.shape.rank() == 4, "input has shape ", x.shape, "; [batch, height, width, channels] expected");
  const Attributes& a = ctx.attributes();
  Geometry g;
  g.in_h = x.shape[1];
  g.in_w = x.shape[2];
  g.channels = x.shape[3];
  g.stride_h = a.integer_in("stride_h", 1, kMaxOption);
  g.stride_w = a.integer_in("stride_w", 1, kMaxOption);
  g.filter_h = a.integer_in("filter_height", 1, kMaxOption);
  g.filter_w = a.integer_in("filter_width", 1, kMaxOption);
  Window rows = slide_window(a.text("padding"), g.in_h, g.filter_h, g.stride_h, 1);
  Window columns = slide_window(a.text("padding"), g.in_w, g.filter_w, g.stride_w, 1);
  g.out_h = rows.out;
  g.pad_h = rows.pad;
  g.out_w = columns.out;
  g.pad_w = columns.pad;
  ctx.set_output_shape(0, {x.shape[0], g.out_h, g.out_w, g.channels});
  return g;
}

// acc of n channels takes in `taps` neighbouring pixels, in their order.
template <int taps, class Pool>
void take(const Pool& pool, const typename Pool::T* in, int64_t channels, typename Pool::Acc* acc, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    if constexpr (Pool::kSumsBytes) {
      // In 16 bits first: half the vectors.
      int16_t sum = 0;
      for (int t = 0; t < taps; ++t) sum = static_cast<int16_t>(sum + in[t * channels + i]);
      acc[i] = wrapping_add(acc[i], sum);
    } else {
      typename Pool::Acc a = acc[i];
      for (int t = 0; t < taps; ++t) a = pool.next(a, in[t * channels + i]);
      acc[i] = a;
    }
  }
}

// Pixels several at a time, so that accumulators are loaded and stored less often.
template <class Pool>
void take_row(const Pool& pool, const typename Pool::T* in, int64_t pixels, int64_t channels, typename Pool::Acc* acc,
              int64_t n) {
  for (; pixels >= 4; pixels -= 4, in += 4 * channels) take<4>(pool, in, channels, acc, n);
  if (pixels == 3) take<3>(pool, in, channels, acc, n);
  if (pixels == 2) take<2>(pool, in, channels, acc, n);
  if (pixels == 1) take<1>(pool, in, channels, acc, n);
}

// Rows [begin, end) of all output rows of the batch. Pool has the types In, Acc and: start(), next(acc, value),
// finish(acc, count), where count is the elements of the window.
template <class Pool>
void pool_rows(const Geometry& g, const Pool& pool, const typename Pool::T* in, typename Pool::T* out, int64_t begin,
               int64_t end) {
  for (int64_t row = begin; row < end; ++row) {
    const typename Pool::T* picture = in + row / g.out_h * (g.in_h * g.in_w * g.channels);
    int64_t top = row % g.out_h * g.stride_h - g.pad_h;
    int64_t y0 = std::max<int64_t>(0, top), y1 = std::min(g.in_h, top + g.filter_h);
    for (int64_t column = 0; column < g.out_w; ++column) {
      int64_t left = column * g.stride_w - g.pad_w;
      int64_t x0 = std::max<int64_t>(0, left), x1 = std::min(g.in_w, left + g.filter_w);
      typename Pool::T* to = out + (row * g.out_w + column) * g.channels;
      for (int64_t c = 0; c < g.channels; c += kPoolChannels) {
        int64_t n = std::min(kPoolChannels, g.channels - c);
        typename Pool::Acc acc[kPoolChannels];
        for (int64_t i = 0; i < n; ++i) acc[i] = pool.start();
        for (int64_t y = y0; y < y1; ++y)
          take_row(pool, picture + (y * g.in_w + x0) * g.channels + c, x1 - x0, g.channels, acc, n);
        pool.finish(acc, n, (y1 - y0) * (x1 - x0), to + c);
      }
    }
  }
}

template <class Number>
Number clamped(Number x, Range<Number> range) {
  return std::min(std::max(x, range.low), range.high);
}

template <class Element>
struct IntegerAverage {
  using T = Element;
  using Acc = int32_t;
  static constexpr bool kSumsBytes = sizeof(T) == 1;
  Range<int32_t> range;
  Acc start() const { return 0; }
  Acc next(Acc a, T x) const { return wrapping_add(a, x); }
  // To nearest; ties away from zero, which for uint8 is up.
  void finish(const Acc* acc, int64_t n, int64_t count, T* out) const {
    if (sizeof(T) == 1 && count <= 4096) return finish_few(acc, n, count, out);
    double divisor = static_cast<double>(count);
    int32_t half = static_cast<int32_t>(std::min<int64_t>(count / 2, kMaxOption));
    for (int64_t i = 0; i < n; ++i) {
      int32_t nudged = wrapping_add(acc[i], acc[i] > 0 ? half : -half);
      // A quotient of int32 numbers, rounded to double, never crosses an integer: truncation gives the exact division.
      out[i] = static_cast<T>(clamp(static_cast<int32_t>(nudged / divisor), range.low, range.high));
    }
  }

  // The same of bytes: half a step further from zero the sum lies at least 1 / (2 count) from a multiple of the count,
  // which is more than the errors of a float's product.
  void finish_few(const Acc* acc, int64_t n, int64_t count, T* out) const {
    const float nudge = static_cast<float>(count / 2) + 0.5f, inverse = 1 / static_cast<float>(count);
    const int32_t low = range.low, high = range.high;
    for (int64_t i = 0; i < n; ++i) {
      const float nudged = static_cast<float>(acc[i]) + (acc[i] > 0 ? nudge : -nudge);
      out[i] = static_cast<T>(clamp(static_cast<int32_t>(nudged * inverse), low, high));
    }
  }
};

struct FloatAverage {
  static constexpr bool kSumsBytes = false;
  using T = float;
  using Acc = float;
  Range<float> range;
  Acc start() const { return 0.0f; }
  Acc next(Acc a, T x) const { return a + x; }
  void finish(const Acc* acc, int64_t n, int64_t count, T* out) const {
    for (int64_t i = 0; i < n; ++i) out[i] = clamped(acc[i] / static_cast<float>(count), range);
  }
};

template <class Element, class Bound>
struct Maximum {
  static constexpr bool kSumsBytes = false;
  using T = Element;
  using Acc = Element;
  Range<Bound> range;
  Acc start() const { return std::numeric_limits<T>::lowest(); }
  Acc next(Acc a, T x) const { return a < x ? x : a; }
  void finish(const Acc* acc, int64_t n, int64_t, T* out) const {
    for (int64_t i = 0; i < n; ++i) out[i] = static_cast<T>(clamped<Bound>(acc[i], range));
  }
};

struct RootMeanSquare {
  static constexpr bool kSumsBytes = false;
  using T = float;
  using Acc = float;
  Range<float> range;
  Acc start() const { return 0.0f; }
  Acc next(Acc a, T x) const { return a + x * x; }
  void finish(const Acc* acc, int64_t n, int64_t count, T* out) const {
    for (int64_t i = 0; i < n; ++i) out[i] = clamped(std::sqrt(acc[i] / static_cast<float>(count)), range);
  }
};

template <class Pool>
void run_pool(PrepareContext& ctx, const Geometry& g, const Pool& pool) {
  int64_t rows = ctx.input(0).shape[0] * g.out_h;
  double window = static_cast<double>(std::min(g.filter_h, g.in_h)) * static_cast<double>(std::min(g.filter_w, g.in_w));
  double cost = 0.1 * static_cast<double>(g.out_w * g.channels) * (window * sizeof(typename Pool::T) + 10);
  if (rows * g.out_w * g.channels == 0) rows = 0;
  ctx.on_run([=](RunContext& run) {
    const auto* in = run.input<typename Pool::T>(0);
    auto* out = run.output<typename Pool::T>(0);
    run.parallel_for(rows, cost, [&](int64_t begin, int64_t end, int) { pool_rows(g, pool, in, out, begin, end); });
  });
}

// Bytes, through a kernel.
void run_max_bytes(PrepareContext& ctx, const Geometry& g, Range<int32_t> range) {
  const int32_t flip = ctx.output(0).dtype == DType::uint8 ? 128 : 0;
  const FunctionRow<MaxPoolQ8Kernel>& kernel = choose_max_pool_q8(ctx.isa());
  ctx.set_kernel(kernel.isa, kernel.name);
  const MaxPoolQ8 whole{
      0, 0, g.in_w * g.channels, g.channels, range.low - flip, range.high - flip, static_cast<uint8_t>(flip)};
  int64_t rows = ctx.input(0).shape[0] * g.out_h;
  double window = static_cast<double>(std::min(g.filter_h, g.in_h)) * static_cast<double>(std::min(g.filter_w, g.in_w));
  double cost = static_cast<double>(g.out_w) * (5 + 0.02 * window * static_cast<double>(g.channels));
  if (rows * g.out_w * g.channels == 0) rows = 0;
  // Output rows of all pictures; `in` and `out` are where the first row is.
  auto run_rows = [=, pool = kernel.run](const uint8_t* in, uint8_t* out, int64_t begin, int64_t end) {
    MaxPoolQ8 p = whole;
    for (int64_t row = begin; row < end; ++row) {
      const int64_t top = row % g.out_h * g.stride_h - g.pad_h, y0 = std::max<int64_t>(0, top);
      const uint8_t* from = in + (row / g.out_h * g.in_h + y0) * p.row_bytes;
      p.rows = std::min(g.in_h, top + g.filter_h) - y0;
      for (int64_t column = 0; column < g.out_w; ++column) {
        const int64_t left = column * g.stride_w - g.pad_w, x0 = std::max<int64_t>(0, left);
        p.columns = std::min(g.in_w, left + g.filter_w) - x0;
        pool(p, from + x0 * g.channels, g.channels, out + (row * g.out_w + column) * g.channels);
      }
    }
  };
  ctx.on_run([=](RunContext& run) {
    const uint8_t* in = run.input<uint8_t>(0);
    uint8_t* out = run.output<uint8_t>(0);
    run.parallel_for(rows, cost, [&](int64_t begin, int64_t end, int) { run_rows(in, out, begin, end); });
  });
  if (ctx.input(0).shape[0] != 1 || rows == 0) return;
  RowWork work;
  work.in_rows = g.in_h, work.out_rows = g.out_h;
  work.stride = g.stride_h, work.pad = g.pad_h, work.extent = g.filter_h;
  work.cost = cost;
  work.inputs = {0};
  work.run = [run_rows](const RunContext&, int, const void* in, void* out, int64_t begin, int64_t end, int) {
    run_rows(static_cast<const uint8_t*>(in), static_cast<uint8_t*>(out), begin, end);
  };
  ctx.on_rows(std::move(work));
}

}  // namespace

void prepare_average_pool_2d(PrepareContext& ctx) {
  Geometry g = pool_geometry(ctx);
  const std::string& activation = ctx.attributes().text("fused_activation_function");
  const TensorInfo& out = ctx.output(0);
  switch (out.dtype) {
    case DType::float32: return run_pool(ctx, g, FloatAverage{activation_range(activation)});
    case DType::int8: return run_pool(ctx, g, IntegerAverage<int8_t>{quantized_activation_range(activation, out)});
    case DType::uint8: return run_pool(ctx, g, IntegerAverage<uint8_t>{quantized_activation_range(activation, out)});
    case DType::int16: return run_pool(ctx, g, IntegerAverage<int16_t>{quantized_activation_range(activation, out)});
    default: fail("input is ", dtype_name(out.dtype), "; float32, int8, uint8 or int16 expected");
  }
}

void prepare_max_pool_2d(PrepareContext& ctx) {
  Geometry g = pool_geometry(ctx);
  const std::string& activation = ctx.attributes().text("fused_activation_function");
  const TensorInfo& out = ctx.output(0);
  switch (out.dtype) {
    case DType::float32: return run_pool(ctx, g, Maximum<float, float>{activation_range(activation)});
    case DType::int8:
    case DType::uint8: return run_max_bytes(ctx, g, quantized_activation_range(activation, out));
    case DType::int16: return run_pool(ctx, g, Maximum<int16_t, int32_t>{quantized_activation_range(activation, out)});
    default: fail("input is ", dtype_name(out.dtype), "; float32, int8, uint8 or int16 expected");
  }
}

void prepare_l2_pool_2d(PrepareContext& ctx) {
  Geometry g = pool_geometry(ctx);
  check(ctx.output(0).dtype == DType::float32, "input is ", dtype_name(ctx.output(0).dtype), "; float32 expected");
  run_pool(ctx, g, RootMeanSquare{activation_range(ctx.attributes().text("fused_activation_function"))});
}

}  // namespace sanderling
