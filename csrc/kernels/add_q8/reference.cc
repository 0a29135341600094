#include "kernels/add_q8/add_q8.h"
#include "quant/right_rescale.h"

namespace sanderling {

void make_tables(AddQ8& p) {
  for (int k = 0; k < 2; ++k)
    for (int byte = 0; byte < 256; ++byte) {
      int32_t q = static_cast<int8_t>(byte ^ p.flip);
      int32_t x = requantize((q - p.input_zero_point[k]) * (1 << AddQ8::kBits), p.input[k]);
      p.rescaled[k][byte] = k == 1 && p.subtract ? -x : x;
    }
  const int64_t largest = int64_t{255} << AddQ8::kBits;
  p.narrow = narrow_fits(p.input[0], 0, largest) && narrow_fits(p.input[1], 0, largest) &&
             narrow_fits(p.output, 0, 2 * largest);
  if (!p.narrow) return;
  set_narrow(p.input[0], 0, largest, p.narrow_tables[0], 1);
  set_narrow(p.input[1], 0, largest, p.narrow_tables[1], 1);
  set_narrow(p.output, 0, 2 * largest, p.narrow_tables[2], 1);
}

void add_q8_portable_table(const uint8_t* a, int64_t step_a, const uint8_t* b, int64_t step_b, uint8_t* __restrict out,
                           int64_t n, const AddQ8& p) {
  const RightRescale rescale = right_rescale(p.output);
  const int32_t *x = p.rescaled[0], *y = p.rescaled[1];
  const int32_t zero_point = p.zero_point, low = p.low, high = p.high;
  const uint8_t flip = p.flip;
  auto store = [&](int64_t i, int32_t sum) {
    out[i] = static_cast<uint8_t>(clamp(requantize(sum, rescale) + zero_point, low, high)) ^ flip;
  };
  if (step_a && step_b) {
    for (int64_t i = 0; i < n; ++i) store(i, x[a[i]] + y[b[i]]);
    return;
  }
  // One operand is the same for the whole row.
  const bool first_moves = step_a != 0;
  const uint8_t* from = first_moves ? a : b;
  const int32_t* table = first_moves ? x : y;
  const int32_t other = first_moves ? y[*b] : x[*a];
  for (int64_t i = 0; i < n; ++i) store(i, table[from[i]] + other);
}

}  // namespace sanderling
