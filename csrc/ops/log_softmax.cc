// LOG_SOFTMAX along the last dimension.
#include <cmath>

#include "ops/softmax.h"
#include "ops/unary.h"
#include "quant/fixed_point32.h"

namespace sanderling {
namespace {

// One row of 8-bit values; `flip` turns their bytes into unsigned numbers in order. to_steps: from 5 integer bits back
// to steps of the input.
void log_softmax_row(const uint8_t* x, uint8_t* out, int64_t n, uint8_t flip, const SoftmaxTable& t,
                     Multiplier to_steps) {
  const int32_t most = row_maximum(x, n, flip);
  int64_t wide = 0;
  for (int64_t i = 0; i < n; ++i) wide += t.term[static_cast<size_t>(most - (x[i] ^ flip))];
  const int32_t log_sum = fixed32::log(static_cast<int32_t>(wide < fixed32::kMax ? wide : fixed32::kMax));
  const int32_t least = std::max(t.diff_min - 1, requantize(wrapping_add(log_sum, fixed32::kMin), to_steps));
  for (int64_t i = 0; i < n; ++i) {
    const int32_t d = most - (x[i] ^ flip);
    int32_t y = 0;
    if (-d > least) {
      // 4 integer bits in 8; 255 is zero.
      const int32_t log = wrapping_sub(t.scaled[static_cast<size_t>(d)], log_sum);
      y = clamp(rounding_divide_by_pot(log, 31 - 5 - 4) + 255, 0, 255);
    }
    out[i] = static_cast<uint8_t>(y) ^ flip;
  }
}

void prepare_quantized(PrepareContext& ctx) {
  const TensorInfo &x = ctx.input(0), &y = ctx.output(0);
  const int32_t zero_point = y.dtype == DType::int8 ? 127 : 255;
  check(y.scale() == 16.0f / 256 && y.zero_point() == zero_point, "output has scale ", y.scale(), " and zero point ",
        y.zero_point(), "; 1/16 and ", zero_point, " expected");
  const SoftmaxTable table = make_softmax_table(static_cast<double>(x.scale()));
  const double steps = std::ldexp(1.0, 31 - table.multiplier.shift) / static_cast<double>(table.multiplier.multiplier);
  const Multiplier to_steps = quantize_multiplier(steps);
  const uint8_t flip = x.dtype == DType::int8 ? 0x80 : 0;
  const int64_t depth = x.shape.back(1), rows = x.shape.outer();
  ctx.on_run([=](RunContext& run) {
    const uint8_t* from = run.input<uint8_t>(0);
    uint8_t* to = run.output<uint8_t>(0);
    if (depth == 0) return;
    run.parallel_for(rows, 40 + 4.0 * static_cast<double>(depth), [&](int64_t begin, int64_t end, int) {
      for (int64_t r = begin; r < end; ++r)
        log_softmax_row(from + r * depth, to + r * depth, depth, flip, table, to_steps);
    });
  });
}

void prepare_float(PrepareContext& ctx) {
  const TensorInfo& x = ctx.input(0);
  const int64_t depth = x.shape.back(1), rows = x.shape.outer();
  ctx.on_run([=](RunContext& run) {
    const float* inputs = run.input<float>(0);
    float* outputs = run.output<float>(0);
    run.parallel_for(rows, 10 + 8.0 * static_cast<double>(depth), [&](int64_t begin, int64_t end, int) {
      for (int64_t r = begin; r < end; ++r) {
        const float* from = inputs + r * depth;
        float* to = outputs + r * depth;
        float most = std::numeric_limits<float>::lowest(), sum = 0;
        for (int64_t i = 0; i < depth; ++i) most = std::max(most, from[i]);
        for (int64_t i = 0; i < depth; ++i) sum += std::exp(from[i] - most);
        const float log_sum = std::log(sum);
        for (int64_t i = 0; i < depth; ++i) to[i] = from[i] - most - log_sum;
      }
    });
  });
}

}  // namespace

void prepare_log_softmax(PrepareContext& ctx) {
  const TensorInfo& x = prepare_unary(ctx);
  expect_same_dtype(ctx);
  check(x.shape.rank() >= 1, "input is a scalar; at least one dimension expected");
  switch (x.dtype) {
    case DType::float32: return prepare_float(ctx);
    case DType::int8:
    case DType::uint8: return prepare_quantized(ctx);
    default: fail_dtype(x.dtype, "float32, int8 or uint8");
  }
}

}  // namespace sanderling
