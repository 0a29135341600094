// CONCATENATION: inputs side by side along one axis.
#include <array>
#include <cmath>
#include <vector>

#include "kernels/lut_q8/lut_q8.h"
#include "ops/movement.h"

namespace sanderling {
namespace {

using Table = std::array<uint8_t, 256>;

// uint8 only: TFLite's reference rescales in float, each product and sum rounded.
Table rescaling(ScaleAndZero in, ScaleAndZero out) {
  Table table;
  const float inverse = 1.0f / out.scale;
  const float scale = in.scale * inverse;
  const float bias = static_cast<float>(-in.zero_point) * scale;
  for (int q = 0; q < 256; ++q) {
    float rounded = std::round(static_cast<float>(q) * scale + bias);
    // Beyond these the result is a bound whatever the zero point; a NaN, from a damaged scale, becomes 0.
    float bounded = rounded < -512.0f ? -512.0f : (rounded > 512.0f ? 512.0f : rounded);
    int32_t value = std::isnan(bounded) ? 0 : static_cast<int32_t>(bounded) + out.zero_point;
    table[static_cast<size_t>(q)] = static_cast<uint8_t>(value < 0 ? 0 : (value > 255 ? 255 : value));
  }
  return table;
}

struct Part {
  StridedCopy copy;
  int64_t length = 0;  // elements of one run
  int64_t start = 0;   // first element in the output's run
  bool rescaled = false;
  Table table{};
};

void rescale(const RunContext& run, const Part& part, LutQ8Kernel* look_up, const uint8_t* from, uint8_t* to,
             int64_t outer, int64_t stride) {
  if (part.length == 0) return;
  run.parallel_for(outer, static_cast<double>(part.length) * 0.5, [&](int64_t begin, int64_t end, int) {
    for (int64_t k = begin; k < end; ++k)
      look_up(from + k * part.length, to + k * stride + part.start, part.length, part.table.data());
  });
}

void check_quantization(const TensorInfo& in, const TensorInfo& out) {
  if (out.dtype == DType::int8) expect_same_quantization(in, out);
  if (out.dtype == DType::int16) {
    check(scale_and_zero(in).zero_point == 0 && scale_and_zero(out).zero_point == 0,
          "int16 inputs and output must have zero point 0");
  }
}

}  // namespace

void prepare_concatenation(PrepareContext& ctx) {
  ctx.expect_outputs(1);
  check(ctx.num_inputs() >= 1, "has no inputs");
  expect_movable(ctx, 0);
  expect_same_dtype(ctx, 0, 0);
  check(!ctx.attributes().has("fused_activation_function") ||
            ctx.attributes().text("fused_activation_function") == "NONE",
        "option 'fused_activation_function' must be NONE");
  // Scalars make a vector.
  auto shape_of = [&](int i) { return ctx.input(i).shape.extended(std::max(ctx.input(i).shape.rank(), 1)); };
  const TensorInfo& out = ctx.output(0);
  Shape shape = shape_of(0);
  const int axis = axis_in(ctx.attributes().integer("axis", 0), shape.rank());
  int64_t sum = shape[axis];
  for (int i = 1; i < ctx.num_inputs(); ++i) {
    expect_same_dtype(ctx, i, 0);
    Shape s = shape_of(i);
    check(s.rank() == shape.rank() && s.with(axis, 0) == shape.with(axis, 0), "input ", i, " has shape ",
          ctx.input(i).shape, ", which does not fit ", ctx.input(0).shape, " but for axis ", axis);
    sum += s[axis];
    check(sum <= Shape::kMaxElements, "the inputs have too many elements");
  }
  shape = shape.with(axis, sum);
  ctx.set_output_shape(0, shape);

  const int64_t outer = shape.elements(0, axis);
  const int64_t inner = shape.elements(axis + 1, shape.rank());
  const int64_t stride = sum * inner;
  std::vector<Part> parts;
  int64_t start = 0;
  for (int i = 0; i < ctx.num_inputs(); ++i) {
    const TensorInfo& in = ctx.input(i);
    check_quantization(in, out);
    Part part{StridedCopy(dtype_size(in.dtype))};
    part.start = start;
    part.length = shape_of(i)[axis] * inner;
    start += part.length;
    ScaleAndZero from = scale_and_zero(in), to = scale_and_zero(out);
    part.rescaled = out.dtype == DType::uint8 && !(from.scale == to.scale && from.zero_point == to.zero_point);
    if (part.rescaled) part.table = rescaling(from, to);
    part.copy.add(outer, part.length, stride);
    part.copy.add(part.length, 1, 1);
    part.copy.offset(0, part.start);
    part.copy.simplify();
    parts.push_back(part);
  }
  LutQ8Kernel* look_up = choose_lut_q8(ctx.isa()).run;
  ctx.on_run([parts = std::move(parts), look_up, outer, stride](RunContext& run) {
    for (size_t i = 0; i < parts.size(); ++i) {
      int input = static_cast<int>(i);
      if (parts[i].rescaled)
        rescale(run, parts[i], look_up, run.input<uint8_t>(input), run.output<uint8_t>(0), outer, stride);
      else
        parts[i].copy.run(run, run.input<char>(input), run.output<char>(0));
    }
  });
}

}  // namespace sanderling
