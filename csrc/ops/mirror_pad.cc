// MIRROR_PAD: a border that reflects the inside.
#include <cstring>
#include <vector>

#include "ops/movement.h"

namespace sanderling {
namespace {

// Position in the input for each position of the padded dimension.
std::vector<int64_t> reflections(int64_t before, int64_t count, int64_t after, int64_t skip) {
  std::vector<int64_t> from;
  from.reserve(static_cast<size_t>(before + count + after));
  for (int64_t i = before; i > 0; --i) from.push_back(i - 1 + skip);
  for (int64_t i = 0; i < count; ++i) from.push_back(i);
  for (int64_t i = 1; i <= after; ++i) from.push_back(count - i - skip);
  return from;
}

struct MirrorRows {
  std::vector<std::vector<int64_t>> from;  // byte offsets, for all dimensions but those inside a block
  int64_t block;                           // bytes behind the last padded dimension
  int64_t before, count;                   // of the last padded dimension
};

void copy_row(const MirrorRows& rows, const char* from, char* to) {
  const std::vector<int64_t>& row = rows.from.back();
  const size_t before = static_cast<size_t>(rows.before), inside = static_cast<size_t>(rows.count);
  const size_t block = static_cast<size_t>(rows.block);
  for (size_t i = 0; i < before; ++i) std::memcpy(to + i * block, from + row[i], block);
  std::memcpy(to + before * block, from, inside * block);
  for (size_t i = before + inside; i < row.size(); ++i) std::memcpy(to + i * block, from + row[i], block);
}

}  // namespace

void prepare_mirror_pad(PrepareContext& ctx) {
  ctx.expect_inputs(2, 2);
  ctx.expect_outputs(1);
  expect_movable(ctx, 0);
  expect_same_dtype(ctx, 0, 0);
  const std::string& mode = ctx.attributes().text("mode");
  check(mode == "REFLECT" || mode == "SYMMETRIC", "option 'mode' is ", mode, "; REFLECT or SYMMETRIC expected");
  const int64_t skip = mode == "REFLECT" ? 1 : 0;
  const Shape& shape = ctx.input(0).shape;
  check(ctx.input(1).shape == Shape({shape.rank(), 2}), "paddings (input 1) have shape ", ctx.input(1).shape, "; ",
        Shape({shape.rank(), 2}), " expected");
  const std::vector<int64_t> amounts = ctx.int_values(1);
  std::vector<int64_t> dims;
  int padded = 0;  // dimensions up to the last padded one
  for (int d = 0; d < shape.rank(); ++d) {
    const int64_t before = amounts[static_cast<size_t>(2 * d)], after = amounts[static_cast<size_t>(2 * d + 1)];
    // An empty dimension cannot be reflected, but may stay empty.
    const int64_t most = shape[d] > 0 ? shape[d] - skip : 0;
    check(before >= 0 && after >= 0 && before <= most && after <= most, "paddings of dimension ", d, " are ", before,
          " and ", after, "; values from 0 to ", most, " expected for mode ", mode, " and shape ", shape);
    dims.push_back(shape[d] + before + after);
    if (before + after > 0) padded = d + 1;
  }
  ctx.set_output_shape(0, Shape(dims));
  if (Shape(dims).elements() == 0) {
    ctx.on_run([](RunContext&) {});
    return;
  }
  if (padded == 0) padded = shape.rank() > 0 ? 1 : 0;

  const int64_t element = static_cast<int64_t>(dtype_size(ctx.input(0).dtype));
  MirrorRows rows{{}, shape.elements(padded, shape.rank()) * element, 0, 1};
  int64_t count = 1;
  for (int d = 0; d < padded; ++d) {
    const int64_t before = amounts[static_cast<size_t>(2 * d)], after = amounts[static_cast<size_t>(2 * d + 1)];
    rows.from.push_back(reflections(before, shape[d], after, skip));
    for (int64_t& f : rows.from.back()) f *= shape.elements(d + 1, shape.rank()) * element;
    rows.before = before;
    rows.count = shape[d];
    if (d + 1 < padded) count *= dims[static_cast<size_t>(d)];
  }
  if (rows.from.empty()) rows.from.push_back({0});
  const int64_t row_bytes = rows.block * static_cast<int64_t>(rows.from.back().size());
  ctx.on_run([rows, count, row_bytes](RunContext& run) {
    const char* from = run.input<char>(0);
    char* to = run.output<char>(0);
    run.parallel_for(count, 10 + static_cast<double>(row_bytes) / 10, [&](int64_t begin, int64_t end, int) {
      for (int64_t r = begin; r < end; ++r) {
        int64_t rest = r, source = 0;
        for (size_t d = rows.from.size() - 1; d-- > 0;) {
          const int64_t extent = static_cast<int64_t>(rows.from[d].size());
          source += rows.from[d][static_cast<size_t>(rest % extent)];
          rest /= extent;
        }
        copy_row(rows, from + source, to + r * row_bytes);
      }
    });
  });
}

}  // namespace sanderling
