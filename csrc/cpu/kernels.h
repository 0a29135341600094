// Choosing among the implementations of a hot operator: the rows of its kernels.inc, best first.
//
// A row SANDERLING_KERNEL(isa, name) of kernels/<folder>/kernels.inc stands for the constant <folder>_<isa>_<name>,
// which <isa>.cc (or reference.cc, for portable) defines. Rows of other processor families are left out by
// SANDERLING_IF_<isa>.
#pragma once

#include <vector>

#include "cpu/isa.h"
#include "isa_select.h"

namespace sanderling {

template <class Kernel>
struct KernelRow {
  Isa isa;
  const char* name;
  const Kernel* kernel;
};

// The first row that this CPU runs, that is not better than `best` and whose kernel can take `params`.
// The last row is portable and takes everything.
template <class Kernel, size_t n, class Params>
const KernelRow<Kernel>& choose_kernel(const KernelRow<Kernel> (&rows)[n], const Params& params, Isa best) {
  for (const KernelRow<Kernel>& row : rows)
    if (static_cast<int>(row.isa) >= static_cast<int>(best) && isa_available(row.isa) && row.kernel->takes(params))
      return row;
  return rows[n - 1];
}

// Kernels that are a single function and take everything.
template <class Function>
struct FunctionRow {
  Isa isa;
  const char* name;
  Function* run;
};

template <class Function, size_t n>
const FunctionRow<Function>& choose_function(const FunctionRow<Function> (&rows)[n], Isa best) {
  for (const FunctionRow<Function>& row : rows)
    if (static_cast<int>(row.isa) >= static_cast<int>(best) && isa_available(row.isa)) return row;
  return rows[n - 1];
}

struct KernelInfo {
  const char* folder;
  const char* name;
  Isa isa;
};

// Every row of every kernels.inc whose instruction set this build has.
std::vector<KernelInfo> all_kernels();

}  // namespace sanderling
