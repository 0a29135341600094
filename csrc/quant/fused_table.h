// The rescalings of fused_rescale.h for channels that are packed in blocks, all of a block or none.
#pragma once

#include <cstddef>
#include <cstdint>

#include "quant/fused_rescale.h"

namespace sanderling {

struct FusedTable {
  const int32_t* start;  // bias and all
  const float *scale, *offset;
  const uint8_t* has;  // of each block
};

static inline size_t fused_table_bytes(int64_t entries, int64_t blocks) {
  return static_cast<size_t>(16 + 12 * entries + (blocks + 15) / 16 * 16);
}

// Sums are bounded for one input zero point: for others no block has a rescaling.
static inline FusedTable view_fused_table(const void* memory, int64_t entries) {
  const int32_t* p = static_cast<const int32_t*>(memory) + 4;
  return {p, reinterpret_cast<const float*>(p + entries), reinterpret_cast<const float*>(p + 2 * entries),
          reinterpret_cast<const uint8_t*>(p + 3 * entries)};
}
static inline bool fused_table_holds(const void* memory, int32_t input_zero) {
  return *static_cast<const int32_t*>(memory) == input_zero;
}

static inline bool all_fused(const FusedTable& table, int64_t blocks) {
  for (int64_t b = 0; b < blocks; ++b)
    if (!table.has[b]) return false;
  return true;
}

// Begins a table, in zeroed memory.
static inline void start_fused_table(void* memory, int32_t input_zero) { *static_cast<int32_t*>(memory) = input_zero; }
static inline void set_fused(const FusedRescale& f, int32_t bias, void* memory, int64_t entries, int64_t entry) {
  int32_t* p = static_cast<int32_t*>(memory) + 4 + entry;
  *p = wrapping_add(bias, f.start);
  reinterpret_cast<float*>(p)[entries] = f.scale;
  reinterpret_cast<float*>(p)[2 * entries] = f.offset;
}
static inline void set_fused_block(void* memory, int64_t entries, int64_t block) {
  reinterpret_cast<uint8_t*>(static_cast<int32_t*>(memory) + 4 + 3 * entries)[block] = 1;
}

}  // namespace sanderling
