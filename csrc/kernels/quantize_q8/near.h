// Products with 1 / scale instead of quotients. Within +-kMost (beyond it all zero points saturate) the two differ by
// less than 2^-12: unless a product is that close to the middle between two integers, the nearest one is that of the
// quotient. Only vectors with such a value, or NaN, are divided. Vector has
//   kLanes, Type, load(p)
//   near(x, inverse, doubtful)   nearest integers; doubtful is set where one might be another
//   exact(x, scale)              round_quotient() of quant/round_quotient.h
//   none(), any(doubtful), Output
//   store(out, a, b, c, d, output)   four vectors of integers as bytes
#pragma once

#include <cstring>

#include "kernels/quantize_q8/quantize_q8.h"

namespace sanderling {
namespace {

constexpr float kMost = 600.0f, kSafe = 0.5f - 1.0f / 4096;

template <class Vector>
struct NearQuotients {
  static constexpr int64_t kLanes = Vector::kLanes;

  static inline __attribute__((always_inline)) void four(const float* x, float scale, float inverse,
                                                         const typename Vector::Output& output, uint8_t* out) {
    auto doubtful = Vector::none();
    auto a = Vector::near(Vector::load(x), inverse, doubtful);
    auto b = Vector::near(Vector::load(x + kLanes), inverse, doubtful);
    auto c = Vector::near(Vector::load(x + 2 * kLanes), inverse, doubtful);
    auto d = Vector::near(Vector::load(x + 3 * kLanes), inverse, doubtful);
    if (__builtin_expect(Vector::any(doubtful), 0)) {
      a = Vector::exact(Vector::load(x), scale);
      b = Vector::exact(Vector::load(x + kLanes), scale);
      c = Vector::exact(Vector::load(x + 2 * kLanes), scale);
      d = Vector::exact(Vector::load(x + 3 * kLanes), scale);
    }
    Vector::store(out, a, b, c, d, output);
  }

  static void run(const float* x, int64_t n, float scale, int32_t zero_point, uint8_t flip, uint8_t* out) {
    // The inverse and products with it must be normal numbers where it matters.
    if (!(scale > 1e-30f && scale < 1e30f)) return quantize_q8_portable_plain(x, n, scale, zero_point, flip, out);
    const float inverse = 1.0f / scale;
    const typename Vector::Output output(zero_point, -128, 127, flip);
    for (; n >= 4 * kLanes; n -= 4 * kLanes, x += 4 * kLanes, out += 4 * kLanes) four(x, scale, inverse, output, out);
    if (n == 0) return;
    float rest[4 * kLanes] = {};
    uint8_t bytes[4 * kLanes];
    std::memcpy(rest, x, static_cast<size_t>(n) * sizeof(float));
    four(rest, scale, inverse, output, bytes);
    std::memcpy(out, bytes, static_cast<size_t>(n));
  }
};

}  // namespace
}  // namespace sanderling
