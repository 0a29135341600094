// CAST: the value in another element type; real numbers towards zero, saturated where they do not fit.
#include <type_traits>

#include "base/saturate.h"
#include "ops/unary.h"

namespace sanderling {
namespace {

// Half precision with its own type, so that it is not taken for uint16.
struct Half {
  uint16_t bits;
};

template <class To, class From>
To convert(From x) {
  if constexpr (std::is_same_v<From, Half>)
    return convert<To>(half_to_float(x.bits));
  else if constexpr (std::is_same_v<To, Half>)
    return Half{float_to_half(static_cast<float>(x))};
  else if constexpr (std::is_same_v<To, bool>)
    return x != From{0};
  else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>)
    return saturate_cast<To>(x, std::numeric_limits<To>::max());
  else
    return static_cast<To>(x);
}

constexpr const char* kTypes =
    "float32, float16, float64, int8, uint8, int16, uint16, int32, uint32, int64, uint64 or bool";

// Calls f with a value of the C++ type of t.
template <class F>
void with_type(DType t, const char* which, const F& f) {
  switch (t) {
    case DType::float32: return f(float{});
    case DType::float16: return f(Half{});
    case DType::float64: return f(double{});
    case DType::int8: return f(int8_t{});
    case DType::uint8: return f(uint8_t{});
    case DType::int16: return f(int16_t{});
    case DType::uint16: return f(uint16_t{});
    case DType::int32: return f(int32_t{});
    case DType::uint32: return f(uint32_t{});
    case DType::int64: return f(int64_t{});
    case DType::uint64: return f(uint64_t{});
    case DType::boolean: return f(bool{});
    default: fail(which, " is ", dtype_name(t), "; ", kTypes, " expected");
  }
}

}  // namespace

void prepare_cast(PrepareContext& ctx) {
  const TensorInfo& x = prepare_unary(ctx);
  const DType out = ctx.output(0).dtype;
  with_type(x.dtype, "input", [&](auto from) {
    with_type(out, "output", [&](auto to) {
      using From = decltype(from);
      using To = decltype(to);
      run_unary<From, To>(ctx, 1, convert<To, From>);
    });
  });
}

}  // namespace sanderling
