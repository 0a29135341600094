#include "kernels/requantize_q8/requantize_q8.h"
#include "quant/channel_vectors.h"
#include "quant/requantize_neon.h"

namespace sanderling {
namespace {

inline int32x4_t four(const int32_t* acc, const int32_t* bias, const Multiplier* multipliers,
                      const RequantizeStage& stage) {
  const int32x4_t sum = bias ? vaddq_s32(vld1q_s32(acc), vld1q_s32(bias)) : vld1q_s32(acc);
  const int32x4x2_t m = vld2q_s32(&multipliers->multiplier);
  const int32x4_t y =
      vaddq_s32(requantize_neon<RequantizeNeon::kAny>(sum, m.val[0], m.val[1]), vdupq_n_s32(stage.zero));
  return vminq_s32(vmaxq_s32(y, vdupq_n_s32(stage.low)), vdupq_n_s32(stage.high));
}

inline void eight(const int32_t* acc, const int32_t* bias, const Multiplier* multipliers, const RequantizeStage& stage,
                  uint8_t* out) {
  const int32x4_t a = four(acc, bias, multipliers, stage);
  const int32x4_t b = four(acc + 4, bias ? bias + 4 : nullptr, multipliers + 4, stage);
  vst1_u8(out, vreinterpret_u8_s8(vmovn_s16(vcombine_s16(vmovn_s32(a), vmovn_s32(b)))));
}

}  // namespace

void requantize_q8_neon_vector(const int32_t* acc, const int32_t* bias, const Multiplier* multipliers, int64_t n,
                               const RequantizeStage& stage, uint8_t* out) {
  in_vectors<8>(acc, bias, multipliers, n, stage, out, eight, requantize_q8_portable_plain);
}

}  // namespace sanderling
