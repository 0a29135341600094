// STRIDED_SLICE: Python's x[begin:end:stride, ...], with its masks.
#include <algorithm>
#include <vector>

#include "ops/movement.h"

namespace sanderling {
namespace {

struct Masks {
  uint32_t begin, end, ellipsis, new_axis, shrink;
  bool offset;
};

Masks read_masks(const Attributes& a, int64_t specs) {
  const uint32_t given = static_cast<uint32_t>((uint64_t{1} << specs) - 1);
  auto mask = [&](const char* name) { return static_cast<uint32_t>(a.integer(name, 0)) & given; };
  Masks m{mask("begin_mask"),    mask("end_mask"),         mask("ellipsis_mask"),
          mask("new_axis_mask"), mask("shrink_axis_mask"), a.boolean("offset")};
  m.new_axis &= ~m.ellipsis;
  check((m.ellipsis & (m.ellipsis - 1)) == 0, "option 'ellipsis_mask' is ", m.ellipsis, ": it names several places");
  return m;
}

// What remains of one dimension: count elements from begin on.
struct Run {
  int64_t begin, count, stride;
};

int64_t clamped(int64_t i, int64_t extent, int64_t stride) {
  if (i < 0) i += extent;
  return stride > 0 ? std::clamp<int64_t>(i, 0, extent) : std::clamp<int64_t>(i, -1, extent - 1);
}

Run slice(int64_t begin, int64_t end, int64_t stride, bool from_start, bool to_end, bool offset, int64_t extent) {
  check(stride != 0, "a stride is 0");
  Run r{clamped(begin, extent, stride), 0, stride};
  if (from_start) r.begin = stride > 0 ? 0 : extent - 1;
  if (offset) {
    check(to_end || (end >= 0 && r.begin + end <= extent), "takes ", end, " elements from ", r.begin,
          " on in a dimension of ", extent);
    end += r.begin;
  }
  int64_t last = clamped(end, extent, stride);
  if (to_end) last = stride > 0 ? extent : -1;
  if (stride > 0 && last > r.begin) r.count = (last - r.begin - 1) / stride + 1;
  if (stride < 0 && last < r.begin) r.count = (r.begin - last - 1) / -stride + 1;
  return r;
}

int64_t single(int64_t begin, int64_t stride, bool from_start, int64_t extent) {
  check(stride > 0, "a stride is ", stride, " where option 'shrink_axis_mask' selects one element; 1 expected");
  int64_t at = from_start ? 0 : clamped(begin, extent, stride);
  check(at < extent, "index ", begin, " is outside a dimension of ", extent);
  return at;
}

}  // namespace

void prepare_strided_slice(PrepareContext& ctx) {
  ctx.expect_inputs(4, 4);
  ctx.expect_outputs(1);
  expect_movable(ctx, 0);
  expect_same_dtype(ctx, 0, 0);
  const Shape& shape = ctx.input(0).shape;
  for (int i = 1; i < 4; ++i) {
    check(ctx.input(i).shape.rank() == 1 && ctx.input(i).shape == ctx.input(1).shape, "input ", i, " has shape ",
          ctx.input(i).shape, "; begin, end and strides must be vectors of one length");
  }
  const int64_t specs = ctx.input(1).shape[0];
  check(specs <= 31, "has ", specs, " indices; at most 31 are supported");
  const Masks masks = read_masks(ctx.attributes(), specs);
  const std::vector<int64_t> strides = ctx.int_values(3), begins = ctx.int_values(1), ends = ctx.int_values(2);

  int new_axes = 0;
  for (uint32_t m = masks.new_axis; m; m &= m - 1) ++new_axes;
  // As many dimensions as the ellipsis must cover; at least one, because the reference has it so.
  const int64_t covered = std::max<int64_t>(1, shape.rank() + new_axes - (specs - 1));

  StridedCopy copy(dtype_size(ctx.input(0).dtype));
  std::vector<Run> kept;
  std::vector<int64_t> from;  // stride in the input of each kept dimension
  const std::vector<int64_t> input_strides = strides_of(shape);
  int dim = 0;
  auto whole = [&] {
    kept.push_back({0, shape[dim], 1});
    from.push_back(input_strides[static_cast<size_t>(dim++)]);
  };
  for (size_t s = 0; s < static_cast<size_t>(specs); ++s) {
    const uint32_t bit = uint32_t{1} << s;
    if (masks.ellipsis & bit) {
      for (int64_t k = 0; k < covered && dim < shape.rank(); ++k) whole();
    } else if (masks.new_axis & bit) {
      kept.push_back({0, 1, 1});
      from.push_back(0);
    } else if (dim < shape.rank()) {
      const int64_t step = input_strides[static_cast<size_t>(dim)];
      const int64_t extent = shape[dim++];
      const bool from_start = masks.begin & bit, to_end = masks.end & bit;
      if (masks.shrink & bit) {
        copy.offset(single(begins[s], strides[s], from_start, extent) * step, 0);
      } else {
        kept.push_back(slice(begins[s], ends[s], strides[s], from_start, to_end, masks.offset, extent));
        from.push_back(step);
      }
    }
  }
  while (dim < shape.rank()) whole();

  std::vector<int64_t> dims;
  for (const Run& r : kept) dims.push_back(r.count);
  const Shape result(dims);
  ctx.set_output_shape(0, result);
  const std::vector<int64_t> to = strides_of(result);
  // A stride beyond the extent takes one element at most: there it must not be multiplied.
  for (size_t i = 0; i < kept.size(); ++i) {
    copy.add(kept[i].count, kept[i].count > 1 ? kept[i].stride * from[i] : 0, to[i]);
    if (kept[i].count > 0) copy.offset(kept[i].begin * from[i], 0);
  }
  copy.simplify();
  ctx.on_run([copy](RunContext& run) { copy.run(run, run.input<char>(0), run.output<char>(0)); });
}

}  // namespace sanderling
