// LOGICAL_AND, LOGICAL_OR, LOGICAL_NOT, BITWISE_XOR, RIGHT_SHIFT.
#include "ops/elementwise.h"

namespace sanderling {
namespace {

// Truth values are read as bytes: a file may hold others than 0 and 1, which a bool may not.
template <class F>
void prepare_logical(PrepareContext& ctx, const F& f) {
  const Broadcast loops = prepare_binary(ctx);
  const DType type = ctx.input(0).dtype;
  check(type == DType::boolean, "inputs are ", dtype_name(type), "; bool expected");
  expect_output_dtype(ctx, type);
  ctx.on_run(run_binary<uint8_t>(loops, 0.2, f));
}

struct Xor {
  template <class T>
  T operator()(T a, T b) const {
    return static_cast<T>(a ^ b);
  }
};

struct ShiftRight {
  template <class T>
  T operator()(T x, T by) const {
    constexpr T most = sizeof(T) * 8 - 1;
    return static_cast<T>(x >> (by < 0 ? T{0} : (by > most ? most : by)));
  }
};

// Integers of up to 32 bits.
template <class F>
void prepare_integers(PrepareContext& ctx) {
  const Broadcast loops = prepare_binary(ctx);
  const DType type = ctx.input(0).dtype;
  expect_output_dtype(ctx, type);
  switch (type) {
    case DType::int8: return ctx.on_run(run_binary<int8_t>(loops, 0.3, F()));
    case DType::uint8: return ctx.on_run(run_binary<uint8_t>(loops, 0.3, F()));
    case DType::int16: return ctx.on_run(run_binary<int16_t>(loops, 0.3, F()));
    case DType::uint16: return ctx.on_run(run_binary<uint16_t>(loops, 0.3, F()));
    case DType::int32: return ctx.on_run(run_binary<int32_t>(loops, 0.5, F()));
    case DType::uint32: return ctx.on_run(run_binary<uint32_t>(loops, 0.5, F()));
    default: fail("inputs are ", dtype_name(type), "; int8, uint8, int16, uint16, int32 or uint32 expected");
  }
}

}  // namespace

void prepare_logical_and(PrepareContext& ctx) {
  prepare_logical(ctx, [](uint8_t a, uint8_t b) { return static_cast<uint8_t>((a != 0) & (b != 0)); });
}

void prepare_logical_or(PrepareContext& ctx) {
  prepare_logical(ctx, [](uint8_t a, uint8_t b) { return static_cast<uint8_t>((a | b) != 0); });
}

void prepare_logical_not(PrepareContext& ctx) {
  ctx.expect_inputs(1, 1);
  ctx.expect_outputs(1);
  const TensorInfo& x = ctx.input(0);
  check(x.dtype == DType::boolean, "input is ", dtype_name(x.dtype), "; bool expected");
  expect_output_dtype(ctx, DType::boolean);
  ctx.set_output_shape(0, x.shape);
  ctx.on_run([n = x.shape.elements()](RunContext& run) {
    const uint8_t* from = run.input<uint8_t>(0);
    uint8_t* out = run.output<uint8_t>(0);
    run.parallel_for(n, 0.2, [=](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) out[i] = from[i] == 0;
    });
  });
}

void prepare_bitwise_xor(PrepareContext& ctx) { prepare_integers<Xor>(ctx); }
void prepare_right_shift(PrepareContext& ctx) { prepare_integers<ShiftRight>(ctx); }

}  // namespace sanderling
