#include "kernels/hybrid_rows/loops.h"

namespace sanderling {

const HybridRows hybrid_rows_portable_loops = {extent, round_row, finish_row};

}  // namespace sanderling
