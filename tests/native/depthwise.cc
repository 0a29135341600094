#include "kernels/depthwise_f32/depthwise_f32.h"
#include "kernels/depthwise_q8/depthwise_q8.h"
#include "packed.h"

namespace sanderling::test {
namespace {

constexpr KernelRow<DepthwiseQ8Kernel> kRowsQ8[] = {
#define SANDERLING_KERNEL(isa, name) SANDERLING_IF_##isa({Isa::isa, #name, &depthwise_q8_##isa##_##name}, )
#include "kernels/depthwise_q8/kernels.inc"
#undef SANDERLING_KERNEL
};

constexpr KernelRow<DepthwiseF32Kernel> kRowsF32[] = {
#define SANDERLING_KERNEL(isa, name) SANDERLING_IF_##isa({Isa::isa, #name, &depthwise_f32_##isa##_##name}, )
#include "kernels/depthwise_f32/kernels.inc"
#undef SANDERLING_KERNEL
};

constexpr int64_t kBudget = 200000;  // multiply-adds of a case

struct Sizes {
  int64_t inputs, weights, outputs;
};

Window2d random_window(Random& random, Sizes& sizes) {
  const int64_t in_c = random.channels(), multiplier = random.once_in(3) ? random.between(2, 9) : 1;
  const Window2d w = random.window(in_c, in_c * multiplier, in_c * multiplier, kBudget);
  sizes = {w.batches * w.in_h * w.in_w * w.in_c, w.kernel_h * w.kernel_w * w.out_c,
           w.batches * w.out_h * w.out_w * w.out_c};
  return w;
}

using Rows = std::pair<int64_t, int64_t>;

// The same for both element types: parts are output rows.
template <class Out, class Kernel, class Params, class Value>
void check_row(Random& random, Tally& tally, const char* folder, const KernelRow<Kernel>& row,
               const PackedCase<Params, Value>& one, const std::vector<typename Kernel::Bias>* bias,
               const std::vector<Out>& reference, const std::vector<float>* tolerance) {
  const Window2d& w = one.at_run.window;
  auto parts = [&](const Kernel&) { return cuts(random, one.at_run.rows(), 1); };
  auto run = [](const Kernel& k, const Params& p, const void* packed, const Value* x, Out* y, const Rows& part,
                void* scratch) { k.run(p, packed, x, y, part.first, part.second, scratch); };
  auto owns = [&](const Rows& part, int64_t i) {
    const int64_t row = i / (w.out_w * w.out_c);
    return row >= part.first && row < part.second;
  };
  auto needs = [&](const Rows& part) { return needed_input(w, part.first, part.second); };
  check_packed<Out>(random, tally, folder, row, one, bias, reference, tolerance, parts, run, owns, needs);
}

template <class Out>
void check_q8(Random& random, Tally& tally, const Sizes& sizes, DepthwiseQ8 c) {
  const std::vector<uint8_t> weights = random.bytes(sizes.weights), input = random.bytes(sizes.inputs);
  const std::vector<int32_t> bias = random.bias(c.window.out_c);
  const std::vector<int32_t>* given = random.once_in(5) ? nullptr : &bias;
  DepthwiseQ8 at_pack = c;
  // Runs do not read multipliers.
  const Guarded unread(nullptr, 0, Place::at_end);
  if (c.multipliers != nullptr) c.multipliers = unread.as<Multiplier>();
  if (random.once_in(3)) at_pack.input_zero = static_cast<int32_t>(random.between(-128, 127));
  const PackedCase<DepthwiseQ8, uint8_t> one = {
      at_pack, c, weights, input,
      text(c.window) + ", flip " + std::to_string(c.flip) + ", zeros " + std::to_string(c.input_zero) + "," +
          std::to_string(c.weight_zero) + "," + std::to_string(c.output_zero) +
          (c.multipliers ? "" : ", accumulators") + (given ? "" : ", no bias")};
  const std::vector<Out> reference =
      reference_outputs<Out>(*(std::end(kRowsQ8) - 1), one, given ? bias.data() : nullptr, sizes.outputs,
                             [&](const DepthwiseQ8Kernel& k, const void* packed, const uint8_t* x, void* y,
                                 void* scratch) { k.run(c, packed, x, y, 0, c.rows(), scratch); });
  for (const auto& row : kRowsQ8) check_row<Out>(random, tally, "depthwise_q8", row, one, given, reference, nullptr);
}

}  // namespace

void check_depthwise_q8(Random& random, Tally& tally) {
  Sizes sizes;
  DepthwiseQ8 c;
  c.window = random_window(random, sizes);
  c.flip = random.once_in(3) ? 0x80 : 0;
  c.weight_flip = random.once_in(4) ? 0x80 : 0;
  c.input_zero = static_cast<int32_t>(random.between(-128, 127));
  c.weight_zero = random.once_in(3) ? static_cast<int32_t>(random.between(-128, 127)) : 0;
  if (random.once_in(6)) return check_q8<int32_t>(random, tally, sizes, c);
  const std::vector<Multiplier> multipliers = random.multipliers(c.window.out_c, c.window.kernel_h * c.window.kernel_w);
  const Guarded table(multipliers.data(), multipliers.size() * sizeof(Multiplier), Place::at_end);
  c.multipliers = table.as<Multiplier>();
  c.output_zero = static_cast<int32_t>(random.between(-128, 127));
  if (random.once_in(2)) {
    c.low = static_cast<int32_t>(random.between(-128, 127));
    c.high = static_cast<int32_t>(random.between(c.low, 127));
  }
  if (random.once_in(3)) c.output_zero = c.low;  // a ReLU
  check_q8<uint8_t>(random, tally, sizes, c);
}

void check_depthwise_f32(Random& random, Tally& tally) {
  Sizes sizes;
  DepthwiseF32 c;
  c.window = random_window(random, sizes);
  c.low = random.once_in(2) ? -INFINITY : -1.0f;
  c.high = random.once_in(2) ? INFINITY : 1.5f;
  const std::vector<float> weights = random.floats(sizes.weights), input = random.floats(sizes.inputs);
  const std::vector<float> bias = random.floats(c.window.out_c);
  const std::vector<float>* given = random.once_in(5) ? nullptr : &bias;
  const PackedCase<DepthwiseF32, float> one = {c, c, weights, input, text(c.window)};
  const std::vector<float> reference =
      reference_outputs<float>(*(std::end(kRowsF32) - 1), one, given ? bias.data() : nullptr, sizes.outputs,
                               [&](const DepthwiseF32Kernel& k, const void* packed, const float* x, float* y,
                                   void* scratch) { k.run(c, packed, x, y, 0, c.rows(), scratch); });
  // Terms are at most 4 in size, and the bias 2.
  const std::vector<float> tolerance(reference.size(),
                                     1e-6f * static_cast<float>(2 + 4 * c.window.kernel_h * c.window.kernel_w));
  const int64_t taps = c.window.kernel_h * c.window.kernel_w;
  const std::vector<float> sizes_of(reference.size(), 2 + 4 * static_cast<float>(taps));
  const std::vector<float> half = fp16_tolerance(sizes_of, taps, taps + 1);  // the bias is rounded and added, too
  const PackedCase<DepthwiseF32, float> halves = in_fp16(one);
  for (const auto& row : kRowsF32) {
    const bool fp16 = is_fp16(tally, row, c);
    check_row<float>(random, tally, "depthwise_f32", row, fp16 ? halves : one, given, reference,
                     fp16 ? &half : &tolerance);
  }
}

}  // namespace sanderling::test
