#include <arm_neon.h>

#include "kernels/quantize_q8/near.h"
#include "quant/requantize_neon.h"
#include "quant/round_quotient.h"

namespace sanderling {
namespace {

struct Floats {
  using Type = float32x4_t;
  static constexpr int64_t kLanes = 4;

  struct Output {
    OutputStageNeon stage;
    Output(int32_t zero, int32_t low, int32_t high, uint8_t flip) : stage(output_stage_neon(zero, low, high, flip)) {}
  };

  static Type load(const float* p) { return vld1q_f32(p); }
  // The largest distance so far from an integer, or NaN.
  static Type none() { return vdupq_n_f32(0.0f); }
  static bool any(Type doubtful) {
    const uint32x4_t safe = vcltq_f32(doubtful, vdupq_n_f32(kSafe));
    const uint32x2_t both = vand_u32(vget_low_u32(safe), vget_high_u32(safe));
    return vget_lane_u64(vreinterpret_u64_u32(both), 0) != ~uint64_t{0};
  }

  static inline __attribute__((always_inline)) int32x4_t near(Type x, float inverse, Type& doubtful) {
    Type p = vmulq_n_f32(x, inverse);
#ifdef __aarch64__
    // Saturates, so that no bounds are needed.
    const int32x4_t whole = vcvtnq_s32_f32(p);
#else
    // The sum with 1.5 * 2^23 has whole numbers for its lowest bits.
    p = vmaxq_f32(vminq_f32(p, vdupq_n_f32(kMost)), vdupq_n_f32(-kMost));
    const int32x4_t magic = vdupq_n_s32(0x4B400000);
    const int32x4_t whole = vsubq_s32(vreinterpretq_s32_f32(vaddq_f32(p, vreinterpretq_f32_s32(magic))), magic);
#endif
    doubtful = vmaxq_f32(doubtful, vabdq_f32(p, vcvtq_f32_s32(whole)));
    return whole;
  }

  static int32x4_t exact(Type x, float scale) {
    float from[4];
    int32_t to[4];
    vst1q_f32(from, x);
    for (int i = 0; i < 4; ++i) to[i] = round_quotient(from[i], scale);
    return vld1q_s32(to);
  }

  static inline __attribute__((always_inline)) void store(uint8_t* out, int32x4_t a, int32x4_t b, int32x4_t c,
                                                          int32x4_t d, const Output& output) {
    vst1q_u8(out, output_neon<RequantizeNeon::kRight>(a, b, c, d, output.stage));
  }
};

}  // namespace

void quantize_q8_neon_near(const float* x, int64_t n, float scale, int32_t zero_point, uint8_t flip, uint8_t* out) {
  NearQuotients<Floats>::run(x, n, scale, zero_point, flip, out);
}

}  // namespace sanderling
