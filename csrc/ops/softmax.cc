// SOFTMAX along the last dimension.
#include "ops/softmax.h"

#include <cmath>

#include "ops/lookup_table.h"
#include "ops/unary.h"
#include "quant/fixed_point32.h"

namespace sanderling {

SoftmaxTable make_softmax_table(double scale) {
  check(scale > 0, "beta times the input's scale is ", scale, "; a number above 0 expected");
  constexpr int kFractionalBits = 26;
  SoftmaxTable t;
  const double real = scale * (1 << kFractionalBits), most = 2147483647.0;
  t.multiplier = quantize_multiplier(real < most ? real : most);
  // Differences that stay above -32 when they are scaled.
  t.diff_min = -saturate_cast<int32_t>(std::floor(std::ldexp(31.0 * (1 << kFractionalBits), -t.multiplier.shift)));
  for (int32_t d = 0; d < 256; ++d) {
    size_t i = static_cast<size_t>(d);
    const bool kept = -d >= t.diff_min;
    t.scaled[i] = kept ? requantize(-d, t.multiplier) : 0;
    t.exp[i] = kept ? fixed32::exp_negative(t.scaled[i]) : 0;
    t.term[i] = static_cast<uint32_t>(rounding_divide_by_pot(t.exp[i], 12));
  }
  return t;
}

namespace {

// One row of 8-bit values; `flip` turns their bytes into unsigned numbers in order.
template <class Out>
void softmax_row(const uint8_t* x, Out* out, int64_t n, uint8_t flip, const SoftmaxTable& t) {
  constexpr int32_t low = std::numeric_limits<Out>::min(), high = std::numeric_limits<Out>::max();
  const int32_t most = row_maximum(x, n, flip);
  // 8192 equal values overflow the reference's sum; here it stays at the largest number.
  uint64_t wide = 0;
  for (int64_t i = 0; i < n; ++i) wide += t.term[static_cast<size_t>(most - (x[i] ^ flip))];
  const uint32_t sum = static_cast<uint32_t>(wide < 0xFFFFFFFFu ? wide : 0xFFFFFFFFu);
  const int zeros = fixed32::leading_zeros(sum);
  const int32_t reciprocal = fixed32::reciprocal_one_plus(static_cast<int32_t>((sum << zeros) - (1u << 31)));
  // Of more than 512 equal values the 8-bit quotients are below one half: 0. (The reference aborts.)
  const int exponent = 12 - zeros + 31 - static_cast<int>(8 * sizeof(Out));
  // fixed32::multiply() and rounding_divide_by_pot() of numbers that are not negative.
  const int shift = exponent > 31 ? 31 : exponent;
  const int64_t factor = exponent > 31 ? 0 : reciprocal, half = int64_t{1} << (shift - 1);
  const auto quotient = [&](int32_t difference) {
    const int64_t product = (factor * t.exp[static_cast<size_t>(difference)] + (int64_t{1} << 30)) >> 31;
    const int64_t y = ((product + half) >> shift) + low;
    return static_cast<Out>(y < high ? y : high);
  };
  if (n < 300) {
    for (int64_t i = 0; i < n; ++i) out[i] = quotient(most - (x[i] ^ flip));
    return;
  }
  // Each byte's result once.
  Out results[256];
  for (int32_t d = 0; d <= most; ++d) results[most - d] = quotient(d);
  for (int64_t i = 0; i < n; ++i) out[i] = results[x[i] ^ flip];
}

template <class Out>
void prepare_quantized(PrepareContext& ctx, double beta) {
  const TensorInfo& x = ctx.input(0);
  const SoftmaxTable table = make_softmax_table(beta * static_cast<double>(x.scale()));
  const uint8_t flip = x.dtype == DType::int8 ? 0x80 : 0;
  const int64_t depth = x.shape.back(1), rows = x.shape.outer();
  ctx.on_run([=](RunContext& run) {
    const uint8_t* from = run.input<uint8_t>(0);
    Out* to = run.output<Out>(0);
    if (depth == 0) return;
    run.parallel_for(rows, 20 + 4.0 * static_cast<double>(depth), [&](int64_t begin, int64_t end, int) {
      for (int64_t r = begin; r < end; ++r) softmax_row(from + r * depth, to + r * depth, depth, flip, table);
    });
  });
}

// int16: exponentials on [-10, 0] and the reciprocal on [1, 2] are tables with straight lines between.
struct Softmax16 {
  Table16 exp, reciprocal;
  Multiplier to_table;

