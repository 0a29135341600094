#include "graph/memory_plan.h"

#include <algorithm>
#include <numeric>

#include "base/aligned_buffer.h"
#include "base/error.h"
#include "ops/sort_keys.h"

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

// Places the buffers in the given order, each into the smallest gap that holds it, or into the lowest one.
size_t place(const std::vector<BufferRequest>& requests, const std::vector<size_t>& order, bool smallest,
             std::vector<size_t>& offsets) {
  size_t arena = 0;
  std::vector<Placed> placed;  // sorted by begin
  placed.reserve(order.size());
  for (size_t index : order) {
    const BufferRequest& r = requests[index];
    const size_t bytes = align_up(r.bytes);
    size_t candidate = 0, best = SIZE_MAX, best_gap = SIZE_MAX;
    for (const Placed& p : placed) {
      if (p.last < r.first || p.first > r.last) continue;
      if (p.begin >= candidate + bytes && p.begin - candidate < best_gap) {
        best = candidate;
        best_gap = smallest ? p.begin - candidate : 0;
      }
      candidate = std::max(candidate, p.end);
    }
    if (best == SIZE_MAX) best = candidate;
    offsets[index] = best;
    arena = std::max(arena, best + bytes);
    Placed entry{best, best + bytes, r.first, r.last};
    placed.insert(std::upper_bound(placed.begin(), placed.end(), entry,
                                   [](const Placed& a, const Placed& b) { return a.begin < b.begin; }),
                  entry);
  }
  return arena;
}

// Looks for a better order: a buffer that ends at the top of the arena is placed earlier the next time, or now and then
// some other one. The sequence of tries is fixed, so that plans are reproducible.
void improve(const std::vector<BufferRequest>& requests, std::vector<size_t> order, MemoryPlan& plan) {
  constexpr size_t kWork = 2000000;  // comparisons: a few milliseconds
  const size_t n = order.size();
  std::vector<size_t> offsets(n);
  uint64_t random = 1;
  for (size_t work = 0; work < kWork && plan.arena_bytes > plan.lower_bound; work += n * n) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    const size_t arena = place(requests, order, (random >> 40) % 2 == 0, offsets);
    if (arena < plan.arena_bytes) {
      plan.arena_bytes = arena;
      plan.offsets = offsets;
    }
    size_t from = (random >> 33) % n;
    if ((random >> 50) % 4 != 0)
      while (from > 0 && offsets[order[from]] + align_up(requests[order[from]].bytes) != arena) --from;
    const size_t to = from > 0 ? (random >> 20) % from : 0;
    std::rotate(order.begin() + static_cast<std::ptrdiff_t>(to), order.begin() + static_cast<std::ptrdiff_t>(from),
                order.begin() + static_cast<std::ptrdiff_t>(from) + 1);
  }
}

}  // namespace

MemoryPlan plan_memory(const std::vector<BufferRequest>& requests, int steps, size_t limit) {
  MemoryPlan plan;
  plan.offsets.resize(requests.size());
  // So that no sum of sizes overflows, with 32 bits either.
  constexpr uint64_t kMost = uint64_t{SIZE_MAX / 2} < uint64_t{1} << 50 ? uint64_t{SIZE_MAX / 2} : uint64_t{1} << 50;
  uint64_t total = 0;
  for (const BufferRequest& r : requests) {
    check(r.bytes <= limit, "a tensor of ", r.bytes, " bytes is over the memory limit of ", limit, " bytes");
    total += r.bytes;
    check(total <= kMost, "the model's tensors have more than ", kMost, " bytes");
  }
  plan.lower_bound = lower_bound_of(requests, steps);
  check(plan.lower_bound <= limit, "the model needs at least ", plan.lower_bound,
        " bytes for its tensors, over the memory limit of ", limit, " bytes");

  std::vector<int32_t> largest_first(requests.size());
  std::iota(largest_first.begin(), largest_first.end(), 0);
  std::vector<uint64_t> keys;
  keys.reserve(requests.size());
  for (const BufferRequest& r : requests) keys.push_back(~uint64_t{r.bytes});
  sort_by_key(largest_first.data(), static_cast<int64_t>(requests.size()), keys.data());
  std::vector<size_t> order(largest_first.begin(), largest_first.end());

  plan.arena_bytes = place(requests, order, true, plan.offsets);
  improve(requests, order, plan);
  check(plan.arena_bytes <= limit, "the model needs ", plan.arena_bytes, " bytes for its tensors, over the limit of ",
        limit, " bytes");
  return plan;
}

}  // namespace sanderling
