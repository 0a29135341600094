#include "graph/packing_id.h"

namespace sanderling {

uint64_t packing_id() noexcept { return SANDERLING_PACKING_ID; }

}  // namespace sanderling
