#include "kernels/max_pool_q8/max_pool_q8.h"

namespace sanderling {
namespace {

constexpr int64_t kBlock = 64;

}  // namespace

// In blocks of unsigned numbers, which have a vector instruction in every instruction set.
void max_pool_q8_portable_plain(const MaxPoolQ8& p, const uint8_t* in, int64_t n, uint8_t* out) {
  const uint8_t mask = p.flip ^ 0x80;
  const uint8_t low = static_cast<uint8_t>(p.low + 128), high = static_cast<uint8_t>(p.high + 128);
  for (int64_t c = 0; c < n; c += kBlock) {
    const int64_t count = n - c < kBlock ? n - c : kBlock;
    uint8_t most[kBlock];
    for (int64_t i = 0; i < count; ++i) most[i] = low;
    for (int64_t y = 0; y < p.rows; ++y)
      for (int64_t x = 0; x < p.columns; ++x) {
        const uint8_t* from = in + y * p.row_bytes + x * p.pixel_bytes + c;
        for (int64_t i = 0; i < count; ++i) {
          const uint8_t value = from[i] ^ mask;
          most[i] = most[i] > value ? most[i] : value;
        }
      }
    for (int64_t i = 0; i < count; ++i) out[c + i] = (most[i] < high ? most[i] : high) ^ mask;
  }
}

}  // namespace sanderling
