// 64 elements at a time.
#include "base/avx512.h"
#include "kernels/mul_q8/mul_q8.h"
#include "quant/requantize_avx512.h"

namespace sanderling {
namespace {

constexpr int64_t kReach = 255 * 255;  // products of two differences of bytes

// Operands are words with value + 128 - (zero point + 128).
struct Product {
  __m512i zero[2], bias, flip;
  NarrowAvx512 narrow;
  OutputAvx512 output;

  Product(const MulQ8& p, const NarrowTable& table)
      : zero{_mm512_set1_epi16(static_cast<int16_t>(p.input_zero_point[0] + 128)),
             _mm512_set1_epi16(static_cast<int16_t>(p.input_zero_point[1] + 128))},
        bias(_mm512_set1_epi32(static_cast<int32_t>(table.bias[0]))),
        flip(_mm512_set1_epi8(static_cast<char>(p.flip ^ 0x80))),
        narrow(broadcast_narrow(table)),
        output(p.zero_point, p.low, p.high, p.flip) {}
};

// The products of half of the bytes, rescaled, as words.
inline __attribute__((always_inline)) __m512i multiply_words(__m512i x, __m512i y, const Product& p) {
  x = _mm512_sub_epi16(x, p.zero[0]), y = _mm512_sub_epi16(y, p.zero[1]);
  const __m512i low = _mm512_mullo_epi16(x, y), high = _mm512_mulhi_epi16(x, y);
  const __m512i first = _mm512_add_epi32(_mm512_unpacklo_epi16(low, high), p.bias);
  const __m512i second = _mm512_add_epi32(_mm512_unpackhi_epi16(low, high), p.bias);
  return _mm512_packs_epi32(requantize_narrow(first, p.narrow), requantize_narrow(second, p.narrow));
}

inline __attribute__((always_inline)) __m512i multiply_bytes(__m512i x, __m512i y, const Product& p) {
  const __m512i zero = _mm512_setzero_si512();
  x = _mm512_xor_si512(x, p.flip), y = _mm512_xor_si512(y, p.flip);
  const __m512i low = multiply_words(_mm512_unpacklo_epi8(x, zero), _mm512_unpacklo_epi8(y, zero), p);
  const __m512i high = multiply_words(_mm512_unpackhi_epi8(x, zero), _mm512_unpackhi_epi8(y, zero), p);
  return p.output.words(low, high);
}

// An operand that stays is one byte in all places.
struct Moving {
  const uint8_t* p;
  __m512i operator()(int64_t i) const { return _mm512_loadu_si512(p + i); }
  __m512i rest(int64_t i, __mmask64 mask) const { return _mm512_maskz_loadu_epi8(mask, p + i); }
};

struct Staying {
  __m512i x;
  explicit Staying(const uint8_t* p) : x(_mm512_set1_epi8(static_cast<char>(*p))) {}
  __m512i operator()(int64_t) const { return x; }
  __m512i rest(int64_t, __mmask64) const { return x; }
};

template <class A, class B>
inline __attribute__((always_inline)) void multiply_rows(const A& a, const B& b, uint8_t* out, int64_t n,
                                                         const Product& p) {
  int64_t i = 0;
  for (; i + 64 <= n; i += 64) _mm512_storeu_si512(out + i, multiply_bytes(a(i), b(i), p));
  if (i == n) return;
  const __mmask64 rest = (uint64_t{1} << (n - i)) - 1;
  _mm512_mask_storeu_epi8(out + i, rest, multiply_bytes(a.rest(i, rest), b.rest(i, rest), p));
}

}  // namespace

void mul_q8_avx512vnni_narrow(const uint8_t* a, int64_t step_a, const uint8_t* b, int64_t step_b, uint8_t* out,
                              int64_t n, const MulQ8& p) {
  if (n < 64 || !narrow_fits(p.output, 0, kReach)) return mul_q8_portable_plain(a, step_a, b, step_b, out, n, p);
  uint32_t memory[kNarrowArrays];
  set_narrow(p.output, 0, kReach, memory, 1);
  const Product product(p, view_narrow_table(memory, 1));
  if (step_a && step_b)
    multiply_rows(Moving{a}, Moving{b}, out, n, product);
  else if (step_a)
    multiply_rows(Moving{a}, Staying(b), out, n, product);
  else
    multiply_rows(Staying(a), Moving{b}, out, n, product);
}

}  // namespace sanderling
