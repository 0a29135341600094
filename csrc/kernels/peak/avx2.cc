#include <immintrin.h>

#include "kernels/peak/chains.h"

namespace sanderling {
namespace {

struct Words {
  using Lane = int32_t;
  using Sum = __m256i;
  using Factor = __m256i;
  static Sum zero() { return _mm256_setzero_si256(); }
  static Factor ones() { return _mm256_set1_epi16(1); }
  static Sum run(Sum s, Factor x, Factor w) { return _mm256_add_epi32(s, _mm256_madd_epi16(x, w)); }
};

struct Floats {
  using Lane = float;
  using Sum = __m256;
  using Factor = __m256;
  static Sum zero() { return _mm256_setzero_ps(); }
  static Factor ones() { return _mm256_set1_ps(1); }
  static Sum run(Sum s, Factor x, Factor w) { return _mm256_fmadd_ps(x, w, s); }
};

}  // namespace

const PeakLoop peak_avx2_vpmaddwd = {false, run_chains<Words>};
const PeakLoop peak_avx2_vfmadd = {true, run_chains<Floats>};

}  // namespace sanderling
