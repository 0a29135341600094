#include "kernels/add_q8/narrow.h"
#include "quant/requantize_avx2.h"

namespace sanderling {

void add_q8_avx2_narrow(const uint8_t* a, int64_t step_a, const uint8_t* b, int64_t step_b, uint8_t* out, int64_t n,
                        const AddQ8& p) {
  NarrowSum<BytesAvx2>::run(a, step_a, b, step_b, out, n, p);
}

}  // namespace sanderling
