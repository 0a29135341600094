#include <cstring>

#include "kernels/xxh3/secret.h"
#include "kernels/xxh3/xxh3.h"

namespace sanderling {
namespace {

constexpr FunctionRow<Xxh3Kernel> kXxh3Rows[] = {
#define SANDERLING_KERNEL(isa, name) SANDERLING_IF_##isa({Isa::isa, #name, xxh3_##isa##_##name}, )
#include "kernels/xxh3/kernels.inc"
#undef SANDERLING_KERNEL
};

constexpr uint32_t kPrime32[] = {kScramblePrime, 0x85EBCA77, 0xC2B2AE3D};
constexpr uint64_t kPrime64[] = {0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x85EBCA77C2B2AE63,
                                 0x27D4EB2F165667C5};
constexpr size_t kShort = 240;

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

}  // namespace

uint64_t xxh3(const void* data, size_t bytes, Xxh3Kernel* kernel) noexcept {
  const uint8_t* p = static_cast<const uint8_t*>(data);
  if (bytes <= kShort) return hash_short(p, bytes);
  uint64_t sums[8] = {kPrime32[2], kPrime64[0], kPrime64[1], kPrime64[2],
                      kPrime64[3], kPrime32[1], kPrime64[4], kPrime32[0]};
  kernel(p, (bytes - 1) / kStripe, p + bytes - kStripe, sums);
  uint64_t h = bytes * kPrime64[0];
  for (size_t i = 0; i < 4; ++i)
    h += fold(sums[2 * i] ^ read64(kSecret + 11 + 16 * i), sums[2 * i + 1] ^ read64(kSecret + 19 + 16 * i));
  return avalanche(h);
}

uint64_t xxh3(const void* data, size_t bytes) noexcept {
  static Xxh3Kernel* const best = choose_function(kXxh3Rows, Isa{}).run;
  return xxh3(data, bytes, best);
}

}  // namespace sanderling
