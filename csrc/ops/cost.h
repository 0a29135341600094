// How long steps take, roughly, for RunContext::parallel_for.
#pragma once

#include <cstring>

#include "cpu/isa.h"

namespace sanderling {

// How many times as fast as portable code the kernels of an instruction set are: short work is not worth sharing.
inline double kernel_speed(Isa isa) {
  struct Speed {
    const char* isa;
    double factor;
  };
  constexpr Speed kSpeeds[] = {{"avx512amx", 24}, {"avx512vnni", 12},  {"avxvnni", 8}, {"avx2", 4},
                               {"neon_i8mm", 8},  {"neon_dotprod", 5}, {"neon", 2}};
  for (const Speed& s : kSpeeds)
    if (std::strcmp(isa_name(isa), s.isa) == 0) return s.factor;
  return 1;
}

}  // namespace sanderling
