#include "capi/seeded.h"

#include "base/float16.h"

namespace sanderling {
namespace {

constexpr uint64_t kGolden = 0x9E3779B97F4A7C15;

// The finaliser of SplitMix64.
uint64_t mix(uint64_t z) {
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
  z = (z ^ z >> 27) * 0x94D049BB133111EB;
  return z ^ z >> 31;
}

}  // namespace

void fill_seeded(const TensorInfo& t, int position, uint64_t seed, void* data) {
  const uint64_t start = mix(seed + kGolden * static_cast<uint64_t>(position + 1));
  const uint64_t count = static_cast<uint64_t>(t.shape.elements());
  auto fill = [&](auto* to, const auto& value) {
    for (uint64_t k = 0; k < count; ++k)
      to[k] = static_cast<std::decay_t<decltype(*to)>>(value(mix(start + kGolden * (k + 1))));
  };
  auto real = [](uint64_t u) { return static_cast<double>(u >> 56) / 128 - 1; };
  auto bits = [&](auto* to) {
    constexpr int shift = 64 - 8 * static_cast<int>(sizeof *to);
    // Wider ones are mostly indices and sizes.
    const bool whole_range = sizeof *to <= 2 || t.quantized();
    fill(to, [&](uint64_t u) { return whole_range ? u >> shift : u >> 63; });
  };
  switch (t.dtype) {
    case DType::float32: return fill(static_cast<float*>(data), real);
    case DType::float64: return fill(static_cast<double*>(data), real);
    case DType::float16:
      return fill(static_cast<uint16_t*>(data), [&](uint64_t u) { return float_to_half(static_cast<float>(real(u))); });
    case DType::int8:
    case DType::uint8: return bits(static_cast<uint8_t*>(data));
    case DType::int16:
    case DType::uint16: return bits(static_cast<uint16_t*>(data));
    case DType::int32:
    case DType::uint32: return bits(static_cast<uint32_t*>(data));
    case DType::int64:
    case DType::uint64: return bits(static_cast<uint64_t*>(data));
    case DType::boolean: return fill(static_cast<uint8_t*>(data), [](uint64_t u) { return u >> 63; });
    default: fail("input '", t.name, "' is ", dtype_name(t.dtype), ": no seeded values are defined for it");
  }
}

}  // namespace sanderling
