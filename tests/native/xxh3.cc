// kernels/xxh3 against the reference implementation (the hash of the hashes was made with it, version 0.8): what one
// processor writes into a compiled model, others check.
#include "kernels/xxh3/xxh3.h"

#include "check.h"
#include "guarded.h"

namespace sanderling::test {
namespace {

constexpr FunctionRow<Xxh3Kernel> kXxh3TestRows[] = {
#define SANDERLING_KERNEL(isa, name) SANDERLING_IF_##isa({Isa::isa, #name, xxh3_##isa##_##name}, )
#include "kernels/xxh3/kernels.inc"
#undef SANDERLING_KERNEL
};

void check_row(const FunctionRow<Xxh3Kernel>& row, Tally& tally) {
  constexpr size_t kLengths = 2500, kOffsets = 17;
  std::vector<uint8_t> data(kLengths + kOffsets);
  uint64_t random = 1, all = 0;
  for (uint8_t& x : data) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    x = static_cast<uint8_t>(random >> 56);
  }
  for (size_t n = 0; n < kLengths; ++n) {
    // Ends where its memory ends.
    const Guarded copy(&data[n % kOffsets], n, Place::at_end);
    all = all * 0x9E3779B185EBCA87 + xxh3(copy.as<uint8_t>(), n, row.run);
  }
  if (all != 0x1360db5b42725aa5) tally.fail("the hashes of all lengths below 2500 are not those of the reference");
}

}  // namespace

void check_xxh3(Random&, Tally& tally) {
  static bool done = false;  // nothing in it is random
  if (done) return;
  done = true;
  for (const FunctionRow<Xxh3Kernel>& row : kXxh3TestRows)
    if (tally.begins("xxh3", row.isa, row.name, "all lengths")) check_row(row, tally);
}

}  // namespace sanderling::test
