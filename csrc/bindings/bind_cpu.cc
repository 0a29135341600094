// Instruction sets and cores.
#include <pybind11/stl.h>

#include "bindings/bindings.h"
#include "cpu/isa.h"
#include "cpu/kernels.h"
#include "ops/op.h"

namespace py = pybind11;

void bind_cpu(py::module_& m) {
  m.def("available_isas", [] {
    std::vector<std::string> names;
    for (sanderling::Isa isa : sanderling::available_isas()) names.emplace_back(sanderling::isa_name(isa));
    return names;
  });
  m.def("available_cores", &sanderling::available_cores);
  // (folder, row, instruction set) of every hot kernel of this build.
  m.def("kernels", [] {
    std::vector<std::tuple<std::string, std::string, std::string>> rows;
    for (const sanderling::KernelInfo& k : sanderling::all_kernels())
      rows.emplace_back(k.folder, k.name, sanderling::isa_name(k.isa));
    return rows;
  });
  m.def("operators", [] {
    std::vector<std::string> names;
    for (const sanderling::OpDef* op : sanderling::all_ops()) names.emplace_back(op->name);
    return names;
  });
}
