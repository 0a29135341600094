#include "ops/lookup_table.h"

#include <algorithm>

#include "kernels/lut_q8/lut_q8.h"
#include "ops/cost.h"
#include "ops/unary.h"

namespace sanderling {
namespace {

// Nanoseconds of an element.
double cost(const FunctionRow<LutQ8Kernel>& kernel) { return 0.5 / kernel_speed(kernel.isa); }

}  // namespace

Table8 make_table8(DType in, DType out, FunctionRef<int64_t(int32_t)> f) {
  const Range<int32_t> from = dtype_range(in), to = dtype_range(out);
  Table8 table;
  for (int32_t q = from.low; q <= from.high; ++q) {
    const int64_t y = f(q);
    table[static_cast<uint8_t>(q)] = static_cast<uint8_t>(y < to.low ? to.low : (y > to.high ? to.high : y));
  }
  return table;
}

Table8 make_real_table8(const TensorInfo& x, const TensorInfo& y, FunctionRef<float(float)> f) {
  const float in_scale = x.scale(), inverse_scale = 1 / y.scale();
  const int32_t in_zero = x.zero_point(), out_zero = y.zero_point();
  return make_table8(x.dtype, y.dtype, [&](int32_t q) {
    const float transformed = f(in_scale * static_cast<float>(q - in_zero));
    return saturate_cast<int32_t>(std::round(transformed * inverse_scale) + static_cast<float>(out_zero));
  });
}

template <class Float>
Table16 Table16::make(Float in_scale, int32_t in_zero, Float out_scale, int32_t out_zero, FunctionRef<Float(Float)> f) {
  const Float in_low = in_scale * static_cast<Float>(-32768 - in_zero);
  const Float in_high = in_scale * static_cast<Float>(32767 - in_zero);
  const Float out_low = out_scale * static_cast<Float>(-32768 - out_zero);
  const Float out_high = out_scale * static_cast<Float>(32767 - out_zero);
  const Float step = (in_high - in_low) / kSteps, half_step = step / 2;
  const Float to_steps = static_cast<Float>(65536) / (out_high - out_low);
  Table16 table;
  for (int i = 0; i < kSteps; ++i) {
    const Float at = in_low + static_cast<Float>(i) * step;
    const Float sample = std::round(f(at) * to_steps);
    const Float middle = std::round(f(at + half_step) * to_steps);
    const Float next = f(in_low + static_cast<Float>(i + 1) * step) * to_steps;
    // Half of the straight line's error in the middle of the interval is taken off the sample.
    const Float error = std::round((next + sample) / 2) - middle;
    table.values_[i] = saturate_cast<int16_t>(sample - std::round(error / 2));
  }
  table.values_[kSteps] = saturate_cast<int16_t>(std::round(f(in_high) * to_steps));
  return table;
}

template Table16 Table16::make(float, int32_t, float, int32_t, FunctionRef<float(float)>);
template Table16 Table16::make(double, int32_t, double, int32_t, FunctionRef<double(double)>);

RunFunction table8_function(PrepareContext& ctx, const Table8& table) {
  int64_t n = ctx.input(0).shape.elements();
  const FunctionRow<LutQ8Kernel>& kernel = choose_lut_q8(ctx.isa());
  ctx.set_kernel(kernel.isa, kernel.name);
  return [n, table, cost = cost(kernel), look_up = kernel.run](RunContext& run) {
    const uint8_t* x = run.input<uint8_t>(0);
    uint8_t* out = run.output<uint8_t>(0);
    run.parallel_for(
        n, cost, [&](int64_t begin, int64_t end, int) { look_up(x + begin, out + begin, end - begin, table.data()); });
  };
}

void run_table8(PrepareContext& ctx, const Table8& table) {
  ctx.on_run(table8_function(ctx, table));
  const FunctionRow<LutQ8Kernel>& kernel = choose_lut_q8(ctx.isa());
  offer_unary_rows(ctx, cost(kernel), 1, 1, [table, look_up = kernel.run](const void* x, void* out, int64_t n) {
    look_up(static_cast<const uint8_t*>(x), static_cast<uint8_t*>(out), n, table.data());
  });
}

// LOOKUP_TABLE: output byte table[x] for each byte x of input 0; the table is input 1. Made of other operators at load.
void prepare_lookup_table(PrepareContext& ctx) {
  ctx.expect_inputs(2, 2);
  const TensorInfo& x = ctx.input(0);
  const DType out = ctx.output(0).dtype;
  check(dtype_size(x.dtype) == 1 && dtype_size(out) == 1 && x.dtype != DType::boolean && out != DType::boolean,
        "input is ", dtype_name(x.dtype), " and output ", dtype_name(out), "; int8 or uint8 expected");
  check(ctx.input(1).shape == Shape({256}), "the table has shape ", ctx.input(1).shape, "; [256] expected");
  Table8 table;
  std::copy_n(ctx.value<uint8_t>(1), table.size(), table.begin());
  ctx.set_output_shape(0, x.shape);
  run_table8(ctx, table);
}

RunFunction table16_function(PrepareContext& ctx, const Table16& table) {
  return unary_function<int16_t>(ctx, 1.5, [table](int16_t x) { return table(x); });
}

void run_table16(PrepareContext& ctx, const Table16& table) { ctx.on_run(table16_function(ctx, table)); }

}  // namespace sanderling
