#include "base/xxh3.h"

#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

namespace sanderling {
namespace {

constexpr uint32_t kPrime32[] = {0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D};
constexpr uint64_t kPrime64[] = {0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x85EBCA77C2B2AE63,
                                 0x27D4EB2F165667C5};
constexpr size_t kStripe = 64, kStripesOfBlock = 16, kShort = 240;

alignas(16) constexpr uint8_t kSecret[192] = {
    0xb8, 0xfe, 0x6c, 0x39, 0x23, 0xa4, 0x4b, 0xbe, 0x7c, 0x01, 0x81, 0x2c, 0xf7, 0x21, 0xad, 0x1c, 0xde, 0xd4,
    0x6d, 0xe9, 0x83, 0x90, 0x97, 0xdb, 0x72, 0x40, 0xa4, 0xa4, 0xb7, 0xb3, 0x67, 0x1f, 0xcb, 0x79, 0xe6, 0x4e,
    0xcc, 0xc0, 0xe5, 0x78, 0x82, 0x5a, 0xd0, 0x7d, 0xcc, 0xff, 0x72, 0x21, 0xb8, 0x08, 0x46, 0x74, 0xf7, 0x43,
    0x24, 0x8e, 0xe0, 0x35, 0x90, 0xe6, 0x81, 0x3a, 0x26, 0x4c, 0x3c, 0x28, 0x52, 0xbb, 0x91, 0xc3, 0x00, 0xcb,
    0x88, 0xd0, 0x65, 0x8b, 0x1b, 0x53, 0x2e, 0xa3, 0x71, 0x64, 0x48, 0x97, 0xa2, 0x0d, 0xf9, 0x4e, 0x38, 0x19,
    0xef, 0x46, 0xa9, 0xde, 0xac, 0xd8, 0xa8, 0xfa, 0x76, 0x3f, 0xe3, 0x9c, 0x34, 0x3f, 0xf9, 0xdc, 0xbb, 0xc7,
    0xc7, 0x0b, 0x4f, 0x1d, 0x8a, 0x51, 0xe0, 0x4b, 0xcd, 0xb4, 0x59, 0x31, 0xc8, 0x9f, 0x7e, 0xc9, 0xd9, 0x78,
    0x73, 0x64, 0xea, 0xc5, 0xac, 0x83, 0x34, 0xd3, 0xeb, 0xc3, 0xc5, 0x81, 0xa0, 0xff, 0xfa, 0x13, 0x63, 0xeb,
    0x17, 0x0d, 0xdd, 0x51, 0xb7, 0xf0, 0xda, 0x49, 0xd3, 0x16, 0x55, 0x26, 0x29, 0xd4, 0x68, 0x9e, 0x2b, 0x16,
    0xbe, 0x58, 0x7d, 0x47, 0xa1, 0xfc, 0x8f, 0xf8, 0xb8, 0xd1, 0x7a, 0xd0, 0x31, 0xce, 0x45, 0xcb, 0x3a, 0x8f,
    0x95, 0x16, 0x04, 0x28, 0xaf, 0xd7, 0xfb, 0xca, 0xbb, 0x4b, 0x40, 0x7e};

template <class T>
T read(const uint8_t* p) {
  T x;
  std::memcpy(&x, p, sizeof x);
  return x;
}
uint64_t read64(const uint8_t* p) { return read<uint64_t>(p); }
// What two words of the secret differ in.
uint64_t key(size_t at) { return read64(kSecret + at) ^ read64(kSecret + at + 8); }

uint64_t rotate(uint64_t x, int n) { return x << n | x >> (64 - n); }
uint64_t product(uint32_t a, uint32_t b) { return uint64_t{a} * b; }

// The halves of the 128-bit product, combined. Not every compiler has 128-bit integers.
uint64_t fold(uint64_t a, uint64_t b) {
  const uint32_t a0 = static_cast<uint32_t>(a), a1 = static_cast<uint32_t>(a >> 32);
  const uint32_t b0 = static_cast<uint32_t>(b), b1 = static_cast<uint32_t>(b >> 32);
  const uint64_t low = product(a0, b0), cross = (low >> 32) + product(a1, b0) % (uint64_t{1} << 32) + product(a0, b1);
  const uint64_t high = (product(a1, b0) >> 32) + (cross >> 32) + product(a1, b1);
  return (cross << 32 | static_cast<uint32_t>(low)) ^ high;
}

uint64_t avalanche(uint64_t h) {
  h = (h ^ h >> 37) * 0x165667919E3779F9;
  return h ^ h >> 32;
}
uint64_t avalanche64(uint64_t h) {
  h = (h ^ h >> 33) * kPrime64[1];
  h = (h ^ h >> 29) * kPrime64[2];
  return h ^ h >> 32;
}

uint64_t mix(const uint8_t* p, size_t secret) {
  return fold(read64(p) ^ read64(kSecret + secret), read64(p + 8) ^ read64(kSecret + secret + 8));
}

uint64_t hash_short(const uint8_t* p, size_t n) {
  if (n == 0) return avalanche64(key(56));
  if (n < 4) {
    const uint32_t all = uint32_t{p[0]} << 16 | uint32_t{p[n / 2]} << 24 | p[n - 1] | static_cast<uint32_t>(n) << 8;
    return avalanche64(all ^ (read<uint32_t>(kSecret) ^ read<uint32_t>(kSecret + 4)));
  }
  if (n <= 8) {
    constexpr uint64_t prime = 0x9FB21C651E98DF25;
    uint64_t h = (read<uint32_t>(p + n - 4) + (uint64_t{read<uint32_t>(p)} << 32)) ^ key(8);
    h = (h ^ rotate(h, 49) ^ rotate(h, 24)) * prime;
    h = (h ^ ((h >> 35) + n)) * prime;
    return h ^ h >> 28;
  }
  if (n <= 16) {
    const uint64_t low = read64(p) ^ key(24), high = read64(p + n - 8) ^ key(40);
    return avalanche(n + __builtin_bswap64(low) + high + fold(low, high));
  }
  uint64_t h = n * kPrime64[0];
  if (n <= 128) {
    // From both ends.
    for (size_t i = 0; i <= (n - 1) / 32; ++i) h += mix(p + 16 * i, 32 * i) + mix(p + n - 16 * (i + 1), 32 * i + 16);
    return avalanche(h);
  }
  for (size_t i = 0; i < 8; ++i) h += mix(p + 16 * i, 16 * i);
  h = avalanche(h);
  for (size_t i = 8; i < n / 16; ++i) h += mix(p + 16 * i, 16 * (i - 8) + 3);
  return avalanche(h + mix(p + n - 16, 136 - 17));
}

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
#elif defined(__ARM_NEON)
using Pair = uint64x2_t;
Pair load(const void* p) { return vreinterpretq_u64_u8(vld1q_u8(static_cast<const uint8_t*>(p))); }
void store(void* p, Pair x) { vst1q_u8(static_cast<uint8_t*>(p), vreinterpretq_u8_u64(x)); }
Pair accumulate(Pair sum, Pair data, Pair secret) {
  const Pair mixed = veorq_u64(data, secret);
  sum = vaddq_u64(sum, vextq_u64(data, data, 1));
  return vmlal_u32(sum, vmovn_u64(mixed), vshrn_n_u64(mixed, 32));
}
#else
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
  return {sum.a + data.b + product(static_cast<uint32_t>(a), static_cast<uint32_t>(a >> 32)),
          sum.b + data.a + product(static_cast<uint32_t>(b), static_cast<uint32_t>(b >> 32))};
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
  void scramble() {
    uint64_t sums[8];
    to(sums);
    for (size_t i = 0; i < 8; ++i)
      sums[i] = (sums[i] ^ sums[i] >> 47 ^ read64(kSecret + sizeof kSecret - kStripe + 8 * i)) * kPrime32[0];
    from(sums);
  }
  void from(const uint64_t (&sums)[8]) { a = load(sums), b = load(sums + 2), c = load(sums + 4), d = load(sums + 6); }
  void to(uint64_t (&sums)[8]) const { store(sums, a), store(sums + 2, b), store(sums + 4, c), store(sums + 6, d); }
};

}  // namespace

