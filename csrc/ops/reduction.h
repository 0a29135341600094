// Walks a tensor for reductions over any set of its axes, in the order of the elements in memory for each output.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>
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
  Reduction(const Shape& in, const std::vector<int64_t>& axes, bool keep_dims);

 private:
  void merge(const Shape& in, const bool* over);
};

constexpr int64_t kMaxAccumulator = 8;  // bytes

// Where a step's elements are: `count` times, `stride` elements apart, either n in a row for n accumulators (run false)
// or n in a row for one.
struct ReductionStep {
  int64_t n, count, stride;
  bool run;
};

// A reduction without its types: the walk over the elements is one function for all.
struct ReductionLoops {
  // acc = next(acc, x) for a step's elements; `fresh`: the accumulators have no value yet.
  Function<void(void* acc, const void* from, const ReductionStep&, bool fresh)> next;
  Function<void(const void* acc, int64_t n, void* out)> store;  // none: outputs are accumulators
  char empty[8] = {};                                           // an output without input elements
  int64_t bytes, out_bytes;                                     // of an element
  double nanoseconds;                                           // of one input element
};

// Sets the output's shape and the run function.
void run_reduction_loops(PrepareContext&, const Reduction&, ReductionLoops);

template <class Acc, class T, class Next>
void reduce_step(Acc* __restrict acc, const T* from, const ReductionStep& step, const Next& next) {
  for (int64_t k = 0; k < step.count; ++k, from += step.stride) {
    if (step.run) {
      Acc a = acc[0];
      for (int64_t i = 0; i < step.n; ++i) a = next(a, from[i]);
      acc[0] = a;
    } else {
      for (int64_t i = 0; i < step.n; ++i) acc[i] = next(acc[i], from[i]);
    }
  }
}

// acc = next(acc, x) from `start` on. Without input elements every output is `empty`.
template <class Acc, class T, class Out, class Next>
ReductionLoops reduction_loops(Acc start, Out empty, double nanoseconds, const Next& next) {
  static_assert(sizeof(Acc) <= kMaxAccumulator && sizeof(Out) <= sizeof(ReductionLoops::empty), "");
  ReductionLoops loops;
  loops.next = [start, next](void* acc, const void* from, const ReductionStep& step, bool fresh) {
    Acc* a = static_cast<Acc*>(acc);
    if (fresh) std::fill(a, a + (step.run ? 1 : step.n), start);
    reduce_step(a, static_cast<const T*>(from), step, next);
  };
  std::memcpy(loops.empty, &empty, sizeof empty);
  loops.bytes = sizeof(T);
  loops.out_bytes = sizeof(Out);
  loops.nanoseconds = nanoseconds;
  return loops;
}

// The same with store(acc, n, out) in the end.
template <class Acc, class T, class Out, class Next, class Store>
void run_reduction(PrepareContext& ctx, const Reduction& r, Acc start, Out empty, double nanoseconds, const Next& next,
                   const Store& store) {
  ReductionLoops loops = reduction_loops<Acc, T>(start, empty, nanoseconds, next);
  loops.store = [store](const void* acc, int64_t n, void* out) {
    store(static_cast<const Acc*>(acc), n, static_cast<Out*>(out));
  };
  run_reduction_loops(ctx, r, std::move(loops));
}

}  // namespace sanderling
