// What the reducing operators (MEAN, SUM, REDUCE_*) share.
#pragma once

#include <type_traits>

#include "ops/reduction.h"

namespace sanderling {

// Sums and products that wrap, as the reference's hardware does.
template <class T>
T wrap_add(T a, T b) {
  if constexpr (std::is_floating_point_v<T>)
    return a + b;
  else
    return static_cast<T>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}
template <class T>
T wrap_mul(T a, T b) {
  if constexpr (std::is_floating_point_v<T>)
    return a * b;
  else
    return static_cast<T>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
}

// Checks the node's two inputs and types.
Reduction prepare_reduction(PrepareContext&);

// out[i] = acc[i].
template <class T, class Next>
void run_plain_reduction(PrepareContext& ctx, const Reduction& r, T start, const Next& next) {
  run_reduction_loops(ctx, r, reduction_loops<T, T>(start, start, 0.5, next));
}

template <class T>
void sum_of(PrepareContext& ctx, const Reduction& r) {
  run_plain_reduction<T>(ctx, r, T(0), [](T a, T x) { return wrap_add(a, x); });
}

// Truth values, held as bytes (a damaged file may hold others than 0 and 1).
void any_of(PrepareContext&, const Reduction&);
void all_of(PrepareContext&, const Reduction&);

}  // namespace sanderling
