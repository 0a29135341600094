#include "kernels/depthwise_q8/rows_256.h"

namespace sanderling {
namespace {

struct Dot {
  static constexpr int kHalves = 1;
  static inline __attribute__((always_inline)) void store_rows(uint8_t* to, int64_t, __m256i x) { store(to, x); }
  static inline __attribute__((always_inline)) __m256i add(__m256i acc, __m256i x, __m256i w) {
    return _mm256_dpbusd_avx_epi32(acc, x, w);
  }
};

bool takes(const DepthwiseQ8& c) noexcept { return takes_interleaved(c); }

size_t packed_bytes(const DepthwiseQ8& c) noexcept { return PackedLayout<kLanes, Dot::kHalves>(c).bytes; }

void pack(const DepthwiseQ8& c, const uint8_t* weights, const int32_t* bias, void* packed) noexcept {
  pack_interleaved<kLanes, Dot::kHalves>(c, weights, bias, packed);
}

size_t scratch_bytes(const DepthwiseQ8& c) noexcept { return scratch_bytes_256<Dot>(c); }

void run(const DepthwiseQ8& c, const void* packed, const uint8_t* input, void* output, int64_t row_begin,
         int64_t row_end, void* scratch) noexcept {
  run_256<Dot>(c, packed, input, output, row_begin, row_end, scratch);
}

}  // namespace

const DepthwiseQ8Kernel depthwise_q8_avxvnni_interleaved = {takes, packed_bytes, pack, scratch_bytes, run};

}  // namespace sanderling
