#include "graph/memory_plan.h"

#include <algorithm>
#include <numeric>

#include "base/aligned_buffer.h"
#include "base/error.h"

namespace sanderling {
namespace {

struct Placed {
  size_t begin, end;
  int first, last;
};

size_t lower_bound_of(const std::vector<BufferRequest>& requests, int steps) {
  std::vector<int64_t> change(static_cast<size_t>(steps) + 2, 0);
  for (const BufferRequest& r : requests) {
    change[static_cast<size_t>(r.first)] += static_cast<int64_t>(align_up(r.bytes));
    change[static_cast<size_t>(r.last) + 1] -= static_cast<int64_t>(align_up(r.bytes));
  }
  int64_t alive = 0, most = 0;
  for (int64_t c : change) most = std::max(most, alive += c);
  return static_cast<size_t>(most);
}

}  // namespace

MemoryPlan plan_memory(const std::vector<BufferRequest>& requests, int steps, size_t limit) {
  MemoryPlan plan;
  plan.offsets.resize(requests.size());
  size_t total = 0;
  for (const BufferRequest& r : requests) {
    check(r.bytes <= limit, "a tensor of ", r.bytes, " bytes is over the memory limit of ", limit, " bytes");
    total += r.bytes;
    check(total <= (size_t{1} << 50), "the model's tensors have more than 2^50 bytes");
  }
  plan.lower_bound = lower_bound_of(requests, steps);
  check(plan.lower_bound <= limit, "the model needs at least ", plan.lower_bound,
        " bytes for its tensors, over the memory limit of ", limit, " bytes");

  std::vector<size_t> order(requests.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return requests[a].bytes > requests[b].bytes; });

  std::vector<Placed> placed;  // sorted by begin
  for (size_t index : order) {
    const BufferRequest& r = requests[index];
    size_t bytes = align_up(r.bytes);
    size_t candidate = 0, best = SIZE_MAX, best_gap = SIZE_MAX;
    for (const Placed& p : placed) {
      if (p.last < r.first || p.first > r.last) continue;
      if (p.begin >= candidate + bytes && p.begin - candidate < best_gap) {
        best = candidate;
        best_gap = p.begin - candidate;
      }
      candidate = std::max(candidate, p.end);
    }
    if (best == SIZE_MAX) best = candidate;
    plan.offsets[index] = best;
    plan.arena_bytes = std::max(plan.arena_bytes, best + bytes);
    Placed entry{best, best + bytes, r.first, r.last};
    placed.insert(std::upper_bound(placed.begin(), placed.end(), entry,
                                   [](const Placed& a, const Placed& b) { return a.begin < b.begin; }),
                  entry);
  }
  check(plan.arena_bytes <= limit, "the model needs ", plan.arena_bytes, " bytes for its tensors, over the limit of ",
        limit, " bytes");
  return plan;
}

}  // namespace sanderling
