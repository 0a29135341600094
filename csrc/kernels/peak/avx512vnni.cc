#include <immintrin.h>

#include "kernels/peak/chains.h"

namespace sanderling {
namespace {

struct Bytes {
  using Lane = int32_t;
  using Sum = __m512i;
  using Factor = __m512i;
  static Sum zero() { return _mm512_setzero_si512(); }
  static Factor ones() { return _mm512_set1_epi8(1); }
  static Sum run(Sum s, Factor x, Factor w) { return _mm512_dpbusd_epi32(s, x, w); }
};

struct Floats {
  using Lane = float;
  using Sum = __m512;
  using Factor = __m512;
  static Sum zero() { return _mm512_setzero_ps(); }
  static Factor ones() { return _mm512_set1_ps(1); }
  static Sum run(Sum s, Factor x, Factor w) { return _mm512_fmadd_ps(x, w, s); }
};

}  // namespace

const PeakLoop peak_avx512vnni_vpdpbusd = {false, run_chains<Bytes>};
const PeakLoop peak_avx512vnni_vfmadd = {true, run_chains<Floats>};

}  // namespace sanderling
