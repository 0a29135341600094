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
