// Values as integers that are ordered as they are: what sorts and searches need is one function for all types.
#pragma once

#include <cstdint>

#include "base/dtype.h"

namespace sanderling {

// keys[i] < keys[j] where x[i] < x[j], and equal where they are equal; all NaN are equal and below the rest.
using SortKeys = void (*)(const void* x, int64_t n, uint64_t* keys);

// Throws Error for types other than float32, int8, uint8, int16, int32 and int64.
SortKeys sort_keys(DType);

// Sorts n indices by their keys, equal ones by themselves. Compiled once: std::sort is 4 kB for each use.
void sort_by_key(int32_t* indices, int64_t n, const uint64_t* keys);

}  // namespace sanderling
