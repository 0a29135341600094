// quant/fused_rescale.h against its definition, requantize(), on both sides of every step and at the ends of the range.
#include "quant/fused_rescale.h"

#include <algorithm>
#include <cstring>

#include "check.h"

namespace sanderling::test {
namespace {

int32_t by_definition(int64_t sum, Multiplier m, int32_t zero, int32_t low, int32_t high) {
  const int64_t y = static_cast<int64_t>(requantize(static_cast<int32_t>(sum), m)) + zero;
  return static_cast<int32_t>(std::min<int64_t>(std::max<int64_t>(y, low), high));
}

// As a kernel does it: the sum begins with `start`, one multiply-add, the low 16 bits, the clamp.
int32_t fused(int64_t sum, const FusedRescale& f, int32_t low, int32_t high) {
  const int32_t bits = static_cast<int32_t>(static_cast<uint32_t>(f.start) + static_cast<uint32_t>(sum));
  float x;
  std::memcpy(&x, &bits, sizeof x);
  x = std::fma(x, f.scale, f.offset);
  int16_t y;
  std::memcpy(&y, &x, sizeof y);  // little endian
  return std::min<int32_t>(std::max<int32_t>(y, low), high);
}

}  // namespace

void check_fused_rescale(Random& random, Tally& tally) {
  if (!tally.begins("fused_rescale", Isa::portable, "fma", "")) return;
  const bool few = random.once_in(4);  // sums of less than a byte: multipliers of 1/2 and more
  const int64_t depth = few ? 1 : random.between(1, random.once_in(2) ? 64 : 2000);
  const int64_t reach = few ? random.between(1, 400) : depth * random.between(100, 16000);
  // Channels of weights near zero have a small scale, and so a large bias.
  const int64_t far = random.once_in(4) ? int64_t{1} << random.between(20, 30) : reach;
  const int32_t bias = static_cast<int32_t>(random.between(-far, far));
  const SumRange range = sum_range(bias, reach / 255, reach / 255, static_cast<int32_t>(random.between(-128, 127)));
  // Outputs that spread over the bytes, or any.
  const double spread = 255.0 / static_cast<double>(std::max<int64_t>(range.highest - range.lowest, 1));
  Multiplier m = quantize_multiplier(random.once_in(4) ? random.scale(-30, 1) : spread * random.scale(-4, 4));
  if (random.once_in(far > reach ? 4 : 20)) m.multiplier = 0;
  const int32_t zero = static_cast<int32_t>(random.between(-128, 127));
  const int32_t low = random.once_in(4) ? static_cast<int32_t>(random.between(zero, 127)) : zero;
  const int32_t high = static_cast<int32_t>(random.between(low, 127));
  FusedRescale f;
  if (!find_fused_rescale(m, range, zero, low, high, f)) return;
  auto compare = [&](int64_t sum) {
    if (sum < range.lowest || sum > range.highest) return;
    const int32_t wanted = by_definition(sum, m, zero, low, high), got = fused(sum, f, low, high);
    if (got != wanted)
      tally.fail("sum " + std::to_string(sum) + " gives " + std::to_string(got) + "; expected " +
                 std::to_string(wanted) + " (multiplier " + std::to_string(m.multiplier) + ", shift " +
                 std::to_string(m.shift) + ")");
  };
  const double real = std::ldexp(static_cast<double>(m.multiplier), m.shift - 31);
  for (int step = -2; step < 258 && real > 0; ++step) {
    const double at = (step + 0.5) / real;
    if (std::fabs(at) > 4e9) break;
    for (int64_t d = -3; d <= 3; ++d) compare(std::llround(at) + d);
  }
  for (int64_t d = 0; d < 4; ++d) compare(range.lowest + d), compare(range.highest - d), compare(d), compare(-d);
  for (int i = 0; i < 200; ++i) compare(random.between(range.lowest, range.highest));
}

}  // namespace sanderling::test
