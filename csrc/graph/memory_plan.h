// Places buffers with known lifetimes into one arena.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace sanderling {

// A buffer that lives from step `first` to step `last`, both included.
struct BufferRequest {
  size_t bytes = 0;
  int first = 0, last = 0;
};

struct MemoryPlan {
  std::vector<size_t> offsets;  // of each request, multiples of kAlignment
  size_t arena_bytes = 0;
  size_t lower_bound = 0;  // most bytes alive at one step: no plan can use less
};

// Greedy by size: largest first, each at the lowest offset that no buffer alive at the same time uses
// (Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net Inference", 2020); then other orders are
// tried for a while where that is over the lower bound. Throws Error past `limit`.
MemoryPlan plan_memory(const std::vector<BufferRequest>& requests, int steps, size_t limit);

}  // namespace sanderling
