// Memory that is about to be written, all at once.
#pragma once

#include <cstddef>

namespace sanderling {

// Has the system back it now: page by page, as it is written, takes about twice the time. Nothing happens where the
// system cannot, or does not want to.
void populate(void* data, size_t bytes) noexcept;

}  // namespace sanderling
