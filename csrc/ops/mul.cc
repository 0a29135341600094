// MUL.
#include "kernels/mul_q8/mul_q8.h"
#include "ops/elementwise.h"
#include "quant/right_rescale.h"

namespace sanderling {
namespace {

Multiplier output_multiplier(PrepareContext& ctx) {
  // In float, as the reference does it.
  return quantize_multiplier(ctx.input(0).scale() * ctx.input(1).scale() / ctx.output(0).scale());
}

void prepare_q8(PrepareContext& ctx, const Broadcast& loops, Range<int32_t> range) {
  const TensorInfo& y = ctx.output(0);
  const int32_t flip = y.dtype == DType::uint8 ? 128 : 0;
  MulQ8 p;
  for (int k = 0; k < 2; ++k) p.input_zero_point[k] = ctx.input(k).zero_point() - flip;
  p.output = output_multiplier(ctx);
  p.zero_point = y.zero_point() - flip;
  p.low = range.low - flip;
  p.high = range.high - flip;
  p.flip = static_cast<uint8_t>(flip);
  make_table(p);
  const FunctionRow<MulQ8Kernel>& kernel = choose_mul_q8(ctx.isa());
  ctx.set_kernel(kernel.isa, kernel.name);
  ctx.on_run(run_binary_bytes(
      ctx, loops, 0.3,
      [p, multiply = kernel.run](const void* a, int64_t step_a, const void* b, int64_t step_b, void* out, int64_t n) {
        multiply(static_cast<const uint8_t*>(a), step_a, static_cast<const uint8_t*>(b), step_b,
                 static_cast<uint8_t*>(out), n, p);
      }));
}

void prepare_int16(PrepareContext& ctx, const Broadcast& loops, Range<int32_t> range) {
  for (const TensorInfo* t : {&ctx.input(0), &ctx.input(1), &ctx.output(0)})
    check(t->zero_point() == 0, "tensor '", t->name, "' is int16 with zero point ", t->zero_point(), "; 0 expected");
  const Multiplier m = output_multiplier(ctx);
  const auto run = [&](auto rescale) {
    return run_binary<int16_t>(loops, 3, [range, rescale](int16_t a, int16_t b) {
      return static_cast<int16_t>(clamp(requantize(int32_t{a} * b, rescale), range.low, range.high));
    });
  };
  ctx.on_run(m.shift <= 0 ? run(right_rescale(m)) : run(m));
}

// int16 operands taken as fractions of 1, the output's 8 bits likewise; scales do not enter.
template <class Out>
void prepare_fractions(PrepareContext& ctx, const Broadcast& loops, Range<int32_t> range) {
  const int32_t zero_point = ctx.output(0).zero_point();
  ctx.on_run(run_binary<int16_t, Out>(loops, 3, [range, zero_point](int16_t a, int16_t b) {
    int32_t product = int32_t{a} * b;
    product = (product + (product >= 0 ? 1 << 14 : 1 - (1 << 14))) / (1 << 15);
    product = product > 32767 ? 32767 : product;
    return static_cast<Out>(clamp(rounding_divide_by_pot(product, 8) + zero_point, range.low, range.high));
  }));
}

template <class T>
T product(T a, T b) {
  if constexpr (std::is_floating_point<T>::value)
    return a * b;
  else
    return static_cast<T>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
}

template <class T>
void prepare_plain(PrepareContext& ctx, const Broadcast& loops, const std::string& activation) {
  const Range<T> range = plain_activation_range<T>(activation);
  ctx.on_run(run_binary<T>(loops, 0.5, [range](T a, T b) { return clamp_to(product(a, b), range); }));
}

}  // namespace

void prepare_mul(PrepareContext& ctx) {
  const Broadcast loops = prepare_binary(ctx);
  const std::string activation = ctx.attributes().text("fused_activation_function");
  const TensorInfo& y = ctx.output(0);
  const DType type = ctx.input(0).dtype;
  if (type == DType::int16 && (y.dtype == DType::int8 || y.dtype == DType::uint8)) {
    const Range<int32_t> range = quantized_activation_range(activation, y);
    return y.dtype == DType::int8 ? prepare_fractions<int8_t>(ctx, loops, range)
                                  : prepare_fractions<uint8_t>(ctx, loops, range);
  }
  expect_output_dtype(ctx, type);
  switch (type) {
    case DType::int8:
    case DType::uint8: return prepare_q8(ctx, loops, quantized_activation_range(activation, y));
    case DType::int16:
      if (!y.quantized()) return prepare_plain<int16_t>(ctx, loops, activation);
      return prepare_int16(ctx, loops, quantized_activation_range(activation, y));
    case DType::int32: return prepare_plain<int32_t>(ctx, loops, activation);
    case DType::uint32: return prepare_plain<uint32_t>(ctx, loops, activation);
    case DType::int64: return prepare_plain<int64_t>(ctx, loops, activation);
    case DType::float32: return prepare_plain<float>(ctx, loops, activation);
    default: fail("inputs are ", dtype_name(type), "; int8, uint8, int16, int32, uint32, int64 or float32 expected");
  }
}

}  // namespace sanderling
