// Portable kernel: vectors of four floats, which compilers turn into whatever there is. Products are rounded.
#include "kernels/conv2d_f32/tiles.h"

namespace sanderling {
namespace {

struct Vector {
  typedef float Type __attribute__((vector_size(16)));
  static constexpr int64_t kLanes = 4;
  static constexpr bool kElements = false;
  static constexpr int kVectors = 4;
  static constexpr int kRows[] = {6, 3, 3, 2};

  static Type load(const float* p) noexcept { return *reinterpret_cast<const Type*>(p); }
  static Type splat(float x) noexcept { return Type{x, x, x, x}; }
  static Type add_product(Type sum, Type x, Type w) noexcept { return sum + x * w; }
  static Type at_least(Type low, Type x) noexcept { return x < low ? low : x; }
  static Type at_most(Type high, Type x) noexcept { return x > high ? high : x; }
  static void store(float* p, Type v) noexcept { std::memcpy(p, &v, sizeof v); }
  static void store_first(float* p, Type v, int64_t n) noexcept {
    for (int64_t i = 0; i < n; ++i) p[i] = v[i];
  }
};

}  // namespace

const Conv2dF32Kernel conv2d_f32_portable_tiles = Tiles<Vector>::kernel(5);

}  // namespace sanderling
