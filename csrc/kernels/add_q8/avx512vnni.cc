// 64 elements at a time, rescaled in registers; tables would be gathered element by element.
#include "base/avx512.h"
#include "kernels/add_q8/add_q8.h"
#include "quant/requantize_avx512.h"

namespace sanderling {
namespace {

// One operand's rescaling, from dwords with (value + 128) << 20.
struct Operand {
  __m512i start;
  NarrowAvx512 narrow;
};

Operand make_operand(const AddQ8& p, int k) {
  const NarrowTable table = view_narrow_table(p.narrow_tables[k], 1);
  const uint32_t zero = static_cast<uint32_t>(p.input_zero_point[k] + 128) << AddQ8::kBits;
  return {_mm512_set1_epi32(static_cast<int32_t>(table.bias[0] - zero)), broadcast_narrow(table)};
}

inline __attribute__((always_inline)) __m512i rescale(__m512i x, const Operand& o) {
  return requantize_narrow(_mm512_add_epi32(x, o.start), o.narrow);
}

// The four quarters of 64 bytes as dwords << 20, in the order that packing undoes.
struct Quarters {
  __m512i a, b, c, d;
};

inline __attribute__((always_inline)) Quarters widen(__m512i bytes) {
  const __m512i zero = _mm512_setzero_si512();
  const __m512i low = _mm512_slli_epi16(_mm512_unpacklo_epi8(bytes, zero), AddQ8::kBits - 16);
  const __m512i high = _mm512_slli_epi16(_mm512_unpackhi_epi8(bytes, zero), AddQ8::kBits - 16);
  return {_mm512_unpacklo_epi16(zero, low), _mm512_unpackhi_epi16(zero, low), _mm512_unpacklo_epi16(zero, high),
          _mm512_unpackhi_epi16(zero, high)};
}

struct Sum {
  Operand first, second;
  __m512i bias, flip;
  NarrowAvx512 narrow;
  OutputAvx512 output;
  bool subtract;

  explicit Sum(const AddQ8& p)
      : first(make_operand(p, 0)),
        second(make_operand(p, 1)),
        bias(_mm512_set1_epi32(static_cast<int32_t>(view_narrow_table(p.narrow_tables[2], 1).bias[0]))),
        flip(_mm512_set1_epi8(static_cast<char>(p.flip ^ 0x80))),
        narrow(broadcast_narrow(view_narrow_table(p.narrow_tables[2], 1))),
        output(p.zero_point, p.low, p.high, p.flip),
        subtract(p.subtract) {}
};

template <bool subtract>
inline __attribute__((always_inline)) __m512i finish(__m512i x, __m512i y, const Sum& s) {
  x = _mm512_add_epi32(x, s.bias);
  return requantize_narrow(subtract ? _mm512_sub_epi32(x, y) : _mm512_add_epi32(x, y), s.narrow);
}

template <bool subtract>
inline __attribute__((always_inline)) __m512i both(__m512i x, __m512i y, const Sum& s) {
  const Quarters u = widen(_mm512_xor_si512(x, s.flip)), v = widen(_mm512_xor_si512(y, s.flip));
  return s.output(finish<subtract>(rescale(u.a, s.first), rescale(v.a, s.second), s),
                  finish<subtract>(rescale(u.b, s.first), rescale(v.b, s.second), s),
                  finish<subtract>(rescale(u.c, s.first), rescale(v.c, s.second), s),
                  finish<subtract>(rescale(u.d, s.first), rescale(v.d, s.second), s));
}

// `moving` as the operand o, `other` already rescaled, and subtracted where it is to be.
template <bool negate>
inline __attribute__((always_inline)) __m512i one(__m512i moving, const Operand& o, __m512i other, const Sum& s) {
  const Quarters u = widen(_mm512_xor_si512(moving, s.flip));
  return s.output(finish<negate>(other, rescale(u.a, o), s), finish<negate>(other, rescale(u.b, o), s),
                  finish<negate>(other, rescale(u.c, o), s), finish<negate>(other, rescale(u.d, o), s));
}

template <class F>
inline __attribute__((always_inline)) void over_rows(const uint8_t* a, const uint8_t* b, uint8_t* out, int64_t n,
                                                     const F& f) {
  int64_t i = 0;
  for (; i + 64 <= n; i += 64) _mm512_storeu_si512(out + i, f(_mm512_loadu_si512(a + i), _mm512_loadu_si512(b + i)));
  if (i == n) return;
  const __mmask64 rest = (uint64_t{1} << (n - i)) - 1;
  _mm512_mask_storeu_epi8(out + i, rest, f(_mm512_maskz_loadu_epi8(rest, a + i), _mm512_maskz_loadu_epi8(rest, b + i)));
}

}  // namespace

void add_q8_avx512vnni_narrow(const uint8_t* a, int64_t step_a, const uint8_t* b, int64_t step_b, uint8_t* out,
                              int64_t n, const AddQ8& p) {
  if (!p.narrow) return add_q8_portable_table(a, step_a, b, step_b, out, n, p);
  const Sum s(p);
  if (step_a && step_b) {
    if (p.subtract)
      over_rows(a, b, out, n, [&](__m512i x, __m512i y) { return both<true>(x, y, s); });
    else
      over_rows(a, b, out, n, [&](__m512i x, __m512i y) { return both<false>(x, y, s); });
    return;
  }
  const bool first_moves = step_a != 0;
  const uint8_t* from = first_moves ? a : b;
  const __m512i other = _mm512_set1_epi32(first_moves ? p.rescaled[1][*b] : p.rescaled[0][*a]);
  if (first_moves || !p.subtract)
    over_rows(from, from, out, n,
              [&](__m512i x, __m512i) { return one<false>(x, first_moves ? s.first : s.second, other, s); });
  else
    over_rows(from, from, out, n, [&](__m512i x, __m512i) { return one<true>(x, s.second, other, s); });
}

}  // namespace sanderling
