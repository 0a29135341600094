// LOGISTIC and TANH.
#include <cmath>

#include "ops/lookup_table.h"
#include "ops/unary.h"
#include "quant/requantize.h"

namespace sanderling {
namespace {

// 65536 / (1 + exp(-i / 24)), as the reference has it (its last digits follow no rounding rule).
constexpr uint16_t kLogistic[256] = {
    32768, 33451, 34133, 34813, 35493, 36169, 36843, 37513, 38180, 38841, 39498, 40149, 40794, 41432, 42064, 42688,
    43304, 43912, 44511, 45102, 45683, 46255, 46817, 47369, 47911, 48443, 48964, 49475, 49975, 50464, 50942, 51409,
    51865, 52311, 52745, 53169, 53581, 53983, 54374, 54755, 55125, 55485, 55834, 56174, 56503, 56823, 57133, 57433,
    57724, 58007, 58280, 58544, 58800, 59048, 59288, 59519, 59743, 59959, 60168, 60370, 60565, 60753, 60935, 61110,
    61279, 61441, 61599, 61750, 61896, 62036, 62172, 62302, 62428, 62549, 62666, 62778, 62886, 62990, 63090, 63186,
    63279, 63368, 63454, 63536, 63615, 63691, 63765, 63835, 63903, 63968, 64030, 64090, 64148, 64204, 64257, 64308,
    64357, 64405, 64450, 64494, 64536, 64576, 64614, 64652, 64687, 64721, 64754, 64786, 64816, 64845, 64873, 64900,
    64926, 64950, 64974, 64997, 65019, 65039, 65060, 65079, 65097, 65115, 65132, 65149, 65164, 65179, 65194, 65208,
    65221, 65234, 65246, 65258, 65269, 65280, 65291, 65301, 65310, 65319, 65328, 65337, 65345, 65352, 65360, 65367,
    65374, 65381, 65387, 65393, 65399, 65404, 65410, 65415, 65420, 65425, 65429, 65433, 65438, 65442, 65445, 65449,
    65453, 65456, 65459, 65462, 65465, 65468, 65471, 65474, 65476, 65479, 65481, 65483, 65485, 65488, 65489, 65491,
    65493, 65495, 65497, 65498, 65500, 65501, 65503, 65504, 65505, 65507, 65508, 65509, 65510, 65511, 65512, 65513,
    65514, 65515, 65516, 65517, 65517, 65518, 65519, 65520, 65520, 65521, 65522, 65522, 65523, 65523, 65524, 65524,
    65525, 65525, 65526, 65526, 65526, 65527, 65527, 65528, 65528, 65528, 65529, 65529, 65529, 65529, 65530, 65530,
    65530, 65530, 65531, 65531, 65531, 65531, 65531, 65532, 65532, 65532, 65532, 65532, 65532, 65533, 65533, 65533,
    65533, 65533, 65533, 65533, 65533, 65534, 65534, 65534, 65534, 65534, 65534, 65534, 65534, 65534, 65534, 65535,
};

// Brings int16 values to 1 / (3 * 4096), in which 24 * 128 is 1.0.
struct ToTable {
  int32_t multiplier, right_shift;

