#include "cpu/isa.h"

#include <sched.h>

#include <cstdlib>
#include <thread>

#include "base/error.h"

namespace sanderling {
namespace {

// Run-time probes, one specialisation for each row of the table.
template <Isa>
bool probe();

template <>
bool probe<Isa::portable>() {
  return true;
}

struct Row {
  Isa isa;
  const char* name;
  bool (*probe)();
};

constexpr Row kRows[] = {
#define SANDERLING_ISA(name) {Isa::name, #name, probe<Isa::name>},
#include "isa_table.inc"
#undef SANDERLING_ISA
};

const Row& row(Isa isa) { return kRows[static_cast<int>(isa)]; }

}  // namespace

const char* isa_name(Isa isa) { return row(isa).name; }

bool find_isa(const std::string& name, Isa& isa) {
  for (const Row& r : kRows) {
    if (name != r.name) continue;
    isa = r.isa;
    return true;
  }
  return false;
}

bool isa_available(Isa isa) { return row(isa).probe(); }

std::vector<Isa> available_isas() {
  std::vector<Isa> found;
  for (const Row& r : kRows)
    if (r.probe()) found.push_back(r.isa);
  return found;
}

Isa choose_isa(const std::string& asked) {
  const char* environment = std::getenv("SANDERLING_ISA");
  std::string name = !asked.empty() ? asked : (environment ? environment : "");
  if (name.empty()) return available_isas().front();
  std::string known;
  for (const Row& r : kRows) {
    if (!r.probe()) continue;
    if (name == r.name) return r.isa;
    known += known.empty() ? r.name : std::string(", ") + r.name;
  }
  fail("instruction set '", name, "' is not known or this CPU does not have it; available: ", known);
}

int available_cores() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) {
    int n = CPU_COUNT(&set);
    if (n > 0) return n;
  }
  unsigned n = std::thread::hardware_concurrency();
  return n > 0 ? static_cast<int>(n) : 1;
}

}  // namespace sanderling
