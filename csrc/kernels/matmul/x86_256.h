// What the q8 kernels of 256-bit vectors share.
#pragma once

#include <immintrin.h>

#include "kernels/matmul/products_q8.h"

namespace sanderling::matmul {
namespace {

struct Lanes256 {
  using Type = __m256i;
  static constexpr int64_t kLanes = 8;
  static constexpr int kVectors = 4, kRows = 2, kBits = 8;
  static constexpr int kAhead = 1024;

  static Type splat(int32_t x) noexcept { return _mm256_set1_epi32(x); }
  static Type values(const char* p) noexcept {
    int32_t x;
    std::memcpy(&x, p, sizeof x);
    return splat(x);
  }
  static Type load(const int32_t* p) noexcept { return _mm256_loadu_si256(reinterpret_cast<const Type*>(p)); }
  static void store(int32_t* p, Type v) noexcept { _mm256_storeu_si256(reinterpret_cast<Type*>(p), v); }
  static Type add(Type a, Type b) noexcept { return _mm256_add_epi32(a, b); }
  static Type subtract(Type a, Type b) noexcept { return _mm256_sub_epi32(a, b); }
  static Type multiply(Type a, Type b) noexcept { return _mm256_mullo_epi32(a, b); }
};

// Four bits: what the kernels of bytes have as two vectors.
struct Nibbles256 : Lanes256 {
  using Left = uint8_t;
  static constexpr int64_t kGroup = 8;
  static constexpr int kBits = 4;
  struct Halves {
    Type low, high;
  };

  static constexpr int64_t place(int64_t lane, int64_t k) noexcept { return lane * 4 + k; }
  static Halves values(const char* p) noexcept { return {Lanes256::values(p), Lanes256::values(p + 4)}; }
  static Halves weights(const int8_t* p) noexcept {
    const Type w = _mm256_loadu_si256(reinterpret_cast<const Type*>(p)), mask = _mm256_set1_epi8(15);
    return {_mm256_and_si256(w, mask), _mm256_and_si256(_mm256_srli_epi16(w, 4), mask)};
  }
};

}  // namespace
}  // namespace sanderling::matmul
