// EQUAL, NOT_EQUAL, GREATER, GREATER_EQUAL, LESS, LESS_EQUAL.
#include <functional>

#include "ops/elementwise.h"
#include "quant/any_shift.h"

namespace sanderling {
namespace {

// Quantized values are compared as numbers with a few more bits. The reference divides by a power of two even where
// the scale is above 1 and it would have to multiply.
class OperandRescale {
 public:
  explicit OperandRescale(const TensorInfo& t)
      : zero_point_(t.zero_point()), multiplier_(quantize_multiplier(t.scale())) {}
  int32_t operator()(int32_t q) const {
    constexpr int kBits = 8;
    const int32_t x = (q - zero_point_) * (1 << kBits);
    return divide_by_any_pot(saturating_rounding_doubling_high_mul(x, multiplier_.multiplier), -multiplier_.shift);
  }

 private:
  int32_t zero_point_;
  Multiplier multiplier_;
};

bool quantized(PrepareContext& ctx) {
  const bool a = ctx.input(0).quantized(), b = ctx.input(1).quantized();
  check(a == b, "input ", a ? 0 : 1, " is quantized but input ", a ? 1 : 0, " is not");
  return a;
}

template <class T, class Compare>
RunFunction run_plain(const Broadcast& loops) {
  return run_binary<T, uint8_t>(loops, 0.5, [](T a, T b) { return static_cast<uint8_t>(Compare()(a, b)); });
}

// T: an 8-bit type.
template <class T, class Compare>
RunFunction run_8_bits(PrepareContext& ctx, const Broadcast& loops) {
  if (!quantized(ctx)) return run_plain<T, Compare>(loops);
  struct Tables {
    int32_t rescaled[2][256];
  } tables;
  for (int k = 0; k < 2; ++k) {
    const OperandRescale rescale(ctx.input(k));
    for (int byte = 0; byte < 256; ++byte) tables.rescaled[k][byte] = rescale(static_cast<T>(byte));
  }
  return run_binary<uint8_t, uint8_t>(loops, 1, [tables](uint8_t a, uint8_t b) {
    return static_cast<uint8_t>(Compare()(tables.rescaled[0][a], tables.rescaled[1][b]));
  });
}

template <class Compare>
RunFunction run_quantized_int16(PrepareContext& ctx, const Broadcast& loops) {
  if (!quantized(ctx)) return run_plain<int16_t, Compare>(loops);
  return run_binary<int16_t, uint8_t>(
      loops, 3, [to_a = OperandRescale(ctx.input(0)), to_b = OperandRescale(ctx.input(1))](int16_t a, int16_t b) {
        return static_cast<uint8_t>(Compare()(to_a(a), to_b(b)));
      });
}

Broadcast prepare_comparison(PrepareContext& ctx) {
  const Broadcast loops = prepare_binary(ctx);
  expect_output_dtype(ctx, DType::boolean);
  return loops;
}

template <class Compare>
void prepare_equality(PrepareContext& ctx) {
  const Broadcast loops = prepare_comparison(ctx);
  const DType type = ctx.input(0).dtype;
  switch (type) {
    case DType::boolean:
      return ctx.on_run(run_binary<uint8_t, uint8_t>(
          loops, 0.2, [](uint8_t a, uint8_t b) { return static_cast<uint8_t>(Compare()(a != 0, b != 0)); }));
    case DType::int8: return ctx.on_run(run_8_bits<int8_t, Compare>(ctx, loops));
    case DType::uint8: return ctx.on_run(run_8_bits<uint8_t, Compare>(ctx, loops));
    case DType::int16: return ctx.on_run(run_quantized_int16<Compare>(ctx, loops));
    case DType::int32: return ctx.on_run(run_plain<int32_t, Compare>(loops));
    case DType::int64: return ctx.on_run(run_plain<int64_t, Compare>(loops));
    case DType::float32: return ctx.on_run(run_plain<float, Compare>(loops));
    default: fail("inputs are ", dtype_name(type), "; bool, int8, uint8, int16, int32, int64 or float32 expected");
  }
}

template <class Compare>
void prepare_order(PrepareContext& ctx) {
  const Broadcast loops = prepare_comparison(ctx);
  const DType type = ctx.input(0).dtype;
  switch (type) {
    case DType::int8: return ctx.on_run(run_8_bits<int8_t, Compare>(ctx, loops));
    case DType::uint8: return ctx.on_run(run_8_bits<uint8_t, Compare>(ctx, loops));
    // As the reference: without regard to quantization.
    case DType::int16: return ctx.on_run(run_plain<int16_t, Compare>(loops));
    case DType::int32: return ctx.on_run(run_plain<int32_t, Compare>(loops));
    case DType::int64: return ctx.on_run(run_plain<int64_t, Compare>(loops));
    case DType::float32: return ctx.on_run(run_plain<float, Compare>(loops));
    default: fail("inputs are ", dtype_name(type), "; int8, uint8, int16, int32, int64 or float32 expected");
  }
}

}  // namespace

void prepare_equal(PrepareContext& ctx) { prepare_equality<std::equal_to<>>(ctx); }
void prepare_not_equal(PrepareContext& ctx) { prepare_equality<std::not_equal_to<>>(ctx); }
void prepare_greater(PrepareContext& ctx) { prepare_order<std::greater<>>(ctx); }
void prepare_greater_equal(PrepareContext& ctx) { prepare_order<std::greater_equal<>>(ctx); }
void prepare_less(PrepareContext& ctx) { prepare_order<std::less<>>(ctx); }
void prepare_less_equal(PrepareContext& ctx) { prepare_order<std::less_equal<>>(ctx); }

}  // namespace sanderling
