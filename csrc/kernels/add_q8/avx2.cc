// 32 elements at a time, rescaled in registers; tables would be gathered element by element.
#include <immintrin.h>

#include <cstring>

#include "kernels/add_q8/add_q8.h"
#include "quant/requantize_avx2.h"

namespace sanderling {
namespace {

// One operand's rescaling, from dwords with (value + 128) << 20.
struct Operand {
  __m256i start;
  NarrowAvx2 narrow;
};

Operand make_operand(const AddQ8& p, int k) {
  const NarrowTable table = view_narrow_table(p.narrow_tables[k], 1);
  const uint32_t zero = static_cast<uint32_t>(p.input_zero_point[k] + 128) << AddQ8::kBits;
  return {_mm256_set1_epi32(static_cast<int32_t>(table.bias[0] - zero)), broadcast_narrow(table)};
}

inline __attribute__((always_inline)) __m256i rescale(__m256i x, const Operand& o) {
  return requantize_narrow(_mm256_add_epi32(x, o.start), o.narrow);
}

// The four quarters of 32 bytes as dwords << 20, in the order that packing undoes.
struct Quarters {
  __m256i a, b, c, d;
};

inline __attribute__((always_inline)) Quarters widen(__m256i bytes) {
  const __m256i zero = _mm256_setzero_si256();
  const __m256i low = _mm256_slli_epi16(_mm256_unpacklo_epi8(bytes, zero), AddQ8::kBits - 16);
  const __m256i high = _mm256_slli_epi16(_mm256_unpackhi_epi8(bytes, zero), AddQ8::kBits - 16);
  return {_mm256_unpacklo_epi16(zero, low), _mm256_unpackhi_epi16(zero, low), _mm256_unpacklo_epi16(zero, high),
          _mm256_unpackhi_epi16(zero, high)};
}

struct Sum {
  Operand first, second;
  __m256i bias, flip;
  NarrowAvx2 narrow;
  OutputAvx2 output;
  bool subtract;

  explicit Sum(const AddQ8& p)
      : first(make_operand(p, 0)),
        second(make_operand(p, 1)),
        bias(_mm256_set1_epi32(static_cast<int32_t>(view_narrow_table(p.narrow_tables[2], 1).bias[0]))),
        flip(_mm256_set1_epi8(static_cast<char>(p.flip ^ 0x80))),
        narrow(broadcast_narrow(view_narrow_table(p.narrow_tables[2], 1))),
        output(p.zero_point, p.low, p.high, p.flip),
        subtract(p.subtract) {}
};

template <bool subtract>
inline __attribute__((always_inline)) __m256i finish(__m256i x, __m256i y, const Sum& s) {
  x = _mm256_add_epi32(x, s.bias);
  return requantize_narrow(subtract ? _mm256_sub_epi32(x, y) : _mm256_add_epi32(x, y), s.narrow);
}

template <bool subtract>
inline __attribute__((always_inline)) __m256i both(__m256i x, __m256i y, const Sum& s) {
  const Quarters u = widen(_mm256_xor_si256(x, s.flip)), v = widen(_mm256_xor_si256(y, s.flip));
  return s.output(finish<subtract>(rescale(u.a, s.first), rescale(v.a, s.second), s),
                  finish<subtract>(rescale(u.b, s.first), rescale(v.b, s.second), s),
                  finish<subtract>(rescale(u.c, s.first), rescale(v.c, s.second), s),
                  finish<subtract>(rescale(u.d, s.first), rescale(v.d, s.second), s));
}

// `moving` as the operand o, `other` already rescaled, and subtracted where it is to be.
template <bool negate>
inline __attribute__((always_inline)) __m256i one(__m256i moving, const Operand& o, __m256i other, const Sum& s) {
  const Quarters u = widen(_mm256_xor_si256(moving, s.flip));
  return s.output(finish<negate>(other, rescale(u.a, o), s), finish<negate>(other, rescale(u.b, o), s),
                  finish<negate>(other, rescale(u.c, o), s), finish<negate>(other, rescale(u.d, o), s));
}

template <class F>
inline __attribute__((always_inline)) void over_rows(const uint8_t* a, const uint8_t* b, uint8_t* out, int64_t n,
                                                     const F& f) {
  int64_t i = 0;
  for (; i + 32 <= n; i += 32)
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + i), f(load_256(a + i), load_256(b + i)));
  if (i == n) return;
  alignas(32) uint8_t rest[3][32] = {};
  std::memcpy(rest[0], a + i, static_cast<size_t>(n - i));
  std::memcpy(rest[1], b + i, static_cast<size_t>(n - i));
  _mm256_store_si256(reinterpret_cast<__m256i*>(rest[2]), f(load_256(rest[0]), load_256(rest[1])));
  std::memcpy(out + i, rest[2], static_cast<size_t>(n - i));
}

}  // namespace

void add_q8_avx2_narrow(const uint8_t* a, int64_t step_a, const uint8_t* b, int64_t step_b, uint8_t* out, int64_t n,
                        const AddQ8& p) {
  if (!p.narrow) return add_q8_portable_table(a, step_a, b, step_b, out, n, p);
  const Sum s(p);
  if (step_a && step_b) {
    if (p.subtract)
      over_rows(a, b, out, n, [&](__m256i x, __m256i y) { return both<true>(x, y, s); });
    else
      over_rows(a, b, out, n, [&](__m256i x, __m256i y) { return both<false>(x, y, s); });
    return;
  }
  const bool first_moves = step_a != 0;
  const uint8_t* from = first_moves ? a : b;
  const __m256i other = _mm256_set1_epi32(first_moves ? p.rescaled[1][*b] : p.rescaled[0][*a]);
  if (first_moves || !p.subtract)
    over_rows(from, from, out, n,
              [&](__m256i x, __m256i) { return one<false>(x, first_moves ? s.first : s.second, other, s); });
  else
    over_rows(from, from, out, n, [&](__m256i x, __m256i) { return one<true>(x, s.second, other, s); });
}

}  // namespace sanderling
