// XXH64 with seed 0 (Yann Collet, https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md): a checksum against
// damage, about as fast as memory; no protection against intent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>

namespace sanderling {

inline uint64_t xxh64(const void* data, size_t bytes) noexcept {
  constexpr uint64_t p1 = 0x9E3779B185EBCA87, p2 = 0xC2B2AE3D27D4EB4F, p3 = 0x165667B19E3779F9, p4 = 0x85EBCA77C2B2AE63,
                     p5 = 0x27D4EB2F165667C5;
  const uint8_t* at = static_cast<const uint8_t*>(data);
  const uint8_t* const end = at + bytes;
  auto rotate = [](uint64_t x, int n) { return x << n | x >> (64 - n); };
  auto read64 = [](const uint8_t* p) {
    uint64_t x;
    std::memcpy(&x, p, sizeof x);
    return x;
  };
  auto round = [&](uint64_t acc, uint64_t lane) { return rotate(acc + lane * p2, 31) * p1; };
  uint64_t h = p5;
  if (bytes >= 32) {
    uint64_t a = p1 + p2, b = p2, c = 0, d = 0 - p1;
    for (; end - at >= 32; at += 32) {
      a = round(a, read64(at)), b = round(b, read64(at + 8));
      c = round(c, read64(at + 16)), d = round(d, read64(at + 24));
    }
    h = rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18);
    for (uint64_t acc : {a, b, c, d}) h = (h ^ round(0, acc)) * p1 + p4;
  }
  h += bytes;
  for (; end - at >= 8; at += 8) h = rotate(h ^ round(0, read64(at)), 27) * p1 + p4;
  if (end - at >= 4) {
    uint32_t x;
    std::memcpy(&x, at, sizeof x);
    h = rotate(h ^ x * p1, 23) * p2 + p3;
    at += 4;
  }
  for (; at < end; ++at) h = rotate(h ^ *at * p5, 11) * p1;
  h = (h ^ h >> 33) * p2;
  h = (h ^ h >> 29) * p3;
  return h ^ h >> 32;
}

}  // namespace sanderling
