#include "cpu/isa.h"

#include <sched.h>
#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#elif defined(__linux__)
#include <sys/auxv.h>
#endif

#include <cstdlib>
#include <thread>

#include "base/error.h"

namespace sanderling {
namespace {

// Run-time probes, one for each row of the table.
bool probe_portable() { return true; }

#if defined(__x86_64__) || defined(__i386__)
// Asked of the processor itself, once, as it may take microseconds: __builtin_cpu_supports() knows nothing in programs
// that zig links.
struct Leaf {
  unsigned a = 0, b = 0, c = 0, d = 0;
  explicit Leaf(unsigned leaf, unsigned part = 0) {
    if (__get_cpuid_count(leaf, part, &a, &b, &c, &d) == 0) a = b = c = d = 0;
  }
};

constexpr bool has(unsigned bits, unsigned wanted) { return (bits & wanted) == wanted; }

struct Processor {
  const Leaf basic{1}, extended{7}, more{7, 1};
  unsigned kept = 0;  // kinds of registers that the system keeps for each thread

  Processor() {
    constexpr unsigned kXsave = 1u << 27;
    unsigned high;
    if (has(basic.c, kXsave)) asm volatile("xgetbv" : "=a"(kept), "=d"(high) : "c"(0));
  }
};

const Processor& processor() {
  static const Processor found;
  return found;
}

bool probe_avx2() {
  constexpr unsigned kFma = 1u << 12, kAvx = 1u << 28, kAvx2 = 1u << 5, kYmm = 1u << 1 | 1u << 2;
  const Processor& p = processor();
  return has(p.kept, kYmm) && has(p.basic.c, kFma | kAvx) && has(p.extended.b, kAvx2);
}
bool probe_avxvnni() { return probe_avx2() && has(processor().more.a, 1u << 4); }
bool probe_avx512vnni() {
  constexpr unsigned kF = 1u << 16, kDq = 1u << 17, kBw = 1u << 30, kVl = 1u << 31, kVnni = 1u << 11;
  constexpr unsigned kZmm = 1u << 5 | 1u << 6 | 1u << 7;
  const Processor& p = processor();
  return probe_avx2() && has(p.kept, kZmm) && has(p.extended.b, kF | kDq | kBw | kVl) && has(p.extended.c, kVnni);
}

// A process has to ask the kernel once for the tile registers (Linux 5.16), and may be refused.
bool may_use_tiles() {
#if defined(__x86_64__) && defined(SYS_arch_prctl)
  constexpr int kRequestPermission = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  static const bool granted = syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
  return granted;
#else
  return false;
#endif
}
bool probe_avx512amx() {
  constexpr unsigned kTileAndInt8 = 3u << 24;
  return probe_avx512vnni() && has(processor().extended.d, kTileAndInt8) && may_use_tiles();
}
#elif defined(__aarch64__)
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
