#include <immintrin.h>

#include "kernels/peak/chains.h"

namespace sanderling {
namespace {

struct Bytes {
  using Lane = int32_t;
  using Sum = __m256i;
  using Factor = __m256i;
  static Sum zero() { return _mm256_setzero_si256(); }
  static Factor ones() { return _mm256_set1_epi8(1); }
  static Sum run(Sum s, Factor x, Factor w) { return _mm256_dpbusd_avx_epi32(s, x, w); }
};

}  // namespace

const PeakLoop peak_avxvnni_vpdpbusd = {false, run_chains<Bytes>};

}  // namespace sanderling
