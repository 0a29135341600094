// MAXIMUM, MINIMUM: on the stored values, whatever the quantization.
#include "ops/elementwise.h"

namespace sanderling {
namespace {

struct Larger {
  template <class T>
  T operator()(T a, T b) const {
    return a > b ? a : b;
  }
};

struct Smaller {
  template <class T>
  T operator()(T a, T b) const {
    return a < b ? a : b;
  }
};

template <class Choose>
RunFunction run_of(const Broadcast& loops, DType type) {
  switch (type) {
    case DType::int8: return run_binary<int8_t>(loops, 0.2, Choose());
    case DType::uint8: return run_binary<uint8_t>(loops, 0.2, Choose());
    case DType::int16: return run_binary<int16_t>(loops, 0.3, Choose());
    case DType::int32: return run_binary<int32_t>(loops, 0.5, Choose());
    case DType::int64: return run_binary<int64_t>(loops, 1, Choose());
    case DType::float32: return run_binary<float>(loops, 0.5, Choose());
    default: fail("inputs are ", dtype_name(type), "; int8, uint8, int16, int32, int64 or float32 expected");
  }
}

template <class Choose>
void prepare(PrepareContext& ctx) {
  const Broadcast loops = prepare_binary(ctx);
  expect_output_dtype(ctx, ctx.input(0).dtype);
  ctx.on_run(run_of<Choose>(loops, ctx.input(0).dtype));
}

}  // namespace

void prepare_maximum(PrepareContext& ctx) { prepare<Larger>(ctx); }
void prepare_minimum(PrepareContext& ctx) { prepare<Smaller>(ctx); }

}  // namespace sanderling
