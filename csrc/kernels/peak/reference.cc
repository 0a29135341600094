// What the compiler makes of dot products of vectors in the first cache.
#include "kernels/peak/peak.h"

namespace sanderling {
namespace {

constexpr int kLength = 512;

// Somebody may have changed x and w, as far as the compiler knows.
#define SANDERLING_CHANGED(x, w) asm volatile("" : : "r"(x), "r"(w) : "memory")

int64_t run_floats(int64_t loops) noexcept {
  alignas(64) float x[kLength], w[kLength];
  for (int k = 0; k < kLength; ++k) x[k] = w[k] = 1;
  int64_t total = 0;
  for (int64_t i = 0; i < loops; ++i) {
    SANDERLING_CHANGED(x, w);
    float sums[16] = {};
    for (int k = 0; k < kLength; k += 16)
      for (int lane = 0; lane < 16; ++lane) sums[lane] += x[k + lane] * w[k + lane];
    for (float sum : sums) total += static_cast<int64_t>(sum);
  }
  return total;
}

// Sums in one variable, for which compilers find the instruction that adds pairs of products.
int64_t run_words(int64_t loops) noexcept {
  alignas(64) int16_t x[kLength], w[kLength];
  for (int k = 0; k < kLength; ++k) x[k] = w[k] = 1;
  int64_t total = 0;
  for (int64_t i = 0; i < loops; ++i) {
    SANDERLING_CHANGED(x, w);
    int32_t sum = 0;
    for (int k = 0; k < kLength; ++k) sum += x[k] * w[k];
    total += sum;
  }
  return total;
}

}  // namespace

const PeakLoop peak_portable_dot16 = {false, run_words};
const PeakLoop peak_portable_dot = {true, run_floats};

}  // namespace sanderling
