// Walks a tensor for reductions over any set of its axes, in the order of the elements in memory for each output.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "ops/op.h"

namespace sanderling {

// Neighbouring axes of a kind are merged and axes of extent 1 dropped. The innermost part is either `block` kept
// elements in a row (run == 1) or `run` reduced elements in a row (block == 1).
struct Reduction {
  struct Axis {
    int64_t extent, stride;
  };
  Shape output;                // the shape of the result
  bool all = true;             // every axis is reduced (also for a scalar)
  int64_t outputs = 1;         // elements of the result
  int64_t count = 1;           // input elements for each output
  int64_t block = 1, run = 1;  // see above
  int kept_rank = 0, reduced_rank = 0;
  Axis kept[Shape::kMaxRank], reduced[Shape::kMaxRank];  // outer axes without the innermost part

  // axes: negative ones count from the end, duplicates count once.
  Reduction(const Shape& in, const std::vector<int64_t>& axes, bool keep_dims) {
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

 private:
  void merge(const Shape& in, const bool* over) {
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
};

constexpr int64_t kReductionBlock = 64;

// Outer outputs [begin, end), each of r.block results. acc = next(acc, x) starting from `start`;
// then store(acc, n, index of the first of n results).
template <class Acc, class T, class Next, class Store>
void reduce(const Reduction& r, const T* in, int64_t begin, int64_t end, Acc start, const Next& next,
            const Store& store) {
  for (int64_t o = begin; o < end; ++o) {
    const T* base = in;
    for (int64_t rest = o, k = r.kept_rank - 1; k >= 0; --k) {
      base += rest % r.kept[k].extent * r.kept[k].stride;
      rest /= r.kept[k].extent;
    }
    for (int64_t b = 0; b < r.block; b += kReductionBlock) {
      int64_t n = std::min(kReductionBlock, r.block - b);
      Acc acc[kReductionBlock];
      std::fill(acc, acc + n, start);
      int64_t index[Shape::kMaxRank] = {};
      const T* from = base + b;
      for (;;) {
        if (r.run > 1) {
          Acc a = acc[0];
          for (int64_t i = 0; i < r.run; ++i) a = next(a, from[i]);
          acc[0] = a;
        } else {
          for (int64_t i = 0; i < n; ++i) acc[i] = next(acc[i], from[i]);
        }
        int k = r.reduced_rank - 1;
        for (; k >= 0; --k) {
          from += r.reduced[k].stride;
          if (++index[k] < r.reduced[k].extent) break;
          from -= r.reduced[k].stride * r.reduced[k].extent;
          index[k] = 0;
        }
        if (k < 0) break;
      }
      store(acc, n, o * r.block + b);
    }
  }
}

// Sets the output's shape and the run function. Without input elements every output is `empty`.
// nanoseconds: of one input element.
template <class Acc, class T, class Out, class Next, class Store>
void run_reduction(PrepareContext& ctx, const Reduction& r, Acc start, Out empty, double nanoseconds, const Next& next,
                   const Store& store) {
  ctx.set_output_shape(0, r.output);
  if (r.outputs == 0 || r.count == 0) {
    int64_t n = r.outputs;
    ctx.on_run([n, empty](RunContext& run) { std::fill_n(run.output<Out>(0), n, empty); });
    return;
  }
  int64_t rows = r.outputs / r.block;
  double cost = static_cast<double>(r.count) * static_cast<double>(r.block) * nanoseconds;
  ctx.on_run([=](RunContext& run) {
    const T* in = run.input<T>(0);
    Out* out = run.output<Out>(0);
    run.parallel_for(rows, cost, [&](int64_t begin, int64_t end, int) {
      reduce<Acc>(r, in, begin, end, start, next,
                  [&](const Acc* acc, int64_t n, int64_t at) { store(acc, n, out + at); });
    });
  });
}

}  // namespace sanderling
