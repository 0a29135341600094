#include "base/avx512.h"
#include "kernels/xxh3/secret.h"
#include "kernels/xxh3/xxh3.h"

namespace sanderling {
namespace {

inline __m512i key_512(size_t at) { return _mm512_loadu_si512(kSecret + at); }

inline __m512i add_512(__m512i sum, const uint8_t* stripe, __m512i key) {
  const __m512i data = _mm512_loadu_si512(stripe), mixed = _mm512_xor_si512(data, key);
  const __m512i product = _mm512_mul_epu32(mixed, _mm512_srli_epi64(mixed, 32));
  // The sum last: it is what the next stripe waits for.
  return _mm512_add_epi64(sum, _mm512_add_epi64(product, _mm512_shuffle_epi32(data, _MM_PERM_BADC)));
}

}  // namespace

void xxh3_avx512vnni_sums(const uint8_t* data, size_t stripes, const uint8_t* last, uint64_t* sums) {
  const __m512i prime = _mm512_set1_epi64(kScramblePrime), scramble_key = key_512(kScrambleKey);
  __m512i sum = _mm512_loadu_si512(sums);
  for (; stripes >= kStripesOfBlock; stripes -= kStripesOfBlock, data += kStripesOfBlock * kStripe) {
#pragma GCC unroll 16
    for (size_t i = 0; i < kStripesOfBlock; ++i) sum = add_512(sum, data + kStripe * i, key_512(8 * i));
    const __m512i mixed = _mm512_xor_si512(_mm512_xor_si512(sum, _mm512_srli_epi64(sum, 47)), scramble_key);
    const __m512i high = _mm512_mul_epu32(_mm512_srli_epi64(mixed, 32), prime);
    sum = _mm512_add_epi64(_mm512_mul_epu32(mixed, prime), _mm512_slli_epi64(high, 32));
  }
  for (size_t i = 0; i < stripes; ++i) sum = add_512(sum, data + kStripe * i, key_512(8 * i));
  _mm512_storeu_si512(sums, add_512(sum, last, key_512(kLastKey)));
}

}  // namespace sanderling
