// Products rescaled in registers. Vector: BytesAvx512 or BytesAvx2.
#pragma once

#include "kernels/mul_q8/mul_q8.h"
#include "quant/narrow_requantize.h"

namespace sanderling {
namespace {

template <class V>
struct NarrowProduct {
  using Type = typename V::Type;
  // Operands are words with value + 128 - (zero point + 128).
  Type zero[2], bias, flip;
  typename V::Narrow narrow;
  typename V::Output output;

  explicit NarrowProduct(const MulQ8& p)
      : zero{V::splat16(p.input_zero_point[0] + 128), V::splat16(p.input_zero_point[1] + 128)},
        bias(V::splat32(static_cast<int32_t>(view_narrow_table(p.narrow_table, 1).bias[0]))),
        flip(V::splat8(p.flip ^ 0x80)),
        narrow(V::broadcast(view_narrow_table(p.narrow_table, 1))),
        output(p.zero_point, p.low, p.high, p.flip) {}

  inline __attribute__((always_inline)) Type rescale(Type products) const {
    return requantize_narrow(V::add32(products, bias), narrow);
  }

  inline __attribute__((always_inline)) Type operator()(Type x, Type y) const {
    x = V::flip(x, flip), y = V::flip(y, flip);
    const Type x0 = V::subtract16(V::low8(x, V::zero()), zero[0]), x1 = V::subtract16(V::high8(x, V::zero()), zero[0]);
    const Type y0 = V::subtract16(V::low8(y, V::zero()), zero[1]), y1 = V::subtract16(V::high8(y, V::zero()), zero[1]);
    const Type low0 = V::multiply_low16(x0, y0), high0 = V::multiply_high16(x0, y0);
    const Type low1 = V::multiply_low16(x1, y1), high1 = V::multiply_high16(x1, y1);
    return output(rescale(V::low16(low0, high0)), rescale(V::high16(low0, high0)), rescale(V::low16(low1, high1)),
                  rescale(V::high16(low1, high1)));
  }

  static void run(const uint8_t* a, int64_t step_a, const uint8_t* b, int64_t step_b, uint8_t* out, int64_t n,
                  const MulQ8& p) {
    if (!p.narrow) return mul_q8_portable_plain(a, step_a, b, step_b, out, n, p);
    const NarrowProduct product(p);
    if (step_a && step_b) return V::rows(a, b, out, n, product);
    // An operand that stays is one byte in all places.
    if (step_a) {
      const Type y = V::splat8(*b);
      V::rows(a, a, out, n, [&](Type x, Type) { return product(x, y); });
    } else {
      const Type x = V::splat8(*a);
      V::rows(b, b, out, n, [&](Type, Type y) { return product(x, y); });
    }
  }
};

}  // namespace
}  // namespace sanderling
