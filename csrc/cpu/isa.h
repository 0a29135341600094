// Instruction sets: the enum from cmake/isa.cmake, what this CPU has, and what the user asked for.
#pragma once

#include <string>
#include <vector>

namespace sanderling {

enum class Isa : int {
#define SANDERLING_ISA(name, asked) name,
#include "isa_table.inc"
#undef SANDERLING_ISA
};

const char* isa_name(Isa);
// Whether this build has an instruction set of this name; sets `isa` if so.
bool find_isa(const std::string& name, Isa& isa);
// Whether this CPU can run the instruction set. `portable` always can.
bool isa_available(Isa);
// Instruction sets of this build that this CPU can run, best first, without those whose kernels compute other
// results than the rest, and which therefore have to be asked for (by an option of their own: has_fp16).
std::vector<Isa> available_isas();
// Those that have to be asked for.
std::vector<Isa> asked_isas();
// By name; an empty name means the environment's SANDERLING_ISA, else the best. Throws Error for an unknown name or
// one that this CPU cannot run, listing those that it can.
Isa choose_isa(const std::string& name);
// Whether there are kernels of fp16 arithmetic among those not better than `best`, and this CPU runs them.
bool has_fp16(Isa best);
// Cores that this process may run on (its affinity mask).
int available_cores();

}  // namespace sanderling