uint64_t xxh3(const void* data, size_t bytes) noexcept {
  const uint8_t* p = static_cast<const uint8_t*>(data);
  if (bytes <= kShort) return hash_short(p, bytes);
  uint64_t sums[8] = {kPrime32[2], kPrime64[0], kPrime64[1], kPrime64[2],
                      kPrime64[3], kPrime32[1], kPrime64[4], kPrime32[0]};
  Sums s;
  s.from(sums);
  const uint8_t* const last = p + bytes - kStripe;
  for (;; p += kStripesOfBlock * kStripe) {
    // The last block may be full, too: its sums are not scrambled.
    const size_t left = static_cast<size_t>(last + kStripe - 1 - p) / kStripe;
    const size_t stripes = left < kStripesOfBlock ? left : kStripesOfBlock;
    for (size_t i = 0; i < stripes; ++i) s.add(p + kStripe * i, 8 * i);
    if (left < kStripesOfBlock) break;
    s.scramble();
  }
  s.add(last, sizeof kSecret - kStripe - 7);
  s.to(sums);
  uint64_t h = bytes * kPrime64[0];
  for (size_t i = 0; i < 4; ++i)
    h += fold(sums[2 * i] ^ read64(kSecret + 11 + 16 * i), sums[2 * i + 1] ^ read64(kSecret + 19 + 16 * i));
  return avalanche(h);
}

}  // namespace sanderling