  int32_t operator()(int32_t x) const {
    int32_t half = right_shift > 0 ? shift_left(1, right_shift - 1) : 0;
    return wrapping_add(wrapping_mul(x, multiplier), half) >> right_shift;
  }
};

// Where `scale` is 2^-12 * 2^k to a thousandth of a bit with k <= most_doublings, x is multiplied by 3 * 2^k.
ToTable to_table(float scale, int most_doublings) {
  const float log2 = std::log(scale) * (1.0f / std::log(2.0f)), whole = std::round(log2);
  const int doublings = 12 + saturate_cast<int16_t>(whole);
  if (std::fabs(log2 - whole) < 1e-3f && doublings >= 0 && doublings <= most_doublings) return {3 << doublings, 0};
  double multiplier = static_cast<double>(scale) * 4096.0 * 3.0;
  int shift = 0;
  while (multiplier <= 32767.0 / 2.0 && shift <= 30) {
    ++shift;
    multiplier *= 2.0;
  }
  const int32_t fixed = saturate_cast<int32_t>(multiplier);
  // A scale that vanishes is read as a power of two; only its sign bit survives the wrapping shift.
  if (fixed == 0) return {shift_left(3, shift), 0};
  return {fixed, shift};
}

uint32_t magnitude(int32_t x) { return x < 0 ? 0u - static_cast<uint32_t>(x) : static_cast<uint32_t>(x); }

int16_t logistic16(int32_t at) {
  const uint32_t m = magnitude(at), i = m >> 9;
  uint32_t y = 0x7FFF << 10;
  if (i < 255) y = (uint32_t{kLogistic[i]} << 9) + (m & 511) * (uint32_t{kLogistic[i + 1]} - kLogistic[i]);
  y = at >= 0 ? y + (1 << 9) : (1u << 25) - y + (1 << 9) - 1;
  return static_cast<int16_t>(y >> 10);
}

// 2 * logistic(2x) - 1
int16_t tanh16(int32_t at) {
  const uint32_t m = magnitude(at), i = m >> 8;
  int32_t y = 0xFFFF << 8;
  if (i < 255) y = (kLogistic[i] << 8) + static_cast<int32_t>(m & 255) * (kLogistic[i + 1] - kLogistic[i]);
  y = at >= 0 ? y - (1 << 23) + (1 << 7) : -y + (1 << 23) + (1 << 7) - 1;
  return static_cast<int16_t>(y >> 8);
}

void check_int16_quantization(PrepareContext& ctx) {
  const TensorInfo &x = ctx.input(0), &y = ctx.output(0);
  check(x.zero_point() == 0, "input has zero point ", x.zero_point(), "; 0 expected for int16");
  check(y.zero_point() == 0 && std::fabs(y.scale() * 32768 - 1) < 1e-3f, "output has scale ", y.scale(),
        " and zero point ", y.zero_point(), "; 1/32768 and 0 expected for int16");
}

// The bounds of the reference: 1 from where 1 - exp(-x) rounds to it on.
float logistic(float x) {
  if (x > 16.619047164916992188f) return 1.0f;
  if (x < -9.0f) return std::exp(x);
  return 1.0f / (1.0f + std::exp(-x));
}

}  // namespace

void prepare_logistic(PrepareContext& ctx) {
  const TensorInfo& x = prepare_unary(ctx);
  const TensorInfo& y = ctx.output(0);
  expect_same_dtype(ctx);
  switch (x.dtype) {
    case DType::float32: return run_unary<float>(ctx, 8, [](float v) { return logistic(v); });
    case DType::float16: return run_unary_half(ctx, 10, logistic);
    case DType::int8:
    case DType::uint8:
      return run_table8(ctx, make_real_table8(x, y, [](float v) { return 1.0f / (1.0f + std::exp(-v)); }));
    case DType::int16: {
      check_int16_quantization(ctx);
      return run_unary<int16_t>(ctx, 2, [to = to_table(x.scale(), 0)](int16_t v) { return logistic16(to(v)); });
    }
    default: fail_dtype(x.dtype, "float32, float16, int8, uint8 or int16");
  }
}

void prepare_tanh(PrepareContext& ctx) {
  const TensorInfo& x = prepare_unary(ctx);
  const TensorInfo& y = ctx.output(0);
  expect_same_dtype(ctx);
  auto real = [](float v) { return std::tanh(v); };
  switch (x.dtype) {
    case DType::float32: return run_unary<float>(ctx, 12, real);
    case DType::float16: return run_unary_half(ctx, 14, real);
    case DType::int8:
    case DType::uint8: return run_table8(ctx, make_real_table8(x, y, real));
    case DType::int16: {
      check_int16_quantization(ctx);
      return run_unary<int16_t>(ctx, 2, [to = to_table(x.scale(), 1)](int16_t v) { return tanh16(to(v)); });
    }
    default: fail_dtype(x.dtype, "float32, float16, int8, uint8 or int16");
  }
}

}  // namespace sanderling
