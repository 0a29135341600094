// Inputs from a seed, as python/sanderling/seeded.py defines them.
#pragma once

#include <cstdint>

#include "ops/tensor.h"

namespace sanderling {

// Fills the elements of input number `position`. Throws Error for types without seeded values.
void fill_seeded(const TensorInfo&, int position, uint64_t seed, void* data);

}  // namespace sanderling
