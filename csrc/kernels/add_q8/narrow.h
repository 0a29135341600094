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

  // bits: what dwords are shifted by.
  template <int bits = AddQ8::kBits>
  inline __attribute__((always_inline)) Quarters widen(Type bytes) const {
    bytes = V::flip(bytes, flip);
    const Type low = V::template shift_left16<bits - 16>(V::low8(bytes, V::zero()));
    const Type high = V::template shift_left16<bits - 16>(V::high8(bytes, V::zero()));
    return {V::low16(V::zero(), low), V::high16(V::zero(), low), V::low16(V::zero(), high), V::high16(V::zero(), high)};
  }

  template <bool subtract>
  inline __attribute__((always_inline)) Type finish(Type x, Type y) const {
    x = V::add32(x, bias);
    return requantize_narrow(subtract ? V::subtract32(x, y) : V::add32(x, y), narrow);
  }

  // Operand `halved`, 0 or 1 (else none), is only halved: it needs no more than a smaller shift. See halve().
  template <bool subtract, int halved>
  inline __attribute__((always_inline)) Type sum(Type x, Type y) const {
    return finish<subtract>(halved == 0 ? x : first(x), halved == 1 ? y : second(y));
  }
  template <bool subtract, int halved>
  inline __attribute__((always_inline)) Type both(Type x, Type y) const {
    const Quarters u = widen<AddQ8::kBits - (halved == 0)>(x), v = widen<AddQ8::kBits - (halved == 1)>(y);
    return output(sum<subtract, halved>(u.a, v.a), sum<subtract, halved>(u.b, v.b), sum<subtract, halved>(u.c, v.c),
                  sum<subtract, halved>(u.d, v.d));
  }

  static bool is_half(const Multiplier& m) { return m.multiplier == 1 << 30 && m.shift == 0; }

  // The bias takes over the zero point of operand k.
  void halve(const AddQ8& p, int k) {
    const Type zero =
        V::splat32(static_cast<int32_t>(static_cast<uint32_t>(p.input_zero_point[k] + 128) << (AddQ8::kBits - 1)));
    bias = k == 1 && p.subtract ? V::add32(bias, zero) : V::subtract32(bias, zero);
  }

  template <int halved>
  void both_rows(const uint8_t* a, const uint8_t* b, uint8_t* out, int64_t n, const AddQ8& p) const {
    if (p.subtract)
      V::rows(a, b, out, n, [this](Type x, Type y) { return both<true, halved>(x, y); });
    else
      V::rows(a, b, out, n, [this](Type x, Type y) { return both<false, halved>(x, y); });
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
    NarrowSum s(p);
    if (step_a && step_b) {
      // The operand with the larger scale, as its multiplier is made.
      for (int k : {0, 1}) {
        if (!is_half(p.input[k])) continue;
        s.halve(p, k);
        return k == 0 ? s.template both_rows<0>(a, b, out, n, p) : s.template both_rows<1>(a, b, out, n, p);
      }
      return s.template both_rows<2>(a, b, out, n, p);
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
