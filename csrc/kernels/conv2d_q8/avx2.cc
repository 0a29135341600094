// vpmaddubsw would saturate: activations and weights are widened to int16 and multiplied in pairs.
#include "kernels/conv2d_q8/tiles_256.h"

namespace sanderling {
namespace {

struct Vpmaddwd {
  static constexpr int kStep = 2;
  using Weight = int8_t;
  using Activation = int16_t;
  static inline __attribute__((always_inline)) __m256i load(const int8_t* p) {
    return _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  static inline __attribute__((always_inline)) __m256i run(__m256i acc, __m256i x, __m256i w) {
    return _mm256_add_epi32(acc, _mm256_madd_epi16(x, w));
  }
};

// Weights with a zero point: the differences, which no byte holds, and no sums of activations.
struct Words : Vpmaddwd {
  using Weight = int16_t;
  static inline __attribute__((always_inline)) __m256i load(const int16_t* p) { return load_256(p); }
};

}  // namespace

const Conv2dQ8Kernel conv2d_q8_avx2_words = PanelKernel<Tiles256<Words>>::kernel();
const Conv2dQ8Kernel conv2d_q8_avx2_panels = PanelKernel<Tiles256<Vpmaddwd>>::kernel();

}  // namespace sanderling
