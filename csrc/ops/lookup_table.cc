#include "ops/lookup_table.h"

#include "kernels/lut_q8/lut_q8.h"
#include "ops/unary.h"

namespace sanderling {

RunFunction table8_function(PrepareContext& ctx, const Table8& table) {
  int64_t n = ctx.input(0).shape.elements();
  const FunctionRow<LutQ8Kernel>& kernel = choose_lut_q8(ctx.isa());
  ctx.set_kernel(kernel.isa, kernel.name);
  return [n, table, look_up = kernel.run](RunContext& run) {
    const uint8_t* x = run.input<uint8_t>(0);
    uint8_t* out = run.output<uint8_t>(0);
    run.parallel_for(
        n, 0.5, [&](int64_t begin, int64_t end, int) { look_up(x + begin, out + begin, end - begin, table.data()); });
  };
}

void run_table8(PrepareContext& ctx, const Table8& table) { ctx.on_run(table8_function(ctx, table)); }

RunFunction table16_function(PrepareContext& ctx, const Table16& table) {
  return unary_function<int16_t>(ctx, 1.5, [table](int16_t x) { return table(x); });
}

void run_table16(PrepareContext& ctx, const Table16& table) { ctx.on_run(table16_function(ctx, table)); }

}  // namespace sanderling
