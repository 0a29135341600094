// Rescaling of rows of accumulators, one multiplier for each channel: the results of requantize() in a form that
// compilers vectorise.
//
// Both roundings of requantize() are symmetric about zero but for the nudge of the first one, so they are computed on
// magnitudes: with a = |x|, e the right shift and floor throughout,
//   h = (a * multiplier + 2^30 - (x < 0)) / 2^31,   |y| = (h + 2^(e-1)) / 2^e   (e = 0: |y| = h).
// The second shift differs from channel to channel; multiplying by 2^(31-e) and dividing by 2^31 does the same, for all
// channels alike, and (h + 2^(e-1)) * 2^(31-e) fits 63 bits.
#pragma once

#include <cstddef>
#include <cstdint>

#include "quant/requantize.h"

namespace sanderling {

// Views into memory of requantize_table_bytes(channels) bytes.
struct RequantizeTable {
  const uint32_t* multiplier;
  const uint32_t* half;   // 2^(e-1), or 0 for e = 0
  const uint32_t* power;  // 2^(31-e)
  const uint32_t* left;   // 2^(left shift); null where no channel shifts left
};

// The table in memory holds no addresses: whether a channel shifts left, then the arrays.
static inline size_t requantize_table_bytes(int64_t channels) { return static_cast<size_t>(channels) * 16 + 4; }

static inline RequantizeTable view_requantize_table(const void* memory, int64_t channels) {
  const uint32_t* any_left = static_cast<const uint32_t*>(memory);
  const uint32_t* multiplier = any_left + 1;
  return {multiplier, multiplier + channels, multiplier + 2 * channels,
          *any_left ? multiplier + 3 * channels : nullptr};
}

// Builds the table in `memory`, which is aligned for uint32_t.
static inline RequantizeTable build_requantize_table(const Multiplier* m, int64_t channels, void* memory) {
  uint32_t* any_left = static_cast<uint32_t*>(memory);
  uint32_t* multiplier = any_left + 1;
  uint32_t* half = multiplier + channels;
  uint32_t* power = half + channels;
  uint32_t* left = power + channels;
  *any_left = 0;
  for (int64_t c = 0; c < channels; ++c) {
    int right = m[c].shift > 0 ? 0 : -m[c].shift;
    multiplier[c] = static_cast<uint32_t>(m[c].multiplier);
    half[c] = right > 0 ? uint32_t{1} << (right - 1) : 0;
    power[c] = uint32_t{1} << (31 - right);
    left[c] = uint32_t{1} << (m[c].shift > 0 ? m[c].shift : 0);
    if (m[c].shift > 0) *any_left = 1;
  }
  return view_requantize_table(memory, channels);
}

static inline int32_t requantize_magnitude(uint32_t x, uint32_t multiplier, uint32_t half, uint32_t power) {
  uint32_t sign = static_cast<uint32_t>(static_cast<int32_t>(x) >> 31);
  uint32_t a = (x ^ sign) - sign;
  uint64_t product = static_cast<uint64_t>(a) * multiplier + static_cast<uint64_t>((uint32_t{1} << 30) + sign);
  uint32_t h = static_cast<uint32_t>(product >> 31) + half;
  h = static_cast<uint32_t>((static_cast<uint64_t>(h) * power) >> 31);
  return static_cast<int32_t>((h ^ sign) - sign);
}

// What follows the rescaling: + zero, clamp to [low, high], and the byte is stored with `flip` applied (0x80 turns int8
// into uint8).
struct OutputStage {
  int32_t zero, low, high;
  uint8_t flip;
};

// out[i] = clamp(requantize(acc[i], channel first + i) + zero) for i < n.
static inline void requantize_row(const int32_t* __restrict acc, const RequantizeTable& table, int64_t first, int64_t n,
                                  const OutputStage& stage, uint8_t* __restrict out) {
  const uint32_t* __restrict multiplier = table.multiplier + first;
  const uint32_t* __restrict half = table.half + first;
  const uint32_t* __restrict power = table.power + first;
  const uint32_t zero = static_cast<uint32_t>(stage.zero);
  const int32_t low = stage.low, high = stage.high;
  const uint8_t flip = stage.flip;
  auto store = [&](int64_t i, uint32_t x) {
    int32_t y =
        static_cast<int32_t>(static_cast<uint32_t>(requantize_magnitude(x, multiplier[i], half[i], power[i])) + zero);
    y = y < low ? low : y;
    y = y > high ? high : y;
    out[i] = static_cast<uint8_t>(static_cast<uint8_t>(y) ^ flip);
  };
  if (table.left == nullptr) {
    for (int64_t i = 0; i < n; ++i) store(i, static_cast<uint32_t>(acc[i]));
  } else {
    const uint32_t* __restrict left = table.left + first;
    for (int64_t i = 0; i < n; ++i) store(i, static_cast<uint32_t>(acc[i]) * left[i]);
  }
}

}  // namespace sanderling
