// CAST: the value in another element type; real numbers towards zero, saturated where they do not fit.
#include <algorithm>
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
    case DType::boolean: return f(bool{});
    default:
      fail(which, " is ", dtype_name(t),
           "; float32, float16, float64, int8, uint8, int16, uint16, int32, uint32, int64 or bool expected");
  }
}

template <class From, class To>
void prepare_pair(PrepareContext& ctx) {
  run_unary<From, To>(ctx, 1, [](From v) { return convert<To>(v); });
}

// n elements of one type to another, number `begin` of an array on.
using Step = void (*)(const void* from, int64_t from_begin, void* to, int64_t to_begin, int64_t n);

template <class From, class To>
void convert_row(const void* from, int64_t from_begin, void* to, int64_t to_begin, int64_t n) {
  const From* x = static_cast<const From*>(from) + from_begin;
  To* y = static_cast<To*>(to) + to_begin;
  for (int64_t i = 0; i < n; ++i) y[i] = convert<To>(x[i]);
}

// Pairs without float32, through int64 or double, which hold every value: two short lists of loops, not one of all
// pairs.
template <class Wide>
void prepare_two_steps(PrepareContext& ctx, Step widen, DType out) {
  Step narrow = nullptr;
  with_type(out, "output", [&](auto to) { narrow = convert_row<Wide, decltype(to)>; });
  int64_t n = ctx.input(0).shape.elements();
  ctx.on_run([=](RunContext& run) {
    const void* x = run.input<void>(0);
    void* y = run.output<void>(0);
    run.parallel_for(n, 2, [&](int64_t begin, int64_t end, int) {
      constexpr int64_t kBlock = 256;
      Wide wide[kBlock];
      for (int64_t i = begin; i < end; i += kBlock) {
        const int64_t part = std::min(kBlock, end - i);
        widen(x, i, wide, 0, part);
        narrow(wide, 0, y, i, part);
      }
    });
  });
}

}  // namespace

void prepare_cast(PrepareContext& ctx) {
  const DType in = prepare_unary(ctx).dtype, out = ctx.output(0).dtype;
  if (in == DType::float32) return with_type(out, "output", [&](auto to) { prepare_pair<float, decltype(to)>(ctx); });
  if (out == DType::float32)
    return with_type(in, "input", [&](auto from) { prepare_pair<decltype(from), float>(ctx); });
  with_type(in, "input", [&](auto from) {
    using From = decltype(from);
    using Wide = std::conditional_t<std::is_integral_v<From>, int64_t, double>;
    prepare_two_steps<Wide>(ctx, convert_row<From, Wide>, out);
  });
}

}  // namespace sanderling
