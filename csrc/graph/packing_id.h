// Which build's kernels pack weights.
#pragma once

#include <cstdint>

namespace sanderling {

// Of the sources that packing depends on: compiled models of another build are packed again.
uint64_t packing_id() noexcept;

}  // namespace sanderling
