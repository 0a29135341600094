#include <immintrin.h>

#include "kernels/xxh3/secret.h"
#include "kernels/xxh3/xxh3.h"

namespace sanderling {
namespace {

inline __m256i load_256(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }

inline __m256i add_256(__m256i sum, const uint8_t* half, size_t key) {
  const __m256i data = load_256(half), mixed = _mm256_xor_si256(data, load_256(kSecret + key));
  const __m256i product = _mm256_mul_epu32(mixed, _mm256_srli_epi64(mixed, 32));
  // The sum last: it is what the next stripe waits for.
  return _mm256_add_epi64(sum, _mm256_add_epi64(product, _mm256_shuffle_epi32(data, 0x4E)));
}

inline __m256i scramble_256(__m256i sum, size_t key) {
  const __m256i prime = _mm256_set1_epi64x(kScramblePrime);
  const __m256i mixed = _mm256_xor_si256(_mm256_xor_si256(sum, _mm256_srli_epi64(sum, 47)), load_256(kSecret + key));
  const __m256i high = _mm256_mul_epu32(_mm256_srli_epi64(mixed, 32), prime);
  return _mm256_add_epi64(_mm256_mul_epu32(mixed, prime), _mm256_slli_epi64(high, 32));
}

}  // namespace

void xxh3_avx2_sums(const uint8_t* data, size_t stripes, const uint8_t* last, uint64_t* sums) {
  __m256i a = load_256(sums), b = load_256(sums + 4);
  const auto add = [&](const uint8_t* stripe, size_t key) __attribute__((always_inline)) {
    a = add_256(a, stripe, key), b = add_256(b, stripe + 32, key + 32);
  };
  for (; stripes >= kStripesOfBlock; stripes -= kStripesOfBlock, data += kStripesOfBlock * kStripe) {
#pragma GCC unroll 16
    for (size_t i = 0; i < kStripesOfBlock; ++i) add(data + kStripe * i, 8 * i);
    a = scramble_256(a, kScrambleKey), b = scramble_256(b, kScrambleKey + 32);
  }
  for (size_t i = 0; i < stripes; ++i) add(data + kStripe * i, 8 * i);
  add(last, kLastKey);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(sums), a);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(sums + 4), b);
}

}  // namespace sanderling
