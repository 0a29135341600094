// ADD, SUB.
#include <algorithm>
#include <cmath>

#include "kernels/add_q8/add_q8.h"
#include "ops/elementwise.h"
#include "ops/rescaling.h"
#include "quant/right_rescale.h"

namespace sanderling {
namespace {

// From the common scale with `bits` more bits to the output's.
Multiplier sum_multiplier(PrepareContext& ctx, const Rescaling& scales, int bits) {
  return multiplier_below_one(scales.common / (static_cast<float>(1 << bits) * ctx.output(0).scale()), "sum");
}

void prepare_q8(PrepareContext& ctx, const Broadcast& loops, const std::string& activation, bool subtract) {
  const TensorInfo &a = ctx.input(0), &b = ctx.input(1), &y = ctx.output(0);
  const int32_t flip = y.dtype == DType::uint8 ? 128 : 0;
  const Range<int32_t> range = quantized_activation_range(activation, y);
  const Rescaling scales = rescaling(ctx);
  AddQ8 p;
  for (int k = 0; k < 2; ++k) p.input[k] = scales.input[k];
  p.input_zero_point[0] = a.zero_point() - flip;
  p.input_zero_point[1] = b.zero_point() - flip;
  p.subtract = subtract;
  p.output = sum_multiplier(ctx, scales, AddQ8::kBits);
  p.zero_point = y.zero_point() - flip;
  p.low = range.low - flip;
  p.high = range.high - flip;
  p.flip = static_cast<uint8_t>(flip);
  make_tables(p);
  const FunctionRow<AddQ8Kernel>& kernel = choose_add_q8(ctx.isa());
  ctx.set_kernel(kernel.isa, kernel.name);
  const auto row = [p, add = kernel.run](const void* a, int64_t step_a, const void* b, int64_t step_b, void* out,
                                         int64_t n) {
    add(static_cast<const uint8_t*>(a), step_a, static_cast<const uint8_t*>(b), step_b, static_cast<uint8_t*>(out), n,
        p);
  };
  offer_binary_rows(ctx, 0.3, 1, row);
  ctx.on_run(run_binary_bytes(ctx, loops, 0.3, row));
}

bool exact_log2(float scale, int& log2) {
  const float x = std::log(scale) * (1.0f / std::log(2.0f));
  const float rounded = std::round(x);
  if (!(std::fabs(rounded) < 1000)) return false;
  log2 = static_cast<int>(rounded);
  return std::fabs(x - rounded) < 1e-3f;
}

// x / 2^shift to nearest, as the reference does it in 16 bits: its mask wraps for shifts of 16 and more, which makes
// the result 1 for every x >= 0.
int32_t divide_by_pot_int16(int16_t x, int shift) {
  const int16_t mask = static_cast<int16_t>((int64_t{1} << shift) - 1);
  const int remainder = x & mask;
  const int threshold = (mask >> 1) + (x < 0 ? 1 : 0);
  return (x >> shift) + (remainder > threshold ? 1 : 0);
}

void prepare_int16(PrepareContext& ctx, const Broadcast& loops, const std::string& activation, bool subtract) {
  const TensorInfo &a = ctx.input(0), &b = ctx.input(1), &y = ctx.output(0);
  for (const TensorInfo* t : {&a, &b, &y})
    check(t->zero_point() == 0, "tensor '", t->name, "' is int16 with zero point ", t->zero_point(), "; 0 expected");
  const Range<int32_t> range = quantized_activation_range(activation, y);
  const bool wants_pot = ctx.attributes().boolean("pot_scale_int16", true);
  int log2_a, log2_b, log2_y;
  if (wants_pot && exact_log2(a.scale(), log2_a) && exact_log2(b.scale(), log2_b) && exact_log2(y.scale(), log2_y)) {
    const int shift_a = log2_y - log2_a, shift_b = log2_y - log2_b;
    check(std::min(shift_a, shift_b) == 0 && std::max(shift_a, shift_b) <= 31, "input scales ", a.scale(), " and ",
          b.scale(), " with output scale ", y.scale(),
          ": where all are powers of two, one input must have the output's scale and the other a smaller one");
    ctx.on_run(run_binary<int16_t>(loops, 2, [=](int16_t x1, int16_t x2) {
      const int32_t first = divide_by_pot_int16(x1, shift_a), second = divide_by_pot_int16(x2, shift_b);
      return static_cast<int16_t>(clamp(subtract ? first - second : first + second, range.low, range.high));
    }));
    return;
  }
  constexpr int kBits = 15;
  const Rescaling scales = rescaling(ctx);
  const RightRescale to_a = right_rescale(scales.input[0]), to_b = right_rescale(scales.input[1]),
                     to_y = right_rescale(sum_multiplier(ctx, scales, kBits));
  ctx.on_run(run_binary<int16_t>(loops, 4, [=](int16_t x1, int16_t x2) {
    const int32_t first = requantize(x1 * (1 << kBits), to_a), second = requantize(x2 * (1 << kBits), to_b);
    const int32_t sum = subtract ? first - second : first + second;
    return static_cast<int16_t>(clamp(requantize(sum, to_y), range.low, range.high));
  }));
}

template <class T>
T sum(T a, T b, bool subtract) {
  if constexpr (std::is_floating_point<T>::value) {
    return subtract ? a - b : a + b;
  } else {
    const uint64_t x = static_cast<uint64_t>(a), y = static_cast<uint64_t>(b);
    return static_cast<T>(subtract ? x - y : x + y);
  }
}

template <class T>
void prepare_plain(PrepareContext& ctx, const Broadcast& loops, const std::string& activation, bool subtract) {
  const Range<T> range = plain_activation_range<T>(activation);
  auto offer = [&](auto f) {
    offer_binary_rows(ctx, 0.5, sizeof(T), binary_row_of<T>(f));
    ctx.on_run(run_binary<T>(loops, 0.5, f));
  };
  if (subtract)
    offer([range](T a, T b) { return clamp_to(sum(a, b, true), range); });
  else
    offer([range](T a, T b) { return clamp_to(sum(a, b, false), range); });
}

void prepare(PrepareContext& ctx, bool subtract) {
  const Broadcast loops = prepare_binary(ctx);
  const std::string activation = ctx.attributes().text("fused_activation_function");
  const DType type = ctx.input(0).dtype;
  expect_output_dtype(ctx, type);
  switch (type) {
    case DType::int8:
    case DType::uint8: return prepare_q8(ctx, loops, activation, subtract);
    case DType::int16:
      // Without quantization plain numbers, but only in sums.
      if (!subtract && !ctx.output(0).quantized()) return prepare_plain<int16_t>(ctx, loops, activation, subtract);
      return prepare_int16(ctx, loops, activation, subtract);
    case DType::int32: return prepare_plain<int32_t>(ctx, loops, activation, subtract);
    case DType::int64: return prepare_plain<int64_t>(ctx, loops, activation, subtract);
    case DType::float32: return prepare_plain<float>(ctx, loops, activation, subtract);
    default: fail("inputs are ", dtype_name(type), "; int8, uint8, int16, int32, int64 or float32 expected");
  }
}

}  // namespace

void prepare_add(PrepareContext& ctx) { prepare(ctx, false); }
void prepare_sub(PrepareContext& ctx) { prepare(ctx, true); }

}  // namespace sanderling
