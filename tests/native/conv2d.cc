#include "kernels/conv2d_f32/conv2d_f32.h"
#include "kernels/conv2d_q8/conv2d_q8.h"
#include "packed.h"

namespace sanderling::test {
namespace {

constexpr KernelRow<Conv2dQ8Kernel> kRowsQ8[] = {
#define SANDERLING_KERNEL(isa, name) SANDERLING_IF_##isa({Isa::isa, #name, &conv2d_q8_##isa##_##name}, )
#include "kernels/conv2d_q8/kernels.inc"
#undef SANDERLING_KERNEL
};

constexpr KernelRow<Conv2dF32Kernel> kRowsF32[] = {
#define SANDERLING_KERNEL(isa, name) SANDERLING_IF_##isa({Isa::isa, #name, &conv2d_f32_##isa##_##name}, )
#include "kernels/conv2d_f32/kernels.inc"
#undef SANDERLING_KERNEL
};

constexpr int64_t kBudget = 300000;  // multiply-adds of a case

struct Shape {
  Window2d window;
  int64_t groups;
  int64_t inputs, weights, outputs;
};

Shape random_shape(Random& random) {
  const int64_t groups = random.once_in(5) ? random.between(2, 4) : 1;
  const int64_t group_in = random.channels(), group_out = random.channels();
  Shape s;
  s.groups = groups;
  s.window = random.window(group_in * groups, group_out * groups, group_in * group_out * groups, kBudget);
  const Window2d& w = s.window;
  s.inputs = w.batches * w.in_h * w.in_w * w.in_c;
  s.weights = w.out_c * w.kernel_h * w.kernel_w * group_in;
  s.outputs = w.batches * w.out_h * w.out_w * w.out_c;
  return s;
}

template <class Out>
void check_q8(Random& random, Tally& tally, const Shape& s, Conv2dQ8 c) {
  const std::vector<uint8_t> weights = random.bytes(s.weights), input = random.bytes(s.inputs);
  const std::vector<int32_t> bias = random.bias(c.window.out_c);
  const std::vector<int32_t>* given = random.once_in(5) ? nullptr : &bias;
  Conv2dQ8 at_pack = c;
  // Runs do not read multipliers.
  const Guarded unread(nullptr, 0, Place::at_end);
  if (c.multipliers != nullptr) c.multipliers = unread.as<Multiplier>();
  // Kernels may have a way of their own for the zero point that they were packed with.
  if (random.once_in(2)) at_pack.input_zero = static_cast<int32_t>(random.between(-128, 127));
  const PackedCase<Conv2dQ8, uint8_t> one = {
      at_pack, c, weights, input,
      text(c.window) + ", groups " + std::to_string(c.groups) + ", flip " + std::to_string(c.flip) + ", zeros " +
          std::to_string(c.input_zero) + "," + std::to_string(c.weight_zero) + "," + std::to_string(c.output_zero) +
          (c.multipliers ? "" : ", accumulators") + (given ? "" : ", no bias")};
  const int64_t out_c = c.window.out_c;
  const std::vector<Out> reference =
      reference_outputs<Out>(*(std::end(kRowsQ8) - 1), one, given ? bias.data() : nullptr, s.outputs,
                             [&](const Conv2dQ8Kernel& k, const void* packed, const uint8_t* x, void* y,
                                 void* scratch) { k.run(c, packed, x, y, {0, c.pixels(), 0, out_c}, scratch); });
  auto parts = [&](const Conv2dQ8Kernel& k) {
    std::vector<Conv2dQ8Part> list;
    for (const auto& pixels : cuts(random, c.pixels(), 1))
      for (const auto& channels : cuts(random, out_c, c.groups > 1 ? out_c : k.channel_step))
        list.push_back({pixels.first, pixels.second, channels.first, channels.second});
    return list;
  };
  auto run = [](const Conv2dQ8Kernel& k, const Conv2dQ8& p, const void* packed, const uint8_t* x, void* y,
                const Conv2dQ8Part& part, void* scratch) { k.run(p, packed, x, y, part, scratch); };
  auto owns = [&](const Conv2dQ8Part& p, int64_t i) {
    const int64_t pixel = i / out_c, channel = i % out_c;
    return pixel >= p.pixel_begin && pixel < p.pixel_end && channel >= p.channel_begin && channel < p.channel_end;
  };
  auto needs = [&](const Conv2dQ8Part& p) {
    return needed_input(c.window, p.pixel_begin / c.window.out_w, (p.pixel_end + c.window.out_w - 1) / c.window.out_w);
  };
  for (const auto& row : kRowsQ8)
    check_packed<Out>(random, tally, "conv2d_q8", row, one, given, reference, nullptr, parts, run, owns, needs);
}

}  // namespace

void check_conv2d_q8(Random& random, Tally& tally) {
  const Shape s = random_shape(random);
  Conv2dQ8 c;
  c.window = s.window;
  c.groups = s.groups;
  c.flip = random.once_in(3) ? 0x80 : 0;
  c.weight_flip = random.once_in(4) ? 0x80 : 0;
  c.input_zero = static_cast<int32_t>(random.between(-128, 127));
  c.weight_zero = random.once_in(3) ? static_cast<int32_t>(random.between(-128, 127)) : 0;
  const std::vector<Multiplier> multipliers = random.multipliers(s.window.out_c, c.depth());
  if (random.once_in(6)) return check_q8<int32_t>(random, tally, s, c);
  const Guarded table(multipliers.data(), multipliers.size() * sizeof(Multiplier), Place::at_end);
  c.multipliers = table.as<Multiplier>();
  c.output_zero = static_cast<int32_t>(random.between(-128, 127));
  if (random.once_in(2)) {
    c.low = static_cast<int32_t>(random.between(-128, 127));
    c.high = static_cast<int32_t>(random.between(c.low, 127));
  }
  if (random.once_in(3)) c.output_zero = c.low;  // a ReLU
  check_q8<uint8_t>(random, tally, s, c);
}

void check_conv2d_f32(Random& random, Tally& tally) {
  const Shape s = random_shape(random);
  Conv2dF32 c;
  c.window = s.window;
  c.groups = s.groups;
  c.low = random.once_in(2) ? -INFINITY : -1.0f;
  c.high = random.once_in(2) ? INFINITY : 1.5f;
  const std::vector<float> weights = random.floats(s.weights), input = random.floats(s.inputs);
  const std::vector<float> bias = random.floats(c.window.out_c);
  const std::vector<float>* given = random.once_in(5) ? nullptr : &bias;
  const PackedCase<Conv2dF32, float> one = {c, c, weights, input,
                                            text(c.window) + ", groups " + std::to_string(c.groups)};
  const auto& portable = *(std::end(kRowsF32) - 1);
  auto reference = [&](const PackedCase<Conv2dF32, float>& of, const float* terms) {
    return reference_outputs<float>(
        portable, of, terms, s.outputs,
        [&](const Conv2dF32Kernel& k, const void* packed, const float* x, float* y, void* scratch) {
          k.run(of.at_run, packed, x, y, {0, c.pixels(), 0, k.pieces(c)}, scratch);
        });
  };
  const std::vector<float> expected = reference(one, given ? bias.data() : nullptr);
  // How far sums may be apart depends on the sizes of their terms.
  auto sizes = [](std::vector<float> v) {
    for (float& x : v) x = std::fabs(x);
    return v;
  };
  Conv2dF32 open = c;
  open.low = -INFINITY, open.high = INFINITY;
  const std::vector<float> weight_sizes = sizes(weights), input_sizes = sizes(input), bias_sizes = sizes(bias);
  std::vector<float> tolerance = reference({open, open, weight_sizes, input_sizes, one.what}, bias_sizes.data());
  const std::vector<float> half = fp16_tolerance(tolerance, c.depth(), std::min<int64_t>(c.depth(), 128));
  for (float& x : tolerance) x *= 1e-5f;
  // Which channels a piece has is the kernel's own affair: a part here has all pieces, computed one after the other.
  auto parts = [&](const Conv2dF32Kernel& k) {
    std::vector<Conv2dF32Part> list;
    for (const auto& pixels : cuts(random, c.pixels(), 1))
      list.push_back({pixels.first, pixels.second, 0, k.pieces(c)});
    return list;
  };
  auto run = [&](const Conv2dF32Kernel& k, const Conv2dF32& p, const void* packed, const float* x, float* y,
                 const Conv2dF32Part& part, void* scratch) {
    for (const auto& pieces : cuts(random, part.piece_end, 1))
      k.run(p, packed, x, y, {part.pixel_begin, part.pixel_end, pieces.first, pieces.second}, scratch);
  };
  auto owns = [&](const Conv2dF32Part& p, int64_t i) {
    const int64_t pixel = i / c.window.out_c;
    return pixel >= p.pixel_begin && pixel < p.pixel_end;
  };
  auto needs = [&](const Conv2dF32Part& p) {
    return needed_input(c.window, p.pixel_begin / c.window.out_w, (p.pixel_end + c.window.out_w - 1) / c.window.out_w);
  };
  const PackedCase<Conv2dF32, float> halves = in_fp16(one);
  for (const auto& row : kRowsF32) {
    const bool fp16 = is_fp16(tally, row, c);
    check_packed<float>(random, tally, "conv2d_f32", row, fp16 ? halves : one, given, expected,
                        fp16 ? &half : &tolerance, parts, run, owns, needs);
  }
}

}  // namespace sanderling::test
