// ONE_HOT: along a new axis on_value at each index and off_value elsewhere; indices outside give off_value only.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "ops/op.h"

namespace sanderling {
namespace {

// The output as [outer, depth, inner], the indices as [outer, inner].
struct OneHotView {
  int64_t outer, depth, inner;
};

// Bits: an unsigned integer of the element's size.
template <class Bits>
void run_one_hot(PrepareContext& ctx, const OneHotView& v) {
  double cost = static_cast<double>(v.depth) * static_cast<double>(v.inner) * 0.2 + static_cast<double>(v.inner) * 2;
  ctx.on_run([=, narrow = ctx.input(0).dtype == DType::int32](RunContext& run) {
    const int32_t* narrow_indices = run.input<int32_t>(0);
    const int64_t* indices = run.input<int64_t>(0);
    Bits on = *run.input<Bits>(2), off = *run.input<Bits>(3);
    Bits* out = run.output<Bits>(0);
    run.parallel_for(v.depth * v.inner == 0 ? 0 : v.outer, cost, [&](int64_t begin, int64_t end, int) {
      std::fill(out + begin * v.depth * v.inner, out + end * v.depth * v.inner, off);
      for (int64_t o = begin; o < end; ++o)
        for (int64_t i = 0; i < v.inner; ++i) {
          // The reference compares the low 32 bits of int64 indices.
          const int64_t k = o * v.inner + i;
          const int32_t at = narrow ? narrow_indices[k] : static_cast<int32_t>(indices[k]);
          if (at >= 0 && at < v.depth) out[(o * v.depth + at) * v.inner + i] = on;
        }
    });
  });
}

}  // namespace

void prepare_one_hot(PrepareContext& ctx) {
  ctx.expect_inputs(4, 4);
  ctx.expect_outputs(1);
  const TensorInfo& indices = ctx.input(0);
  check(indices.dtype == DType::int32 || indices.dtype == DType::int64, "indices are ", dtype_name(indices.dtype),
        "; int32 or int64 expected");
  DType t = ctx.output(0).dtype;
  for (int i : {2, 3})
    check(ctx.input(i).dtype == t, "input ", i, " is ", dtype_name(ctx.input(i).dtype), " but output is ",
          dtype_name(t));
  for (int i : {1, 2, 3})
    check(ctx.input(i).shape.elements() == 1, "input ", i, " has shape ", ctx.input(i).shape, "; one number expected");
  int rank = indices.shape.rank();
  int64_t given = ctx.attributes().integer_in("axis", -1, rank);
  int axis = given == -1 ? rank : static_cast<int>(given);
  int64_t depth = ctx.int_values(1)[0];
  check(depth >= 0, "depth is ", depth, "; at least 0 expected");
  std::vector<int64_t> dims(indices.shape.begin(), indices.shape.end());
  dims.insert(dims.begin() + axis, depth);
  ctx.set_output_shape(0, Shape(dims));
  OneHotView v{indices.shape.elements(0, axis), depth, indices.shape.elements(axis, rank)};
  switch (t) {
    case DType::boolean:
    case DType::int8:
    case DType::uint8: return run_one_hot<uint8_t>(ctx, v);
    case DType::int16: return run_one_hot<uint16_t>(ctx, v);
    case DType::float32:
    case DType::int32: return run_one_hot<uint32_t>(ctx, v);
    case DType::int64: return run_one_hot<uint64_t>(ctx, v);
    default: fail("output is ", dtype_name(t), "; float32, int8, uint8, int16, int32, int64 or bool expected");
  }
}

}  // namespace sanderling
