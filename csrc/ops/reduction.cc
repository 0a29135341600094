#include "ops/reduction.h"

#include "ops/movement.h"

namespace sanderling {
namespace {

constexpr int64_t kReductionBlock = 64;

int64_t blocks_of(const Reduction& r) { return (r.block + kReductionBlock - 1) / kReductionBlock; }

// Items [begin, end): of each outer output, all blocks of its r.block results.
void reduce_outputs(const Reduction& r, const ReductionLoops& loops, const char* in, char* out, int64_t begin,
                    int64_t end) {
  alignas(kMaxAccumulator) char acc[kReductionBlock * kMaxAccumulator];
  // The innermost of the reduced axes outside the block or the run is the step's own.
  const int outer = r.reduced_rank > 0 ? r.reduced_rank - 1 : 0;
  ReductionStep step{r.run, 1, 0, r.run > 1};
  if (r.reduced_rank > 0) step.count = r.reduced[outer].extent, step.stride = r.reduced[outer].stride;
  const int64_t blocks = blocks_of(r);
  for (int64_t item = begin; item < end; ++item) {
    const int64_t o = item / blocks, b = item % blocks * kReductionBlock, n = std::min(kReductionBlock, r.block - b);
    const char* from = in + b * loops.bytes;
    for (int64_t rest = o, k = r.kept_rank - 1; k >= 0; --k) {
      from += rest % r.kept[k].extent * r.kept[k].stride * loops.bytes;
      rest /= r.kept[k].extent;
    }
    if (!step.run) step.n = n;
    int64_t index[Shape::kMaxRank] = {};
    char* to = out + (o * r.block + b) * loops.out_bytes;
    char* sums = loops.store ? acc : to;  // of the output's type where they are the results
    for (bool fresh = true;; fresh = false) {
      loops.next(sums, from, step, fresh);
      int k = outer - 1;
      for (; k >= 0; --k) {
        from += r.reduced[k].stride * loops.bytes;
        if (++index[k] < r.reduced[k].extent) break;
        from -= r.reduced[k].stride * r.reduced[k].extent * loops.bytes;
        index[k] = 0;
      }
      if (k < 0) break;
    }
    if (loops.store) loops.store(acc, n, to);
  }
}

}  // namespace

Reduction::Reduction(const Shape& in, const std::vector<int64_t>& axes, bool keep_dims) {
  bool over[Shape::kMaxRank] = {};
  // For a scalar the reference takes any axis.
  for (size_t k = 0; in.rank() > 0 && k < axes.size(); ++k) {
    int64_t axis = axes[k] < 0 ? axes[k] + in.rank() : axes[k];
    check(axis >= 0 && axis < in.rank(), "axis ", axes[k], " is outside of shape ", in);
    over[axis] = true;
  }
  std::vector<int64_t> left;
  for (int i = 0; i < in.rank(); ++i) {
    all = all && over[i];
    (over[i] ? count : outputs) *= in[i];
    if (!over[i] || keep_dims) left.push_back(over[i] ? 1 : in[i]);
  }
  output = Shape(left);
  if (count > 0 && outputs > 0) merge(in, over);
}

void Reduction::merge(const Shape& in, const bool* over) {
  int64_t stride = 1;
  bool first = true, was_over = false;
  // From the innermost axis out: the first merged group is the block or the run.
  int64_t* inner = nullptr;
  Axis* axis = nullptr;
  for (int i = in.rank() - 1; i >= 0; --i) {
    if (in[i] == 1) continue;
    if (first) {
      inner = over[i] ? &run : &block;
      *inner = in[i];
    } else if (over[i] == was_over) {
      (axis != nullptr ? axis->extent : *inner) *= in[i];
    } else {
      axis = over[i] ? &reduced[reduced_rank++] : &kept[kept_rank++];
      *axis = {in[i], stride};
    }
    was_over = over[i];
    first = false;
    stride *= in[i];
  }
  std::reverse(kept, kept + kept_rank);
  std::reverse(reduced, reduced + reduced_rank);
}

void run_reduction_loops(PrepareContext& ctx, const Reduction& r, ReductionLoops loops) {
  ctx.set_output_shape(0, r.output);
  if (r.outputs == 0 || r.count == 0) {
    const size_t bytes = static_cast<size_t>(loops.out_bytes);
    return ctx.on_run([n = r.outputs, bytes, loops = std::move(loops)](RunContext& run) {
      fill_elements(run.output<void>(0), loops.empty, bytes, n);
    });
  }
  const int64_t items = r.outputs / r.block * blocks_of(r);
  const double cost = static_cast<double>(r.count * r.outputs) * loops.nanoseconds / static_cast<double>(items);
  ctx.on_run([r, items, cost, loops = std::move(loops)](RunContext& run) {
    run.parallel_for(items, cost, [&](int64_t begin, int64_t end, int) {
      reduce_outputs(r, loops, run.input<char>(0), run.output<char>(0), begin, end);
    });
  });
}

}  // namespace sanderling
