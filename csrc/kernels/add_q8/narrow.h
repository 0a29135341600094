// Sums rescaled in registers; tables would be gathered element by element. Vector: BytesAvx512 or BytesAvx2.
#pragma once

#include "kernels/add_q8/add_q8.h"
#include "quant/narrow_requantize.h"

namespace sanderling {
namespace {

template <class V>
struct NarrowSum {
  using Type = typename V::Type;

  // One operand's rescaling, from dwords with (value + 128) << 20.
  struct Operand {
    Type start;
    typename V::Narrow narrow;

    Operand(const AddQ8& p, int k)
        : start(V::splat32(static_cast<int32_t>(view_narrow_table(p.narrow_tables[k], 1).bias[0] -
                                                (static_cast<uint32_t>(p.input_zero_point[k] + 128) << AddQ8::kBits)))),
          narrow(V::broadcast(view_narrow_table(p.narrow_tables[k], 1))) {}
    inline __attribute__((always_inline)) Type operator()(Type x) const {
      return requantize_narrow(V::add32(x, start), narrow);
    }
  };

  // The four quarters of a vector of bytes as dwords << 20, in the order that packing undoes.
  struct Quarters {
    Type a, b, c, d;
  };

  Operand first, second;
  Type bias, flip;
  typename V::Narrow narrow;
  typename V::Output output;

  explicit NarrowSum(const AddQ8& p)
      : first(p, 0),
        second(p, 1),
        bias(V::splat32(static_cast<int32_t>(view_narrow_table(p.narrow_tables[2], 1).bias[0]))),
        flip(V::splat8(p.flip ^ 0x80)),
        narrow(V::broadcast(view_narrow_table(p.narrow_tables[2], 1))),
        output(p.zero_point, p.low, p.high, p.flip) {}

  inline __attribute__((always_inline)) Quarters widen(Type bytes) const {
    bytes = V::flip(bytes, flip);
    const Type low = V::template shift_left16<AddQ8::kBits - 16>(V::low8(bytes, V::zero()));
    const Type high = V::template shift_left16<AddQ8::kBits - 16>(V::high8(bytes, V::zero()));
    return {V::low16(V::zero(), low), V::high16(V::zero(), low), V::low16(V::zero(), high), V::high16(V::zero(), high)};
  }

  template <bool subtract>
  inline __attribute__((always_inline)) Type finish(Type x, Type y) const {
    x = V::add32(x, bias);
    return requantize_narrow(subtract ? V::subtract32(x, y) : V::add32(x, y), narrow);
  }

  template <bool subtract>
  inline __attribute__((always_inline)) Type both(Type x, Type y) const {
    const Quarters u = widen(x), v = widen(y);
    return output(finish<subtract>(first(u.a), second(v.a)), finish<subtract>(first(u.b), second(v.b)),
                  finish<subtract>(first(u.c), second(v.c)), finish<subtract>(first(u.d), second(v.d)));
  }

  // `moving` as the operand o, `other` already rescaled; o is taken away from it where `negate`.
  template <bool negate>
  inline __attribute__((always_inline)) Type one(Type moving, const Operand& o, Type other) const {
    const Quarters u = widen(moving);
    return output(finish<negate>(other, o(u.a)), finish<negate>(other, o(u.b)), finish<negate>(other, o(u.c)),
                  finish<negate>(other, o(u.d)));
  }

  static void run(const uint8_t* a, int64_t step_a, const uint8_t* b, int64_t step_b, uint8_t* out, int64_t n,
                  const AddQ8& p) {
    if (!p.narrow) return add_q8_portable_table(a, step_a, b, step_b, out, n, p);
    const NarrowSum s(p);
    if (step_a && step_b) {
      if (p.subtract)
        V::rows(a, b, out, n, [&](Type x, Type y) { return s.template both<true>(x, y); });
      else
        V::rows(a, b, out, n, [&](Type x, Type y) { return s.template both<false>(x, y); });
      return;
    }
    const bool first_moves = step_a != 0;
    const uint8_t* from = first_moves ? a : b;
    const Type other = V::splat32(first_moves ? p.rescaled[1][*b] : p.rescaled[0][*a]);
    if (first_moves || !p.subtract)
      V::rows(from, from, out, n,
              [&](Type x, Type) { return s.template one<false>(x, first_moves ? s.first : s.second, other); });
    else
      V::rows(from, from, out, n, [&](Type x, Type) { return s.template one<true>(x, s.second, other); });
  }
};

}  // namespace
}  // namespace sanderling
