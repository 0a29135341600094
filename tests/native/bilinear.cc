#include "check.h"
#include "kernels/bilinear_u8/bilinear_u8.h"

namespace sanderling::test {

void check_bilinear_u8(Random& random, Tally& tally) {
#define SANDERLING_KERNEL(isa, name) SANDERLING_IF_##isa({Isa::isa, #name, bilinear_u8_##isa##_##name}, )
  const FunctionRow<BilinearU8Kernel> rows[] = {
#include "kernels/bilinear_u8/kernels.inc"
  };
#undef SANDERLING_KERNEL
  const int64_t channels = random.channels(), pixels = random.between(1, 9), n = random.between(0, 20);
  std::vector<BilinearColumn> columns(static_cast<size_t>(n));
  for (BilinearColumn& c : columns) {
    c.low = random.between(0, pixels - 1), c.high = random.between(0, pixels - 1);
    c.above = random.once_in(3) ? 0.5f : static_cast<float>(random.real(0, 1));
    c.below = 1.0f - c.above;
  }
  // Bytes times vertical weights.
  std::vector<float> top(static_cast<size_t>(pixels * channels)), bottom(top.size());
  const float weight = random.once_in(3) ? 0.25f : static_cast<float>(random.real(0, 1));
  for (float& x : top) x = static_cast<float>(random.between(0, 255)) * weight;
  for (float& x : bottom) x = static_cast<float>(random.between(0, 255)) * (1.0f - weight);
  std::vector<uint8_t> reference(static_cast<size_t>(n * channels));
  (std::end(rows) - 1)->run(top.data(), bottom.data(), columns.data(), n, channels, reference.data());
  for (const auto& row : rows) {
    if (!tally.begins("bilinear_u8", row.isa, row.name,
                      "channels " + std::to_string(channels) + ", n " + std::to_string(n)))
      continue;
    for (Place place : {Place::at_end, Place::at_begin}) {
      const Guarded x(top.data(), top.size() * sizeof(float), place),
          y(bottom.data(), top.size() * sizeof(float), place);
      const Guarded taps(columns.data(), columns.size() * sizeof(BilinearColumn), place);
      const Guarded out(reference.size(), place);
      row.run(x.as<float>(), y.as<float>(), taps.as<BilinearColumn>(), n, channels, out.as<uint8_t>());
      expect(tally, out, reference, [](int64_t) { return true; });
    }
  }
}

}  // namespace sanderling::test
