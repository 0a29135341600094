// Instruction sets and cores.
#include <pybind11/stl.h>

#include "base/clock.h"
#include "bindings/bindings.h"
#include "bindings/gil.h"
#include "cpu/cores.h"
#include "cpu/isa.h"
#include "cpu/kernels.h"
#include "kernels/peak/peak.h"
#include "ops/op.h"

namespace py = pybind11;

namespace {

std::vector<std::string> isa_names(const std::vector<sanderling::Isa>& isas) {
  std::vector<std::string> names;
  for (sanderling::Isa isa : isas) names.emplace_back(sanderling::isa_name(isa));
  return names;
}

}  // namespace

void bind_cpu(py::module_& m) {
  m.def("available_isas", [] { return isa_names(sanderling::available_isas()); });
  m.def("asked_isas", [] { return isa_names(sanderling::asked_isas()); });
  m.def(
      "has_fp16", [](const std::string& isa) { return sanderling::has_fp16(sanderling::choose_isa(isa)); },
      py::kw_only(), py::arg("isa"));
  m.def("available_cores", &sanderling::available_cores);
  m.def("usable_cores", &sanderling::usable_cores);
  m.def("big_cores", &sanderling::big_cores, py::kw_only(), py::arg("cores"),
        py::arg("folder") = "/sys/devices/system/cpu");
  // (folder, row, instruction set) of every hot kernel of this build.
  m.def("kernels", [] {
    std::vector<std::tuple<std::string, std::string, std::string>> rows;
    for (const sanderling::KernelInfo& k : sanderling::all_kernels())
      rows.emplace_back(k.folder, k.name, sanderling::isa_name(k.isa));
    return rows;
  });
  // (row, multiply-adds, nanoseconds) of a loop that does nothing else.
  m.def(
      "run_peak",
      [](const std::string& isa, bool is_float, int64_t loops) {
        const auto& row = sanderling::choose_peak(is_float, sanderling::choose_isa(isa));
        const int64_t most = int64_t{1} << 20;
        sanderling::check(loops >= 0 && loops <= most, "loops is ", loops, "; 0 to ", most, " expected");
        const sanderling::ReleaseGil release;
        const double start = sanderling::nanoseconds();
        const int64_t macs = row.kernel->run(loops);
        const double time = sanderling::nanoseconds() - start;
        return std::make_tuple(std::string(sanderling::isa_name(row.isa)) + "/" + row.name, macs, time);
      },
      py::kw_only(), py::arg("isa"), py::arg("is_float"), py::arg("loops"));
  m.def("operators", [] {
    std::vector<std::string> names;
    for (const sanderling::OpDef* op : sanderling::all_ops()) names.emplace_back(op->name);
    return names;
  });
}
