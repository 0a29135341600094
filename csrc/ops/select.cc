// SELECT, SELECT_V2: out = condition ? x : y.
#include <cstring>

#include "ops/broadcast.h"
#include "ops/op.h"

namespace sanderling {
namespace {

// A row; step 1: the operand moves on, 0: one value for all.
template <class T>
void select_row(const uint8_t* condition, int64_t step_c, const T* x, int64_t step_x, const T* y, int64_t step_y,
                T* out, int64_t n) {
  if (step_c == 0) {
    const T* from = *condition ? x : y;
    if (*condition ? step_x : step_y)
      std::memcpy(out, from, static_cast<size_t>(n) * sizeof(T));
    else
      for (int64_t i = 0; i < n; ++i) out[i] = *from;
  } else if (step_x && step_y) {
    for (int64_t i = 0; i < n; ++i) {
      const T a = x[i], b = y[i];
      out[i] = condition[i] ? a : b;
    }
  } else {
    for (int64_t i = 0; i < n; ++i) {
      const T a = x[i * step_x], b = y[i * step_y];
      out[i] = condition[i] ? a : b;
    }
  }
}

template <class T>
RunFunction run_select(const Broadcast& loops) {
  return [loops](RunContext& run) {
    const uint8_t* condition = run.input<uint8_t>(0);
    const T *x = run.input<T>(1), *y = run.input<T>(2);
    T* out = run.output<T>(0);
    run.parallel_for(loops.elements(), 0.5, [&](int64_t begin, int64_t end, int) {
      loops.walk(begin, end, [&](int64_t to, const int64_t* from, int64_t n) {
        select_row(condition + from[0], loops.step(0), x + from[1], loops.step(1), y + from[2], loops.step(2), out + to,
                   n);
      });
    });
  };
}

// The values are copied as they are, whatever they mean.
RunFunction run_by_size(DType type, const Broadcast& loops) {
  check(type != DType::int4 && type != DType::resource, "values are ", dtype_name(type), ", which cannot be selected");
  switch (dtype_size(type)) {
    case 1: return run_select<uint8_t>(loops);
    case 2: return run_select<uint16_t>(loops);
    case 4: return run_select<uint32_t>(loops);
    default: return run_select<uint64_t>(loops);
  }
}

void check_types(PrepareContext& ctx) {
  ctx.expect_inputs(3, 3);
  ctx.expect_outputs(1);
  const DType condition = ctx.input(0).dtype, x = ctx.input(1).dtype, y = ctx.input(2).dtype;
  check(condition == DType::boolean, "the condition is ", dtype_name(condition), "; bool expected");
  check(x == y, "input 1 is ", dtype_name(x), " but input 2 is ", dtype_name(y));
  check(ctx.output(0).dtype == x, "output is ", dtype_name(ctx.output(0).dtype), "; ", dtype_name(x), " expected");
}

void prepare_broadcast(PrepareContext& ctx) {
  const Shape &condition = ctx.input(0).shape, &x = ctx.input(1).shape, &y = ctx.input(2).shape;
  const Shape shape = broadcast_shape({condition, x, y});
  ctx.set_output_shape(0, shape);
  ctx.on_run(run_by_size(ctx.input(1).dtype, Broadcast(shape, {condition, x, y})));
}

}  // namespace

void prepare_select(PrepareContext& ctx) {
  check_types(ctx);
  Shape condition = ctx.input(0).shape;
  const Shape &x = ctx.input(1).shape, &y = ctx.input(2).shape;
  // Tensors of one element each may differ in rank.
  if (condition.elements() == 1 && x.elements() == 1 && y.elements() == 1) return prepare_broadcast(ctx);
  check(x == y, "input 1 is ", x, " but input 2 is ", y);
  if (condition.rank() == 1 && x.rank() > 1) {
    // One condition for each slice of the first dimension.
    std::vector<int64_t> dims(static_cast<size_t>(x.rank()), 1);
    dims[0] = condition[0];
    condition = Shape(dims);
  }
  const bool by_slice = condition.rank() == x.rank() && ctx.input(0).shape.rank() == 1 && condition[0] == x[0];
  check(condition.rank() == 0 || condition == x || by_slice, "the condition is ", ctx.input(0).shape, "; a scalar, ", x,
        " or one for each slice of the first dimension expected");
  ctx.set_output_shape(0, x);
  ctx.on_run(run_by_size(ctx.input(1).dtype, Broadcast(x, {condition, x, y})));
}

void prepare_select_v2(PrepareContext& ctx) {
  check_types(ctx);
  prepare_broadcast(ctx);
}

}  // namespace sanderling
