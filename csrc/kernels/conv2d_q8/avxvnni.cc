#include "kernels/conv2d_q8/tiles_256.h"

namespace sanderling {
namespace {

struct Vpdpbusd {
  static constexpr int kStep = 4;
  using Weight = int8_t;
  using Activation = uint8_t;
  static inline __attribute__((always_inline)) __m256i load(const int8_t* p) { return load_256(p); }
  static inline __attribute__((always_inline)) __m256i run(__m256i acc, __m256i x, __m256i w) {
    return _mm256_dpbusd_avx_epi32(acc, x, w);
  }
};

}  // namespace

const Conv2dQ8Kernel conv2d_q8_avxvnni_panels = PanelKernel<Tiles256<Vpdpbusd>>::kernel();

}  // namespace sanderling
