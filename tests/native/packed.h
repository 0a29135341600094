// The check of kernels that pack their weights and compute the output in parts (convolutions).
#pragma once

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/window.h"
#include "check.h"
#include "cpu/kernels.h"
#include "cpu/pack_targets.h"
#include "isa_select.h"

namespace sanderling::test {

// Everything of one case; `reference` are the outputs of the portable row, `tolerance` (floats) how far others may be.
template <class Params, class Value>
struct PackedCase {
  Params at_pack, at_run;
  const std::vector<Value>& weights;
  const std::vector<Value>& input;
  std::string what;
};

// Outputs of the last row, portable, from ordinary memory. whole(kernel): the part that is everything.
template <class Out, class Kernel, class Params, class Value, class Whole>
std::vector<Out> reference_outputs(const KernelRow<Kernel>& row, const PackedCase<Params, Value>& c,
                                   const typename Kernel::Bias* bias, int64_t outputs, const Whole& whole) {
  const Kernel& kernel = *row.kernel;
  std::vector<Out> output(static_cast<size_t>(outputs));
  AlignedBuffer packed(kernel.packed_bytes(c.at_pack)), scratch(kernel.scratch_bytes(c.at_run));
  kernel.pack(c.at_pack, c.weights.data(), bias, packed.data());
  whole(kernel, packed.data(), c.input.data(), output.data(), scratch.data());
  return output;
}

// Elements [first, second) of the input whose rows the windows of the output rows [begin, end), counted through all
// batches, touch: a kernel reads no others for these rows.
inline std::pair<int64_t, int64_t> needed_input(const Window2d& w, int64_t begin, int64_t end) {
  if (begin >= end) return {0, 0};
  const int64_t extent = (w.kernel_h - 1) * w.dilation_h + 1;
  auto row = [&](int64_t batch, int64_t y) { return batch * w.in_h + std::min(std::max<int64_t>(y, 0), w.in_h); };
  const int64_t last = end - 1;
  const int64_t from = row(begin / w.out_h, begin % w.out_h * w.stride_h - w.pad_h);
  const int64_t to = row(last / w.out_h, last % w.out_h * w.stride_h - w.pad_h + extent);
  return {from * w.in_w * w.in_c, std::max(from, to) * w.in_w * w.in_c};
}

// The same case for kernels that compute in fp16.
template <class Params>
PackedCase<Params, float> in_fp16(PackedCase<Params, float> c) {
  c.at_pack.fp16 = c.at_run.fp16 = true;
  return c;
}

// Whether a row computes in fp16; it may take no case that does not ask for that.
template <class Kernel, class Params>
bool is_fp16(const Tally& tally, const KernelRow<Kernel>& row, const Params& unasked) {
  const bool fp16 = std::strcmp(isa_name(row.isa), "neon_fp16") == 0;
  if (fp16 && row.kernel->takes(unasked)) tally.fail("takes what has not asked for fp16");
  return fp16;
}

// How far sums in fp16 may be from the exact ones, where their terms are `sizes` in sum: both factors are rounded, and
// up to `terms` additions in a row, by 2^-11 each. Less than 2^-14, rounding is absolute (values are up to 2 here).
inline std::vector<float> fp16_tolerance(std::vector<float> sizes, int64_t depth, int64_t terms) {
  for (float& x : sizes) x = x * static_cast<float>(terms + 2) / 2048 + static_cast<float>(depth) / (1 << 22);
  return sizes;
}

// Random bytes: a few, a run of them at the beginning, or all.
inline void damage(Random& random, uint8_t* data, size_t bytes) {
#ifdef SANDERLING_CHECKS_OVERFLOW
  return;  // sums of any weights overflow, which is harmless, but what UndefinedBehaviorSanitizer looks for
#endif
  if (bytes == 0) return;
  const int64_t n = static_cast<int64_t>(bytes);
  auto spoil = [&](int64_t i) { data[i] = static_cast<uint8_t>(random.between(0, 255)); };
  if (random.once_in(3)) {
    for (int64_t i = 0; i < n; ++i) spoil(i);
  } else if (random.once_in(2)) {
    for (int64_t i = 0; i < std::min<int64_t>(n, 64); ++i) spoil(i);
  } else {
    for (int i = 0; i < 20; ++i) spoil(random.between(0, n - 1));
  }
}

// Where the row's family has packers: its own one gives the same bytes on any processor.
template <class Kernel, class Params, class Value>
void check_packer(Tally& tally, const KernelRow<Kernel>& row, const PackedCase<Params, Value>& c,
                  const typename Kernel::Bias* bias) {
  const auto target = find_pack_target(concat(SANDERLING_FAMILY "/", isa_name(row.isa)));
  if (!target) return;
  const PackerRow<Kernel>* packer = find_packer(c.at_pack, *target);
  const bool found = packer != nullptr && packer->target == *target && packer->name == std::string(row.name);
  if (found != (row.isa != Isa::portable)) return tally.fail("has no packer");
  if (!found) return;
  const size_t bytes = row.kernel->packed_bytes(c.at_pack);
  if (packer->packed_bytes(c.at_pack) != bytes) return tally.fail("packs another number of bytes than its packer");
  std::vector<uint8_t> own(bytes + kAlignment), other(own.size());
  const auto pack = [&](auto how, std::vector<uint8_t>& to) {
    const uintptr_t at = reinterpret_cast<uintptr_t>(to.data());
    uint8_t* aligned = to.data() + (align_up(at) - at);
    how(c.at_pack, c.weights.data(), bias, aligned);
    return aligned;
  };
  const uint8_t *a = pack(row.kernel->pack, own), *b = pack(packer->pack, other);
  if (!std::equal(a, a + bytes, b)) tally.fail("packs other bytes than its packer");
}

// Runs one row between guard pages: all parts at once into one output, then one part into an output of its own.
// parts(kernel): a list that covers the output; run(kernel, params, packed, input, output, part, scratch);
// owns(part, i): whether output element i is of the part; needs(part): the input elements [first, second) it may read.
template <class Out, class Kernel, class Params, class Value, class Parts, class Run, class Owns, class Needs>
void check_packed(Random& random, Tally& tally, const char* folder, const KernelRow<Kernel>& row,
                  const PackedCase<Params, Value>& c, const std::vector<typename Kernel::Bias>* bias,
                  const std::vector<Out>& reference, const std::vector<float>* tolerance, const Parts& parts,
                  const Run& run, const Owns& owns, const Needs& needs) {
  const Kernel& kernel = *row.kernel;
  if (!isa_available(row.isa) || !kernel.takes(c.at_pack)) return;
  if (!tally.begins(folder, row.isa, row.name, c.what)) return;
  check_packer(tally, row, c, bias == nullptr ? nullptr : bias->data());
  for (Place place : {Place::at_end, Place::at_begin}) {
    const Guarded weights(c.weights.data(), c.weights.size() * sizeof(Value), place);
    const Guarded input(c.input.data(), c.input.size() * sizeof(Value), place);
    const size_t bias_bytes = bias == nullptr ? 0 : bias->size() * sizeof(typename Kernel::Bias);
    const Guarded terms(bias == nullptr ? nullptr : bias->data(), bias_bytes, place);
    const Guarded packed(kernel.packed_bytes(c.at_pack), place, kAlignment);
    kernel.pack(c.at_pack, weights.as<Value>(), bias == nullptr ? nullptr : terms.as<typename Kernel::Bias>(),
                packed.as<void>());
    if (!packed.whole()) tally.fail("wrote outside the packed weights");
    const Guarded output(reference.size() * sizeof(Out), place),
        scratch(kernel.scratch_bytes(c.at_run), place, kAlignment);
    const auto list = parts(kernel);
    for (const auto& part : list)
      run(kernel, c.at_run, packed.as<void>(), input.as<Value>(), output.as<Out>(), part, scratch.as<void>());
    expect(tally, output, reference, [](int64_t) { return true; }, tolerance);
    const auto& one = list[static_cast<size_t>(random.between(0, static_cast<int64_t>(list.size()) - 1))];
    // The same bits again, in whatever part: compared with what the row itself gave.
    const std::vector<Out> before(output.as<Out>(), output.as<Out>() + reference.size());
    output.fill();
    const std::pair<int64_t, int64_t> read = needs(one);
    const size_t skipped = static_cast<size_t>(read.first) * sizeof(Value);
    const Guarded rows(c.input.data() + read.first, static_cast<size_t>(read.second - read.first) * sizeof(Value),
                       place);
    const auto* start = reinterpret_cast<const Value*>(reinterpret_cast<uintptr_t>(rows.as<Value>()) - skipped);
    run(kernel, c.at_run, packed.as<void>(), start, output.as<Out>(), one, scratch.as<void>());
    expect(tally, output, before, [&](int64_t i) { return owns(one, i); });
    if (!scratch.whole()) tally.fail("wrote outside the scratch memory");
    // A packed buffer may come from a file: whatever it holds, nothing is touched that is not the kernel's.
    damage(random, packed.as<uint8_t>(), kernel.packed_bytes(c.at_pack));
    for (const auto& part : list)
      run(kernel, c.at_run, packed.as<void>(), input.as<Value>(), output.as<Out>(), part, scratch.as<void>());
    if (!scratch.whole()) tally.fail("wrote outside the scratch memory, given damaged weights");
    if (!output.whole()) tally.fail("wrote outside the output, given damaged weights");
  }
}

// [0, n) cut at up to two multiples of `step`.
inline std::vector<std::pair<int64_t, int64_t>> cuts(Random& random, int64_t n, int64_t step) {
  std::vector<std::pair<int64_t, int64_t>> pieces;
  int64_t begin = 0;
  for (int i = 0; i < 2; ++i) {
    const int64_t cut = random.between(0, n / step) * step;
    if (cut <= begin || cut >= n) continue;
    pieces.emplace_back(begin, cut);
    begin = cut;
  }
  pieces.emplace_back(begin, n);
  return pieces;
}

}  // namespace sanderling::test
