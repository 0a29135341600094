#include <immintrin.h>

#include <cstring>

#include "kernels/requantize_q8/requantize_q8.h"
#include "quant/channel_vectors.h"

namespace sanderling {
namespace {

inline __m256i load(const void* p) noexcept { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }

// As quant/requantize_rows.h derives it: on magnitudes, the second rounding by the channel's own shift.
inline __m256i requantize_eight(__m256i x, __m256i multiplier, __m256i shift) noexcept {
  const __m256i none = _mm256_setzero_si256(), right = _mm256_max_epi32(_mm256_sub_epi32(none, shift), none);
  x = _mm256_sllv_epi32(x, _mm256_max_epi32(shift, none));
  const __m256i sign = _mm256_srai_epi32(x, 31), magnitude = _mm256_abs_epi32(x);
  const __m256i nudge = _mm256_add_epi32(_mm256_set1_epi32(1 << 30), sign);
  const __m256i even = _mm256_add_epi64(_mm256_mul_epu32(magnitude, multiplier), _mm256_blend_epi32(nudge, none, 0xAA));
  const __m256i odd =
      _mm256_add_epi64(_mm256_mul_epu32(_mm256_srli_epi64(magnitude, 32), _mm256_srli_epi64(multiplier, 32)),
                       _mm256_srli_epi64(nudge, 32));
  const __m256i high = _mm256_blend_epi32(_mm256_srli_epi64(even, 31), _mm256_slli_epi64(odd, 1), 0xAA);
  const __m256i half = _mm256_srli_epi32(_mm256_sllv_epi32(_mm256_set1_epi32(1), right), 1);
  const __m256i y = _mm256_srlv_epi32(_mm256_add_epi32(high, half), right);
  return _mm256_sub_epi32(_mm256_xor_si256(y, sign), sign);
}

inline void eight(const int32_t* acc, const int32_t* bias, const Multiplier* multipliers, const RequantizeStage& stage,
                  uint8_t* out) noexcept {
  const __m256i sum = bias ? _mm256_add_epi32(load(acc), load(bias)) : load(acc);
  const __m256 first = _mm256_castsi256_ps(load(multipliers)), last = _mm256_castsi256_ps(load(multipliers + 4));
  const auto in_order = [](__m256 x) { return _mm256_permute4x64_epi64(_mm256_castps_si256(x), 0xD8); };
  __m256i y = requantize_eight(sum, in_order(_mm256_shuffle_ps(first, last, 0x88)),
                               in_order(_mm256_shuffle_ps(first, last, 0xDD)));
  y = _mm256_add_epi32(y, _mm256_set1_epi32(stage.zero));
  y = _mm256_min_epi32(_mm256_max_epi32(y, _mm256_set1_epi32(stage.low)), _mm256_set1_epi32(stage.high));
  y = _mm256_shuffle_epi8(y, _mm256_set1_epi32(0x0C080400));
  const int32_t bytes[2] = {_mm256_extract_epi32(y, 0), _mm256_extract_epi32(y, 4)};
  std::memcpy(out, bytes, sizeof bytes);
}

}  // namespace

void requantize_q8_avx2_vector(const int32_t* acc, const int32_t* bias, const Multiplier* multipliers, int64_t n,
                               const RequantizeStage& stage, uint8_t* out) {
  in_vectors<8>(acc, bias, multipliers, n, stage, out, eight, requantize_q8_portable_plain);
}

}  // namespace sanderling
