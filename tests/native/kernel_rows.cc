// Runs every row of every kernels.inc that this CPU can run on random cases, with all buffers against inaccessible
// pages, and compares with the portable row (or the definition), bit for bit:
//
//   kernel_rows [SEED [COUNT [FOLDER]]]       default: 1 100 and all folders
//
// Prints how many cases each row took, and fails for a row that took none. A failure or fault prints its seed:
// `kernel_rows THAT_SEED 1 FOLDER` repeats it. SANDERLING_TEST_ISAS (comma-separated): the instruction sets that this
// CPU has; one that the build has and cannot run, or the other way round, is a failure.
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <set>
#include <sstream>

#include "check.h"
#include "cpu/kernels.h"

namespace {

using sanderling::Isa;
using namespace sanderling::test;

struct Folder {
  const char* name;
  void (*check)(Random&, Tally&);
};

// A new kernel folder adds its check here.
constexpr Folder kFolders[] = {
    {"add_q8", check_add_q8},
    {"arg_max_q8", check_arg_max_q8},
    {"bilinear_u8", check_bilinear_u8},
    {"conv2d_f32", check_conv2d_f32},
    {"conv2d_q8", check_conv2d_q8},
    {"depthwise_f32", check_depthwise_f32},
    {"depthwise_q8", check_depthwise_q8},
    {"dequantize_q8", check_dequantize_q8},
    {"fused_rescale", check_fused_rescale},
    {"hybrid_rows", check_hybrid_rows},
    {"lut_q8", check_lut_q8},
    {"matmul", check_matmul},
    {"max_pool_q8", check_max_pool_q8},
    {"mul_q8", check_mul_q8},
    {"peak", check_peak},
    {"quantize_q8", check_quantize_q8},
    {"requantize_q8", check_requantize_q8},
    {"rescale_real", check_rescale_real},
    {"xxh3", check_xxh3},
};

Tally tally;

extern "C" void on_fault(int signal) {
  // printf is not safe here; the process ends anyway.
  std::printf("FAULT (signal %d) with seed %llu: %s\n", signal, static_cast<unsigned long long>(tally.seed()),
              tally.place());
  std::fflush(stdout);
  std::_Exit(1);
}

int complain(const std::string& what) {
  std::printf("FAILED: %s\n", what.c_str());
  return 1;
}

int check_isas() {
  const char* listed = std::getenv("SANDERLING_TEST_ISAS");
  if (listed == nullptr) return 0;
  std::set<std::string> expected, found;
  std::stringstream names(listed);
  for (std::string name; std::getline(names, name, ',');) expected.insert(name);
  for (const auto& isas : {sanderling::available_isas(), sanderling::asked_isas()})
    for (Isa isa : isas) found.insert(sanderling::isa_name(isa));
  if (expected == found) return 0;
  std::string text;
  for (const std::string& name : found) text += " " + name;
  return complain(std::string("SANDERLING_TEST_ISAS is ") + listed + ", but this CPU runs" + text);
}

}  // namespace

int main(int argc, char** argv) {
  const uint64_t seed = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1;
  const uint64_t count = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 100;
  const std::string only = argc > 3 ? argv[3] : "";
  for (int signal : {SIGSEGV, SIGBUS, SIGILL, SIGFPE}) std::signal(signal, on_fault);
  if (int failed = check_isas()) return failed;
  for (const Folder& folder : kFolders) {
    if (!only.empty() && only != folder.name) continue;
    for (uint64_t i = 0; i < count; ++i) {
      Random random(seed + i);
      tally.seed(seed + i);
      folder.check(random, tally);
    }
  }
  int failed = 0;
  for (const sanderling::KernelInfo& row : sanderling::all_kernels()) {
    if ((!only.empty() && only != row.folder) || !sanderling::isa_available(row.isa)) continue;
    const auto found = tally.runs().find({row.folder, sanderling::isa_name(row.isa), row.name});
    const int64_t cases = found == tally.runs().end() ? 0 : found->second;
    std::printf("%s %s/%s %lld\n", row.folder, sanderling::isa_name(row.isa), row.name, static_cast<long long>(cases));
    if (cases == 0) failed = complain("no case reached this row (does tests/native have a check of its folder?)");
  }
  return failed;
}
