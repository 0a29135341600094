// What an x86 processor can do, and the system lets programs do.
#pragma once

#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sanderling {
namespace {

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

}  // namespace
}  // namespace sanderling
