// EQUAL, NOT_EQUAL, GREATER, GREATER_EQUAL, LESS, LESS_EQUAL.
#include <utility>

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

// What run_binary_rows needs to know.
struct Comparison {
  double cost;
  int64_t bytes;
  BinaryRow row;
};

struct Equal {
  template <class T>
  bool operator()(T a, T b) const {
    return a == b;
  }
};

struct NotEqual {
  template <class T>
  bool operator()(T a, T b) const {
    return a != b;
  }
};

struct Less {
  template <class T>
  bool operator()(T a, T b) const {
    return a < b;
  }
};

struct LessEqual {
  template <class T>
  bool operator()(T a, T b) const {
    return a <= b;
  }
};

template <class T, class Compare>
Comparison plain_comparison() {
  return {0.5, sizeof(T), binary_row_of<T, uint8_t>([](T a, T b) { return static_cast<uint8_t>(Compare()(a, b)); })};
}

// Rescaled values of all bytes of both operands, `first` before the other.
struct ComparedBytes {
  int32_t rescaled[2][256];

  ComparedBytes(PrepareContext& ctx, int first) {
    const bool is_signed = ctx.input(0).dtype == DType::int8;
    for (int k = 0; k < 2; ++k) {
      const OperandRescale rescale(ctx.input(first ^ k));
      for (int byte = 0; byte < 256; ++byte) rescaled[k][byte] = rescale(is_signed ? static_cast<int8_t>(byte) : byte);
    }
  }
};

template <class Compare>
Comparison compare_bytes(PrepareContext& ctx, int first) {
  return {1, 1, binary_row_of<uint8_t>([tables = ComparedBytes(ctx, first)](uint8_t a, uint8_t b) {
            return static_cast<uint8_t>(Compare()(tables.rescaled[0][a], tables.rescaled[1][b]));
          })};
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
  Comparison c{};
  switch (type) {
    case DType::boolean:
      c = {0.2, 1, binary_row_of<uint8_t>([](uint8_t a, uint8_t b) {
             return static_cast<uint8_t>(Compare()(a != 0, b != 0));
           })};
      break;
    case DType::int8:
    case DType::uint8:
      c = quantized(ctx) ? compare_bytes<Compare>(ctx, 0) : plain_comparison<uint8_t, Compare>();
      break;
    case DType::int16:
      if (quantized(ctx))
        c = {3, 2,
             binary_row_of<int16_t, uint8_t>(
                 [to_a = OperandRescale(ctx.input(0)), to_b = OperandRescale(ctx.input(1))](int16_t a, int16_t b) {
                   return static_cast<uint8_t>(Compare()(to_a(a), to_b(b)));
                 })};
      else
        c = plain_comparison<int16_t, Compare>();
      break;
    case DType::int32: c = plain_comparison<int32_t, Compare>(); break;
    case DType::int64: c = plain_comparison<int64_t, Compare>(); break;
    case DType::float32: c = plain_comparison<float, Compare>(); break;
    default: fail("inputs are ", dtype_name(type), "; bool, int8, uint8, int16, int32, int64 or float32 expected");
  }
  ctx.on_run(run_binary_rows(loops, c.cost, c.bytes, 1, std::move(c.row)));
}

template <class Compare>
Comparison order_of(PrepareContext& ctx, int first) {
  const DType type = ctx.input(0).dtype;
  switch (type) {
    case DType::int8: return quantized(ctx) ? compare_bytes<Compare>(ctx, first) : plain_comparison<int8_t, Compare>();
    case DType::uint8:
      return quantized(ctx) ? compare_bytes<Compare>(ctx, first) : plain_comparison<uint8_t, Compare>();
    // As the reference: without regard to quantization.
    case DType::int16: return plain_comparison<int16_t, Compare>();
    case DType::int32: return plain_comparison<int32_t, Compare>();
    case DType::int64: return plain_comparison<int64_t, Compare>();
    case DType::float32: return plain_comparison<float, Compare>();
    default: fail("inputs are ", dtype_name(type), "; int8, uint8, int16, int32, int64 or float32 expected");
  }
}

// a < b or a <= b.
void prepare_order(PrepareContext& ctx, Comparison order_of(PrepareContext&, int first)) {
  const Broadcast loops = prepare_comparison(ctx);
  Comparison c = order_of(ctx, 0);
  ctx.on_run(run_binary_rows(loops, c.cost, c.bytes, 1, std::move(c.row)));
}

// a > b is b < a.
void prepare_reverse_order(PrepareContext& ctx, Comparison order_of(PrepareContext&, int first)) {
  const Broadcast loops = prepare_comparison(ctx);
  Comparison c = order_of(ctx, 1);
  ctx.on_run(run_binary_rows(loops, c.cost, c.bytes, 1,
                             [row = std::move(c.row)](const void* a, int64_t step_a, const void* b, int64_t step_b,
                                                      void* out, int64_t n) { row(b, step_b, a, step_a, out, n); }));
}

}  // namespace

void prepare_equal(PrepareContext& ctx) { prepare_equality<Equal>(ctx); }
void prepare_not_equal(PrepareContext& ctx) { prepare_equality<NotEqual>(ctx); }
void prepare_greater(PrepareContext& ctx) { prepare_reverse_order(ctx, order_of<Less>); }
void prepare_greater_equal(PrepareContext& ctx) { prepare_reverse_order(ctx, order_of<LessEqual>); }
void prepare_less(PrepareContext& ctx) { prepare_order(ctx, order_of<Less>); }
void prepare_less_equal(PrepareContext& ctx) { prepare_order(ctx, order_of<LessEqual>); }

}  // namespace sanderling
