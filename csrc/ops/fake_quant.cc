// FAKE_QUANT: float to the nearest value of a quantization, as float.
#include <cmath>

#include "base/saturate.h"
#include "ops/unary.h"

namespace sanderling {

void prepare_fake_quant(PrepareContext& ctx) {
  const TensorInfo& x = prepare_unary(ctx);
  expect_same_dtype(ctx);
  if (x.dtype != DType::float32) fail_dtype(x.dtype, "float32");
  const Attributes& a = ctx.attributes();
  check(!a.boolean("narrow_range"), "option 'narrow_range' is not supported");
  const int64_t bits = a.integer("num_bits");
  check(bits >= 2 && bits <= 16, "option 'num_bits' is ", bits, "; 2 to 16 expected");
  const float low = static_cast<float>(a.real("min")), high = static_cast<float>(a.real("max"));
  check(low <= 0 && high >= 0 && low < high, "the range from 'min' ", low, " to 'max' ", high, " must contain 0");

  // The range is moved so that 0 is one of its values.
  const float steps = static_cast<float>((1 << bits) - 1);
  const float scale = (high - low) / steps, inverse_scale = 1.0f / scale;
  float zero_point = std::round(0.0f - low / scale);
  zero_point = zero_point > 0 ? (zero_point < steps ? zero_point : steps) : 0;
  const float least = (0.0f - zero_point) * scale, most = (steps - zero_point) * scale;
  run_unary<float>(ctx, 2, [=](float v) {
    float clamped = v > least ? v : least;
    clamped = clamped < most ? clamped : most;
    return std::round((clamped - least) * inverse_scale) * scale + least;
  });
}

}  // namespace sanderling
