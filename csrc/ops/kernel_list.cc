#include <array>

#include "cpu/kernels.h"

namespace sanderling {
namespace {

// Folder, and the two cells of a row: an instruction set and a name.
constexpr std::array<const char*, 3> kRows[] = {
#define SANDERLING_KERNEL(first, second) {SANDERLING_KERNEL_FOLDER, #first, #second},
#include "kernel_rows.inc"
#undef SANDERLING_KERNEL
};

}  // namespace

std::vector<KernelInfo> all_kernels() {
  std::vector<KernelInfo> list;
  for (const auto& [folder, first, second] : kRows) {
    Isa isa;
    if (find_isa(first, isa))
      list.push_back({folder, second, isa});
    else if (find_isa(second, isa))
      list.push_back({folder, first, isa});
  }
  return list;
}

}  // namespace sanderling
