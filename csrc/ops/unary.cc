#include "ops/unary.h"

#include <memory>

namespace sanderling {

const TensorInfo& prepare_unary(PrepareContext& ctx) {
  ctx.expect_inputs(1, 1);
  ctx.expect_outputs(1);
  const TensorInfo& x = ctx.input(0);
  ctx.set_output_shape(0, x.shape);
  return x;
}

void expect_same_dtype(PrepareContext& ctx) {
  DType x = ctx.input(0).dtype, y = ctx.output(0).dtype;
  check(x == y, "input is ", dtype_name(x), " but output is ", dtype_name(y));
}

void fail_dtype(DType t, const char* supported) { fail("input is ", dtype_name(t), "; ", supported, " expected"); }

RunFunction unary_rows_function(PrepareContext& ctx, double cost, int64_t bytes, int64_t out_bytes, UnaryRow row) {
  return [n = ctx.input(0).shape.elements(), cost, bytes, out_bytes, row = std::move(row)](RunContext& run) {
    const char* x = run.input<char>(0);
    char* out = run.output<char>(0);
    run.parallel_for(n, cost, [&](int64_t begin, int64_t end, int) {
      row(x + begin * bytes, out + begin * out_bytes, end - begin);
    });
  };
}

void offer_unary_rows(PrepareContext& ctx, double cost, int64_t bytes, int64_t out_bytes, UnaryRow row) {
  const Shape& shape = ctx.input(0).shape;
  if (shape.rank() != 4 || shape[0] != 1 || shape.elements() == 0) return;
  const int64_t elements = shape.elements(2, 4);
  RowWork rows;
  rows.in_rows = rows.out_rows = shape[1];
  rows.cost = cost * static_cast<double>(elements);
  rows.inputs = {0};
  rows.run = [from = elements * bytes, to = elements * out_bytes, elements, row = std::move(row)](
                 const RunContext&, int, const void* in, void* out, int64_t begin, int64_t end, int) {
    row(static_cast<const char*>(in) + begin * from, static_cast<char*>(out) + begin * to, (end - begin) * elements);
  };
  ctx.on_rows(std::move(rows));
}

void run_unary_rows(PrepareContext& ctx, double cost, int64_t bytes, int64_t out_bytes, UnaryRow row) {
  const auto shared = std::make_shared<const UnaryRow>(std::move(row));
  const auto call = [shared](const void* x, void* out, int64_t n) { (*shared)(x, out, n); };
  ctx.on_run(unary_rows_function(ctx, cost, bytes, out_bytes, call));
  offer_unary_rows(ctx, cost, bytes, out_bytes, call);
}

}  // namespace sanderling
