#include "kernels/mul_q8/mul_q8.h"
#include "quant/right_rescale.h"

namespace sanderling {
namespace {

template <class Rescale>
void multiply(const uint8_t* a, int64_t step_a, const uint8_t* b, int64_t step_b, uint8_t* __restrict out, int64_t n,
              const MulQ8& p, const Rescale& rescale) {
  const int32_t zero_a = p.input_zero_point[0], zero_b = p.input_zero_point[1];
  const int32_t zero_point = p.zero_point, low = p.low, high = p.high;
  const uint8_t flip = p.flip;
  auto value = [flip](uint8_t byte) -> int32_t { return static_cast<int8_t>(byte ^ flip); };
  auto store = [&](int64_t i, int32_t product) {
    out[i] = static_cast<uint8_t>(clamp(wrapping_add(requantize(product, rescale), zero_point), low, high)) ^ flip;
  };
  if (step_a && step_b) {
    for (int64_t i = 0; i < n; ++i) store(i, (value(a[i]) - zero_a) * (value(b[i]) - zero_b));
    return;
  }
  // One operand is the same for the whole row.
  const bool first_moves = step_a != 0;
  const uint8_t* from = first_moves ? a : b;
  const int32_t zero = first_moves ? zero_a : zero_b;
  const int32_t factor = first_moves ? value(*b) - zero_b : value(*a) - zero_a;
  for (int64_t i = 0; i < n; ++i) store(i, (value(from[i]) - zero) * factor);
}

}  // namespace

void make_table(MulQ8& p) {
  constexpr int64_t reach = 255 * 255;  // of products of two differences of bytes
  p.narrow = narrow_fits(p.output, 0, reach);
  if (p.narrow) set_narrow(p.output, 0, reach, p.narrow_table, 1);
}

void mul_q8_portable_plain(const uint8_t* a, int64_t step_a, const uint8_t* b, int64_t step_b, uint8_t* __restrict out,
                           int64_t n, const MulQ8& p) {
  if (p.output.shift <= 0)
    multiply(a, step_a, b, step_b, out, n, p, right_rescale(p.output));
  else
    multiply(a, step_a, b, step_b, out, n, p, p.output);
}

}  // namespace sanderling
