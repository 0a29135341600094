// XXH3, 64 bits, seed 0 and the default secret (Yann Collet,
// https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md): a checksum against damage, as fast as memory also
// where 64-bit multiplication is slow; no protection against intent.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cpu/kernels.h"

namespace sanderling {

uint64_t xxh3(const void* data, size_t bytes) noexcept;

// The part of it that takes time: adds `stripes` pieces of 64 bytes to eight sums, and one more that begins at `last`.
// The sums are scrambled behind each 16th of the former.
using Xxh3Kernel = void(const uint8_t* data, size_t stripes, const uint8_t* last, uint64_t* sums);

#define SANDERLING_KERNEL(isa, name) Xxh3Kernel xxh3_##isa##_##name;
#include "kernels/xxh3/kernels.inc"
#undef SANDERLING_KERNEL

// With that row.
uint64_t xxh3(const void* data, size_t bytes, Xxh3Kernel* kernel) noexcept;

}  // namespace sanderling
