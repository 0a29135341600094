// 32 elements at a time.
#include <immintrin.h>

#include "kernels/mul_q8/mul_q8.h"
#include "quant/requantize_avx2.h"

namespace sanderling {
namespace {

constexpr int64_t kReach = 255 * 255;  // products of two differences of bytes

// Operands are words with value + 128 - (zero point + 128).
struct Product {
  __m256i zero[2], bias, flip;
  NarrowAvx2 narrow;
  OutputAvx2 output;

  Product(const MulQ8& p, const NarrowTable& table)
      : zero{_mm256_set1_epi16(static_cast<int16_t>(p.input_zero_point[0] + 128)),
             _mm256_set1_epi16(static_cast<int16_t>(p.input_zero_point[1] + 128))},
        bias(_mm256_set1_epi32(static_cast<int32_t>(table.bias[0]))),
        flip(_mm256_set1_epi8(static_cast<char>(p.flip ^ 0x80))),
        narrow(broadcast_narrow(table)),
        output(p.zero_point, p.low, p.high, p.flip) {}
};

// The products of half of the bytes, rescaled, as words.
inline __attribute__((always_inline)) __m256i multiply_words(__m256i x, __m256i y, const Product& p) {
  x = _mm256_sub_epi16(x, p.zero[0]), y = _mm256_sub_epi16(y, p.zero[1]);
  const __m256i low = _mm256_mullo_epi16(x, y), high = _mm256_mulhi_epi16(x, y);
  const __m256i first = _mm256_add_epi32(_mm256_unpacklo_epi16(low, high), p.bias);
  const __m256i second = _mm256_add_epi32(_mm256_unpackhi_epi16(low, high), p.bias);
  return _mm256_packs_epi32(requantize_narrow(first, p.narrow), requantize_narrow(second, p.narrow));
}

inline __attribute__((always_inline)) __m256i multiply_bytes(__m256i x, __m256i y, const Product& p) {
  const __m256i zero = _mm256_setzero_si256();
  x = _mm256_xor_si256(x, p.flip), y = _mm256_xor_si256(y, p.flip);
  const __m256i low = multiply_words(_mm256_unpacklo_epi8(x, zero), _mm256_unpacklo_epi8(y, zero), p);
  const __m256i high = multiply_words(_mm256_unpackhi_epi8(x, zero), _mm256_unpackhi_epi8(y, zero), p);
  return p.output.words(low, high);
}

// An operand that stays is one byte in all places.
struct Moving {
  const uint8_t* p;
  __m256i operator()(int64_t i) const { return load_256(p + i); }
};

struct Staying {
  __m256i x;
  explicit Staying(const uint8_t* p) : x(_mm256_set1_epi8(static_cast<char>(*p))) {}
  __m256i operator()(int64_t) const { return x; }
};

template <class A, class B>
inline __attribute__((always_inline)) void multiply_rows(const A& a, const B& b, uint8_t* out, int64_t n,
                                                         const Product& p) {
  // n is at least one vector: the last one may overlap the one before.
  for (int64_t i = 0; i < n; i += 32) {
    const int64_t at = i + 32 <= n ? i : n - 32;
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + at), multiply_bytes(a(at), b(at), p));
  }
}

}  // namespace

void mul_q8_avx2_narrow(const uint8_t* a, int64_t step_a, const uint8_t* b, int64_t step_b, uint8_t* out, int64_t n,
                        const MulQ8& p) {
  if (n < 32 || !narrow_fits(p.output, 0, kReach)) return mul_q8_portable_plain(a, step_a, b, step_b, out, n, p);
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
