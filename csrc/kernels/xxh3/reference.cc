#include <cstring>

#include "kernels/xxh3/secret.h"
#include "kernels/xxh3/xxh3.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

namespace sanderling {
namespace {

// Eight sums of products of 32 bits: two in a vector.
#if defined(__SSE2__)
using Pair = __m128i;
Pair load(const void* p) { return _mm_loadu_si128(static_cast<const __m128i*>(p)); }
void store(void* p, Pair x) { _mm_storeu_si128(static_cast<__m128i*>(p), x); }
Pair accumulate(Pair sum, Pair data, Pair secret) {
  const Pair mixed = _mm_xor_si128(data, secret);
  sum = _mm_add_epi64(sum, _mm_shuffle_epi32(data, 0x4E));
  return _mm_add_epi64(sum, _mm_mul_epu32(mixed, _mm_srli_epi64(mixed, 32)));
}
Pair scramble(Pair sum, Pair secret) {
  const Pair mixed = _mm_xor_si128(_mm_xor_si128(sum, _mm_srli_epi64(sum, 47)), secret);
  const Pair prime = _mm_set1_epi32(static_cast<int>(kScramblePrime));
  return _mm_add_epi64(_mm_mul_epu32(mixed, prime),
                       _mm_slli_epi64(_mm_mul_epu32(_mm_srli_epi64(mixed, 32), prime), 32));
}
#elif defined(__ARM_NEON)
using Pair = uint64x2_t;
Pair load(const void* p) { return vreinterpretq_u64_u8(vld1q_u8(static_cast<const uint8_t*>(p))); }
void store(void* p, Pair x) { vst1q_u8(static_cast<uint8_t*>(p), vreinterpretq_u8_u64(x)); }
Pair accumulate(Pair sum, Pair data, Pair secret) {
  const Pair mixed = veorq_u64(data, secret);
  sum = vaddq_u64(sum, vextq_u64(data, data, 1));
  return vmlal_u32(sum, vmovn_u64(mixed), vshrn_n_u64(mixed, 32));
}
Pair scramble(Pair sum, Pair secret) {
  const Pair mixed = veorq_u64(veorq_u64(sum, vshrq_n_u64(sum, 47)), secret);
  const uint64x2_t high = vmull_n_u32(vshrn_n_u64(mixed, 32), kScramblePrime);
  return vmlal_n_u32(vshlq_n_u64(high, 32), vmovn_u64(mixed), kScramblePrime);
}
#else
uint64_t product_32(uint32_t a, uint32_t b) { return uint64_t{a} * b; }
struct Pair {
  uint64_t a, b;
};
Pair load(const void* p) {
  Pair x;
  std::memcpy(&x, p, sizeof x);
  return x;
}
void store(void* p, Pair x) { std::memcpy(p, &x, sizeof x); }
Pair accumulate(Pair sum, Pair data, Pair secret) {
  const uint64_t a = data.a ^ secret.a, b = data.b ^ secret.b;
  return {sum.a + data.b + product_32(static_cast<uint32_t>(a), static_cast<uint32_t>(a >> 32)),
          sum.b + data.a + product_32(static_cast<uint32_t>(b), static_cast<uint32_t>(b >> 32))};
}
Pair scramble(Pair sum, Pair secret) {
  return {(sum.a ^ sum.a >> 47 ^ secret.a) * kScramblePrime, (sum.b ^ sum.b >> 47 ^ secret.b) * kScramblePrime};
}
#endif

// Not in an array, which compilers keep in memory.
struct Sums {
  Pair a, b, c, d;

  void add(const uint8_t* stripe, size_t secret) {
    const uint8_t* const s = kSecret + secret;
    a = accumulate(a, load(stripe), load(s));
    b = accumulate(b, load(stripe + 16), load(s + 16));
    c = accumulate(c, load(stripe + 32), load(s + 32));
    d = accumulate(d, load(stripe + 48), load(s + 48));
  }
  void scramble_all() {
    const uint8_t* const s = kSecret + kScrambleKey;
    a = scramble(a, load(s)), b = scramble(b, load(s + 16));
    c = scramble(c, load(s + 32)), d = scramble(d, load(s + 48));
  }
};

}  // namespace

void xxh3_portable_sums(const uint8_t* data, size_t stripes, const uint8_t* last, uint64_t* sums) {
  Sums s{load(sums), load(sums + 2), load(sums + 4), load(sums + 6)};
  for (; stripes >= kStripesOfBlock; stripes -= kStripesOfBlock, data += kStripesOfBlock * kStripe) {
    for (size_t i = 0; i < kStripesOfBlock; ++i) s.add(data + kStripe * i, 8 * i);
    s.scramble_all();
  }
  for (size_t i = 0; i < stripes; ++i) s.add(data + kStripe * i, 8 * i);
  s.add(last, kLastKey);
  store(sums, s.a), store(sums + 2, s.b), store(sums + 4, s.c), store(sums + 6, s.d);
}

}  // namespace sanderling
