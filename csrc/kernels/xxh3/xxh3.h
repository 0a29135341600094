// XXH3, 64 bits, seed 0 and the default secret (Yann Collet,
// https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md): a checksum against damage, as fast as memory also
// where 64-bit multiplication is slow; no protection against intent.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sanderling {

uint64_t xxh3(const void* data, size_t bytes) noexcept;

}  // namespace sanderling
