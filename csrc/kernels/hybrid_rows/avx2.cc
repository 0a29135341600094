#include "kernels/hybrid_rows/loops.h"

namespace sanderling {

const HybridRows hybrid_rows_avx2_loops = {extent, round_row, finish_row};

}  // namespace sanderling
