// A loop over so many chains of one instruction that neither its latency nor the loop itself counts.
#pragma once

#include <cstdint>
#include <cstring>

#include "kernels/peak/peak.h"

// The value stays in its register, but the compiler no longer knows it: equal products are computed again.
#if defined(__x86_64__) || defined(__i386__)
#define SANDERLING_FORGET(x) asm volatile("" : "+x"(x))
#else
#define SANDERLING_FORGET(x) asm volatile("" : "+w"(x))
#endif

namespace sanderling {
namespace {

// Step: Sum, a vector of Lane, and Factor; zero(), ones() and run(sum, x, w).
template <class Step>
int64_t run_chains(int64_t loops) noexcept {
  using Sum = typename Step::Sum;
  Sum s0 = Step::zero(), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0, s8 = s0, s9 = s0;
  typename Step::Factor x = Step::ones(), w = Step::ones();
  auto step = [&x, &w](Sum& s) __attribute__((always_inline)) {
    SANDERLING_FORGET(x);
    s = Step::run(s, x, w);
  };
  for (int64_t i = 0; i < loops; ++i)
    step(s0), step(s1), step(s2), step(s3), step(s4), step(s5), step(s6), step(s7), step(s8), step(s9);
  int64_t total = 0;
  for (const Sum& s : {s0, s1, s2, s3, s4, s5, s6, s7, s8, s9}) {
    typename Step::Lane first;  // of equal ones
    std::memcpy(&first, &s, sizeof first);
    total += static_cast<int64_t>(sizeof s / sizeof first) * static_cast<int64_t>(first);
  }
  return total;
}

}  // namespace
}  // namespace sanderling
