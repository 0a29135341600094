// PRELU: x, or alpha * x where x is negative; alpha broadcasts to x.
#include "ops/activation.h"
#include "ops/broadcast.h"
#include "ops/op.h"
#include "quant/right_rescale.h"

namespace sanderling {
namespace {

// out = f(x, alpha) over all elements.
template <class T, class Alpha, class F>
void run_prelu(PrepareContext& ctx, double cost, const F& f) {
  const Shape& shape = ctx.input(0).shape;
  const Broadcast loops(shape, {shape, ctx.input(1).shape});
  ctx.on_run([loops, cost, f](RunContext& run) {
    const T* x = run.input<T>(0);
    const Alpha* alpha = run.input<Alpha>(1);
    T* out = run.output<T>(0);
    run.parallel_for(loops.elements(), cost, [&](int64_t begin, int64_t end, int) {
      loops.walk(begin, end, [&](int64_t to, const int64_t* from, int64_t n) {
        const T* row = x + from[0];
        const Alpha* a = alpha + from[1];
        T* __restrict result = out + to;
        // x moves on with the output, unless all extents are 1.
        if (loops.step(1)) {
          for (int64_t i = 0; i < n; ++i) result[i] = f(row[i], a[i]);
        } else {
          const Alpha one = *a;
          for (int64_t i = 0; i < n; ++i) result[i] = f(row[i], one);
        }
      });
    });
  });
}

template <class T, class Alpha>
void prepare_quantized(PrepareContext& ctx) {
  const TensorInfo &x = ctx.input(0), &alpha = ctx.input(1), &y = ctx.output(0);
  const Multiplier positive = quantize_multiplier(static_cast<double>(x.scale() / y.scale()));
  const Multiplier negative = quantize_multiplier(static_cast<double>(x.scale() * alpha.scale() / y.scale()));
  const int32_t in_zero = x.zero_point(), alpha_zero = alpha.zero_point(), out_zero = y.zero_point();
  const Range<int32_t> all = dtype_range(y.dtype);
  auto run = [&](auto up, auto down) {
    run_prelu<T, Alpha>(ctx, 4, [=](T q, Alpha a) {
      const int32_t value = q - in_zero;
      const int32_t scaled = value >= 0 ? requantize(value, up) : requantize(value * (a - alpha_zero), down);
      return static_cast<T>(clamp(wrapping_add(scaled, out_zero), all.low, all.high));
    });
  };
  if (positive.shift <= 0 && negative.shift <= 0)
    run(right_rescale(positive), right_rescale(negative));
  else
    run(positive, negative);
}

}  // namespace

void prepare_prelu(PrepareContext& ctx) {
  ctx.expect_inputs(2, 2);
  ctx.expect_outputs(1);
  const TensorInfo &x = ctx.input(0), &alpha = ctx.input(1);
  const DType out = ctx.output(0).dtype;
  check(x.dtype == out, "input is ", dtype_name(x.dtype), " but output is ", dtype_name(out));
  check(broadcast_shape({x.shape, alpha.shape}) == x.shape, "alpha of shape ", alpha.shape,
        " does not broadcast to the input's ", x.shape);
  ctx.set_output_shape(0, x.shape);
  auto expect_alpha = [&](DType wanted) {
    check(alpha.dtype == wanted, "alpha is ", dtype_name(alpha.dtype), "; ", dtype_name(wanted),
          " expected for an input of ", dtype_name(x.dtype));
  };
  switch (x.dtype) {
    case DType::float32:
      expect_alpha(DType::float32);
      return run_prelu<float, float>(ctx, 0.5, [](float v, float a) { return v >= 0.0f ? v : v * a; });
    case DType::int8: expect_alpha(DType::int8); return prepare_quantized<int8_t, int8_t>(ctx);
    case DType::uint8: expect_alpha(DType::uint8); return prepare_quantized<uint8_t, uint8_t>(ctx);
    case DType::int16: expect_alpha(DType::int8); return prepare_quantized<int16_t, int8_t>(ctx);
    default: fail("input is ", dtype_name(x.dtype), "; float32, int8, uint8 or int16 expected");
  }
}

}  // namespace sanderling
