// PAD and PADV2: a border of one value.
#include <array>
#include <cstring>
#include <vector>

#include "ops/movement.h"

namespace sanderling {
namespace {

struct Border {
  int64_t before, count, after;
  int64_t total() const { return before + count + after; }
};

// Bools are read as bytes: a damaged file may hold other values than 0 and 1.
template <class T, class Stored = T>
std::vector<int64_t> widened(PrepareContext& ctx) {
  const Stored* v = static_cast<const Stored*>(static_cast<const void*>(ctx.value<T>(1)));
  return {v, v + ctx.input(1).shape.elements()};
}

std::vector<int64_t> paddings(PrepareContext& ctx) {
  switch (ctx.input(1).dtype) {
    case DType::int8: return widened<int8_t>(ctx);
    case DType::int16: return widened<int16_t>(ctx);
    case DType::boolean: return widened<bool, uint8_t>(ctx);
    default: return ctx.int_values(1);
  }
}

// A dimension without a border becomes part of the one before it, so that rows are long.
std::vector<Border> merged(const std::vector<Border>& borders) {
  std::vector<Border> result{{0, 1, 0}};
  for (const Border& b : borders) {
    Border& outer = result.back();
    if (b.before == 0 && b.after == 0)
      outer = {outer.before * b.count, outer.count * b.count, outer.after * b.count};
    else if (outer.before == 0 && outer.count == 1 && outer.after == 0)
      outer = b;
    else
      result.push_back(b);
  }
  return result;
}

class Padding {
 public:
  Padding(const std::vector<Border>& borders, size_t element) : borders_(merged(borders)), element_(element) {
    for (size_t d = 0; d + 1 < borders_.size(); ++d) rows_ *= borders_[d].total();
  }

  void run(const RunContext& run, const char* from, char* to, const void* value) const {
    const Border row = borders_.back();
    const int64_t in_bytes = bytes(row.count), out_bytes = bytes(row.total());
    if (out_bytes == 0) return;
    run.parallel_for(rows_, 5 + static_cast<double>(out_bytes) / 20, [&](int64_t begin, int64_t end, int) {
      for (int64_t r = begin; r < end; ++r) {
        char* t = to + r * out_bytes;
        const int64_t source = source_row(r);
        if (source < 0) {
          fill_elements(t, value, element_, row.total());
          continue;
        }
        fill_elements(t, value, element_, row.before);
        if (in_bytes > 0) std::memcpy(t + bytes(row.before), from + source * in_bytes, static_cast<size_t>(in_bytes));
        fill_elements(t + bytes(row.before + row.count), value, element_, row.after);
      }
    });
  }

 private:
  int64_t bytes(int64_t elements) const { return elements * static_cast<int64_t>(element_); }
  // The input's row that output row r holds, or -1.
  int64_t source_row(int64_t r) const {
    int64_t row = 0, scale = 1;
    for (size_t d = borders_.size() - 1; d-- > 0;) {
      const Border& b = borders_[d];
      int64_t i = r % b.total() - b.before;
      r /= b.total();
      if (i < 0 || i >= b.count) return -1;
      row += i * scale;
      scale *= b.count;
    }
    return row;
  }

  std::vector<Border> borders_;
  size_t element_;
  int64_t rows_ = 1;
};

Padding plan(PrepareContext& ctx) {
  ctx.expect_outputs(1);
  expect_movable(ctx, 0);
  expect_same_dtype(ctx, 0, 0);
  const Shape& shape = ctx.input(0).shape;
  check(ctx.input(1).shape == Shape({shape.rank(), 2}), "paddings (input 1) have shape ", ctx.input(1).shape, "; ",
        Shape({shape.rank(), 2}), " expected");
  const std::vector<int64_t> amounts = paddings(ctx);
  std::vector<Border> borders;
  std::vector<int64_t> dims;
  for (int d = 0; d < shape.rank(); ++d) {
    const Border b{amounts[static_cast<size_t>(2 * d)], shape[d], amounts[static_cast<size_t>(2 * d + 1)]};
    check(b.before >= 0 && b.after >= 0 && b.before <= INT32_MAX && b.after <= INT32_MAX, "paddings of dimension ", d,
          " are ", b.before, " and ", b.after, "; values from 0 to 2^31 - 1 expected");
    borders.push_back(b);
    dims.push_back(b.total());
  }
  ctx.set_output_shape(0, Shape(dims));
  return Padding(borders, dtype_size(ctx.input(0).dtype));
}

// TFLite takes the quantized kernels for uint8 always, for the others where the input has quantization.
bool pads_quantized(const TensorInfo& x) {
  return x.dtype == DType::uint8 || ((x.dtype == DType::int8 || x.dtype == DType::int16) && x.quantized());
}

void run_with_zero(PrepareContext& ctx) {
  Padding padding = plan(ctx);
  const DType type = ctx.input(0).dtype;
  std::array<char, 8> zero{};
  if (pads_quantized(ctx.input(0))) {
    const int32_t zero_point = scale_and_zero(ctx.output(0)).zero_point;
    const int16_t wide = static_cast<int16_t>(zero_point);
    const uint8_t narrow = static_cast<uint8_t>(zero_point);
    if (type == DType::int16)
      std::memcpy(zero.data(), &wide, sizeof(wide));
    else
      std::memcpy(zero.data(), &narrow, sizeof(narrow));
  }
  ctx.on_run(
      [padding, zero](RunContext& run) { padding.run(run, run.input<char>(0), run.output<char>(0), zero.data()); });
}

}  // namespace

void prepare_pad(PrepareContext& ctx) {
  ctx.expect_inputs(2, 2);
  run_with_zero(ctx);
}

void prepare_padv2(PrepareContext& ctx) {
  ctx.expect_inputs(2, 3);
  if (!ctx.has_input(2)) return run_with_zero(ctx);
  expect_same_dtype(ctx, 2, 0);
  check(ctx.input(2).shape.elements() == 1, "the value to pad with (input 2) has shape ", ctx.input(2).shape,
        "; one value expected");
  if (pads_quantized(ctx.input(0))) expect_same_quantization(ctx.input(2), ctx.output(0));
  Padding padding = plan(ctx);
  ctx.on_run(
      [padding](RunContext& run) { padding.run(run, run.input<char>(0), run.output<char>(0), run.input<char>(2)); });
}

}  // namespace sanderling
