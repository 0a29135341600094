#include "ops/elementwise.h"

#include <cstring>

namespace sanderling {
namespace {

// Elements of operand k for the output's elements from `begin` on.
void expand_bytes(const Broadcast& loops, int k, const uint8_t* x, int64_t begin, int64_t n, uint8_t* out) {
  loops.walk(begin, begin + n, [&](int64_t to, const int64_t* from, int64_t count) {
    if (loops.step(k))
      std::memcpy(out + (to - begin), x + from[k], static_cast<size_t>(count));
    else
      std::memset(out + (to - begin), x[from[k]], static_cast<size_t>(count));
  });
}

}  // namespace

Broadcast prepare_binary(PrepareContext& ctx) {
  ctx.expect_inputs(2, 2);
  ctx.expect_outputs(1);
  const TensorInfo &a = ctx.input(0), &b = ctx.input(1);
  check(a.dtype == b.dtype, "input 0 is ", dtype_name(a.dtype), " but input 1 is ", dtype_name(b.dtype));
  Shape shape = broadcast_shape({a.shape, b.shape});
  ctx.set_output_shape(0, shape);
  return Broadcast(shape, {a.shape, b.shape});
}

void expect_output_dtype(PrepareContext& ctx, DType wanted) {
  DType t = ctx.output(0).dtype;
  check(t == wanted, "output is ", dtype_name(t), "; ", dtype_name(wanted), " expected");
}

RunFunction run_binary_rows(const Broadcast& loops, double cost, int64_t bytes, int64_t out_bytes, BinaryRow row) {
  return [loops, cost, bytes, out_bytes, row = std::move(row)](RunContext& run) {
    const char *a = run.input<char>(0), *b = run.input<char>(1);
    char* out = run.output<char>(0);
    run.parallel_for(loops.elements(), cost, [&](int64_t begin, int64_t end, int) {
      const int64_t step_a = loops.step(0), step_b = loops.step(1);
      loops.each_row(begin, end, [&](int64_t to, const int64_t* from, int64_t n) {
        row(a + from[0] * bytes, step_a, b + from[1] * bytes, step_b, out + to * out_bytes, n);
      });
    });
  };
}

void offer_binary_rows(PrepareContext& ctx, double cost, int64_t bytes, BinaryRow row) {
  const Shape& shape = ctx.input(0).shape;
  if (shape != ctx.input(1).shape || shape.rank() != 4 || shape[0] != 1 || shape.elements() == 0) return;
  const int64_t elements = shape.elements(2, 4);
  RowWork rows;
  rows.in_rows = rows.out_rows = shape[1];
  rows.cost = cost * static_cast<double>(elements);
  rows.inputs = {0, 1};
  rows.run = [elements, bytes, row = std::move(row)](const RunContext& run, int input, const void* in, void* out,
                                                     int64_t begin, int64_t end, int) {
    const void* x[2] = {run.input<void>(0), run.input<void>(1)};
    x[input] = in;
    const int64_t at = begin * elements * bytes;
    row(static_cast<const char*>(x[0]) + at, 1, static_cast<const char*>(x[1]) + at, 1, static_cast<char*>(out) + at,
        (end - begin) * elements);
  };
  ctx.on_rows(std::move(rows));
}

RunFunction run_binary_bytes(PrepareContext& ctx, const Broadcast& loops, double cost, BinaryRow row) {
  constexpr int64_t kShort = 64, kPart = 2048;
  if (loops.row() >= kShort || loops.row() >= loops.elements())
    return run_binary_rows(loops, cost, 1, 1, std::move(row));
  const int64_t part = kPart / loops.row() * loops.row();
  const int parts = ctx.scratch(static_cast<size_t>(2 * kPart * ctx.threads()));
  return [loops, cost, part, parts, row = std::move(row)](RunContext& run) {
    const uint8_t* inputs[2] = {run.input<uint8_t>(0), run.input<uint8_t>(1)};
    uint8_t* out = run.output<uint8_t>(0);
    run.parallel_for(loops.elements(), cost, [&](int64_t begin, int64_t end, int thread) {
      for (int64_t at = begin; at < end; at += part) {
        const int64_t n = end - at < part ? end - at : part;
        const uint8_t* rows[2];
        for (int k = 0; k < 2; ++k) {
          uint8_t* own = run.scratch<uint8_t>(parts) + (2 * thread + k) * kPart;
          rows[k] = loops.contiguous(k) ? inputs[k] + at : own;
          // Every part is whole rows long: what repeats, repeats in all of them alike.
          if (rows[k] == own && (at == begin || !loops.repeats(k))) expand_bytes(loops, k, inputs[k], at, n, own);
        }
        row(rows[0], 1, rows[1], 1, out + at, n);
      }
    });
  };
}

}  // namespace sanderling