  void row(const int16_t* x, int16_t* out, int64_t n) const {
    int32_t most = -32768;
    for (int64_t i = 0; i < n; ++i) most = x[i] > most ? x[i] : most;
    int32_t sum = 0;
    for (int64_t i = 0; i < n; ++i) {
      int32_t at = wrapping_add(requantize(x[i] - most, to_table), 32767);
      out[i] = exp(clamp(at, -32768, 32767));
      sum = wrapping_add(sum, out[i]);
    }
    // 1 <= the sum's leading zeros <= 31 unless it overflowed, which takes more than 65536 values.
    const int zeros = std::min(std::max(fixed32::leading_zeros(static_cast<uint32_t>(sum)), 1), 30);
    const int64_t normal = (int64_t{sum} * (1 << (zeros - 1)) + (1 << 13)) >> 14;
    const int64_t centred = normal - (1 << 15) - (1 << 16);
    const int32_t factor =
        reciprocal(static_cast<int32_t>(std::min<int64_t>(std::max<int64_t>(centred, -32768), 32767)));
    const int shift = 31 - zeros;
    for (int64_t i = 0; i < n; ++i)
      out[i] = static_cast<int16_t>(clamp((out[i] * factor + (1 << (shift - 1))) >> shift, 0, 32767));
  }
};

void prepare_int16(PrepareContext& ctx, float beta) {
  const TensorInfo &x = ctx.input(0), &y = ctx.output(0);
  check(y.zero_point() == 0 && std::fabs(y.scale() - 1.0f / 32768) <= 0.001f / 32768, "output has scale ", y.scale(),
        " and zero point ", y.zero_point(), "; 1/32768 and 0 expected");
  Softmax16 s;
  s.exp = Table16::make<double>(10.0 / 65535, 32767, 2.0 / 65535, 0, [](double v) { return std::exp(v); });
  s.reciprocal = Table16::make<double>(1.0 / 65535, -32768, 2.0 / 65535, 0, [](double v) { return 1 / (1 + v); });
  s.to_table = quantize_multiplier(static_cast<double>(x.scale() * beta) / (10.0 / 65535));
  const int64_t depth = x.shape.back(1), rows = x.shape.outer();
  ctx.on_run([=](RunContext& run) {
    const int16_t* from = run.input<int16_t>(0);
    int16_t* to = run.output<int16_t>(0);
    run.parallel_for(rows, 20 + 4.0 * static_cast<double>(depth), [&](int64_t begin, int64_t end, int) {
      for (int64_t r = begin; r < end; ++r) s.row(from + r * depth, to + r * depth, depth);
    });
  });
}

// `load` and `store` convert between an element and float.
template <class T, class Load, class Store>
void prepare_real(PrepareContext& ctx, float beta, Load load, Store store) {
  const TensorInfo& x = ctx.input(0);
  const int64_t depth = x.shape.back(1), rows = x.shape.outer();
  ctx.on_run([=](RunContext& run) {
    const T* inputs = run.input<T>(0);
    T* outputs = run.output<T>(0);
    run.parallel_for(rows, 10 + 8.0 * static_cast<double>(depth), [&](int64_t begin, int64_t end, int) {
      for (int64_t r = begin; r < end; ++r) {
        const T* from = inputs + r * depth;
        T* to = outputs + r * depth;
        float most = std::numeric_limits<float>::lowest(), sum = 0;
        for (int64_t i = 0; i < depth; ++i) most = std::max(most, load(from[i]));
        for (int64_t i = 0; i < depth; ++i) {
          float e = std::exp((load(from[i]) - most) * beta);
          to[i] = store(e);
          sum += e;
        }
        for (int64_t i = 0; i < depth; ++i) to[i] = store(load(to[i]) / sum);
      }
    });
  });
}

}  // namespace

void prepare_softmax(PrepareContext& ctx) {
  const TensorInfo& x = prepare_unary(ctx);
  const TensorInfo& y = ctx.output(0);
  check(x.shape.rank() >= 1, "input is a scalar; at least one dimension expected");
  const float beta = static_cast<float>(ctx.attributes().real("beta"));
  const bool eight = x.dtype == DType::int8 || x.dtype == DType::uint8;
  if (eight && y.dtype == DType::int16) return prepare_quantized<int16_t>(ctx, beta);
  expect_same_dtype(ctx);
  switch (x.dtype) {
    case DType::float32: return prepare_real<float>(ctx, beta, [](float v) { return v; }, [](float v) { return v; });
    case DType::float16: return prepare_real<uint16_t>(ctx, beta, half_to_float, float_to_half);
    case DType::int8:
      check(y.zero_point() == -128 && std::fabs(y.scale() - 1.0f / 256) <= 0.001f / 256, "output has scale ", y.scale(),
            " and zero point ", y.zero_point(), "; 1/256 and -128 expected");
      return prepare_quantized<int8_t>(ctx, beta);
    case DType::uint8: return prepare_quantized<uint8_t>(ctx, beta);
    case DType::int16: return prepare_int16(ctx, beta);
    default: fail_dtype(x.dtype, "float32, float16, int8, uint8 or int16");
  }
}

}  // namespace sanderling
