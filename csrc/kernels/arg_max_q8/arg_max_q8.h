// Where the largest byte of each row is.
//
//   out[r] = the first k < n for which rows[r][k] ^ mask is largest as an unsigned number
//
// rows: [count, n] bytes, n > 0. `mask` turns values into unsigned numbers in the wanted order: with 0x80 those of
// int8, with 0xFF in addition the smallest comes first.
#pragma once

#include <cstdint>

#include "cpu/kernels.h"

namespace sanderling {

using ArgMaxQ8Kernel = void(const uint8_t* rows, int64_t count, int64_t n, uint8_t mask, int32_t* out);

#define SANDERLING_KERNEL(isa, name) ArgMaxQ8Kernel arg_max_q8_##isa##_##name;
#include "kernels/arg_max_q8/kernels.inc"
#undef SANDERLING_KERNEL

const FunctionRow<ArgMaxQ8Kernel>& choose_arg_max_q8(Isa best);

}  // namespace sanderling
