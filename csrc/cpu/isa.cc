#include "cpu/isa.h"

#include <sched.h>
#if defined(__linux__) && !defined(__x86_64__) && !defined(__i386__)
#include <sys/auxv.h>
#endif

#include <cstdlib>
#include <thread>

#include "base/error.h"
#if defined(__x86_64__) || defined(__i386__)
#include "cpu/probe_x86.h"
#endif

namespace sanderling {
namespace {

// Run-time probes, one for each row of the table.
bool probe_portable() { return true; }

#if defined(__aarch64__)
// Bits of the kernel's asm/hwcap.h, which old headers lack.
bool probe_neon() { return true; }
bool probe_neon_dotprod() { return (getauxval(AT_HWCAP) & 1ul << 20) != 0; }
// Vectors of fp16 (ASIMDHP) as well as scalars (FPHP).
bool probe_neon_fp16() { return (~getauxval(AT_HWCAP) & (1ul << 9 | 1ul << 10)) == 0; }
bool probe_neon_i8mm() { return probe_neon_dotprod() && (getauxval(AT_HWCAP2) & 1ul << 13) != 0; }
#elif defined(__arm__)
bool probe_neon() { return (getauxval(AT_HWCAP) & 1ul << 12) != 0; }
#endif

struct IsaRow {
  Isa isa;
  const char* name;
  bool asked;
  bool (*probe)();
};

constexpr IsaRow kIsaRows[] = {
#define SANDERLING_ISA(name, asked) {Isa::name, #name, asked, probe_##name},
#include "isa_table.inc"
#undef SANDERLING_ISA
};

const IsaRow& row(Isa isa) { return kIsaRows[static_cast<int>(isa)]; }

std::vector<Isa> runnable(bool asked) {
  std::vector<Isa> found;
  for (const IsaRow& r : kIsaRows)
    if (r.asked == asked && r.probe()) found.push_back(r.isa);
  return found;
}

}  // namespace

const char* isa_name(Isa isa) { return row(isa).name; }

bool find_isa(const std::string& name, Isa& isa) {
  for (const IsaRow& r : kIsaRows) {
    if (name != r.name) continue;
    isa = r.isa;
    return true;
  }
  return false;
}

bool isa_available(Isa isa) { return row(isa).probe(); }

bool has_fp16(Isa best) {
  Isa isa;
  return find_isa("neon_fp16", isa) && isa >= best && isa_available(isa);
}

std::vector<Isa> available_isas() { return runnable(false); }
std::vector<Isa> asked_isas() { return runnable(true); }

Isa choose_isa(const std::string& asked) {
  const char* environment = std::getenv("SANDERLING_ISA");
  std::string name = !asked.empty() ? asked : (environment ? environment : "");
  if (name.empty()) return available_isas().front();
  std::string known;
  for (const IsaRow& r : kIsaRows) {
    if (r.asked || !r.probe()) continue;
    if (name == r.name) return r.isa;
    known += known.empty() ? r.name : std::string(", ") + r.name;
  }
  fail(asked.empty() ? "SANDERLING_ISA: " : "", "instruction set '", name,
       "' is not known or this CPU does not have it; available: ", known);
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
