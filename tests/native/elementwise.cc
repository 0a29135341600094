#include <algorithm>
#include <cmath>

#include "check.h"
#include "cpu/kernels.h"
#include "kernels/add_q8/add_q8.h"
#include "kernels/arg_max_q8/arg_max_q8.h"
#include "kernels/dequantize_q8/dequantize_q8.h"
#include "kernels/hybrid_rows/hybrid_rows.h"
#include "kernels/lut_q8/lut_q8.h"
#include "kernels/max_pool_q8/max_pool_q8.h"
#include "kernels/mul_q8/mul_q8.h"
#include "kernels/peak/peak.h"
#include "kernels/quantize_q8/quantize_q8.h"
#include "kernels/requantize_q8/requantize_q8.h"
#include "kernels/rescale_real/rescale_real.h"

namespace sanderling::test {
namespace {

constexpr FunctionRow<AddQ8Kernel> kRowsAdd[] = {
#define SANDERLING_KERNEL(isa, name) SANDERLING_IF_##isa({Isa::isa, #name, add_q8_##isa##_##name}, )
#include "kernels/add_q8/kernels.inc"
#undef SANDERLING_KERNEL
};

constexpr FunctionRow<MulQ8Kernel> kRowsMul[] = {
#define SANDERLING_KERNEL(isa, name) SANDERLING_IF_##isa({Isa::isa, #name, mul_q8_##isa##_##name}, )
#include "kernels/mul_q8/kernels.inc"
#undef SANDERLING_KERNEL
};

constexpr FunctionRow<LutQ8Kernel> kRowsLut[] = {
#define SANDERLING_KERNEL(isa, name) SANDERLING_IF_##isa({Isa::isa, #name, lut_q8_##isa##_##name}, )
#include "kernels/lut_q8/kernels.inc"
#undef SANDERLING_KERNEL
};

constexpr FunctionRow<ArgMaxQ8Kernel> kRowsArgMax[] = {
#define SANDERLING_KERNEL(isa, name) SANDERLING_IF_##isa({Isa::isa, #name, arg_max_q8_##isa##_##name}, )
#include "kernels/arg_max_q8/kernels.inc"
#undef SANDERLING_KERNEL
};

constexpr FunctionRow<MaxPoolQ8Kernel> kRowsMaxPool[] = {
#define SANDERLING_KERNEL(isa, name) SANDERLING_IF_##isa({Isa::isa, #name, max_pool_q8_##isa##_##name}, )
#include "kernels/max_pool_q8/kernels.inc"
#undef SANDERLING_KERNEL
};

constexpr FunctionRow<QuantizeQ8Kernel> kRowsQuantize[] = {
#define SANDERLING_KERNEL(isa, name) SANDERLING_IF_##isa({Isa::isa, #name, quantize_q8_##isa##_##name}, )
#include "kernels/quantize_q8/kernels.inc"
#undef SANDERLING_KERNEL
};

constexpr FunctionRow<DequantizeQ8Kernel> kRowsDequantize[] = {
#define SANDERLING_KERNEL(isa, name) SANDERLING_IF_##isa({Isa::isa, #name, dequantize_q8_##isa##_##name}, )
#include "kernels/dequantize_q8/kernels.inc"
#undef SANDERLING_KERNEL
};

constexpr FunctionRow<RequantizeQ8Kernel> kRowsRequantize[] = {
#define SANDERLING_KERNEL(isa, name) SANDERLING_IF_##isa({Isa::isa, #name, requantize_q8_##isa##_##name}, )
#include "kernels/requantize_q8/kernels.inc"
#undef SANDERLING_KERNEL
};

constexpr FunctionRow<RescaleRealKernel> kRowsReal[] = {
#define SANDERLING_KERNEL(isa, name) SANDERLING_IF_##isa({Isa::isa, #name, rescale_real_##isa##_##name}, )
#include "kernels/rescale_real/kernels.inc"
#undef SANDERLING_KERNEL
};

constexpr FunctionRow<const HybridRows> kRowsHybrid[] = {
#define SANDERLING_KERNEL(isa, name) SANDERLING_IF_##isa({Isa::isa, #name, &hybrid_rows_##isa##_##name}, )
#include "kernels/hybrid_rows/kernels.inc"
#undef SANDERLING_KERNEL
};

bool all(int64_t) { return true; }

// Two operands, one of which may be a single value.
template <class Params, class Function, size_t n>
void check_binary(Random& random, Tally& tally, const char* folder, const FunctionRow<Function> (&rows)[n],
                  const Params& p) {
  const int64_t length = random.between(0, random.once_in(3) ? 20 : 300);
  const int64_t kind = random.between(0, 3);
  const int64_t step_a = kind != 1, step_b = kind != 2;
  const std::vector<uint8_t> a = random.bytes(step_a ? length : 1), b = random.bytes(step_b ? length : 1);
  std::vector<uint8_t> reference(static_cast<size_t>(length));
  rows[n - 1].run(a.data(), step_a, b.data(), step_b, reference.data(), length, p);
  for (const auto& row : rows) {
    if (!tally.begins(folder, row.isa, row.name,
                      "n " + std::to_string(length) + ", steps " + std::to_string(step_a) + "," +
                          std::to_string(step_b) + ", flip " + std::to_string(p.flip)))
      continue;
    for (Place place : {Place::at_end, Place::at_begin}) {
      const Guarded x(a.data(), a.size(), place), y(b.data(), b.size(), place), out(reference.size(), place);
      row.run(x.as<uint8_t>(), step_a, y.as<uint8_t>(), step_b, out.as<uint8_t>(), length, p);
      expect(tally, out, reference, all);
    }
  }
}

template <class Params>
void random_ends(Random& random, Params& p) {
  for (int32_t& zero : p.input_zero_point) zero = static_cast<int32_t>(random.between(-128, 127));
  p.zero_point = static_cast<int32_t>(random.between(-128, 127));
  const bool open = random.once_in(2);
  p.low = open ? -128 : static_cast<int32_t>(random.between(-128, 127));
  p.high = open ? 127 : static_cast<int32_t>(random.between(p.low, 127));
  p.flip = random.once_in(2) ? 0x80 : 0;
}

// Every row of a kernel that rescales sums, with factors of its own kind, against the last; `bias` may be null.
template <size_t n, class Kernel, class Factor, class Stage>
void check_rescaling(const char* folder, const FunctionRow<Kernel> (&rows)[n], const std::vector<int32_t>& acc,
                     const std::vector<int32_t>* bias, const std::vector<Factor>& factors, const Stage& stage,
                     Tally& tally) {
  const int64_t length = static_cast<int64_t>(acc.size());
  std::vector<uint8_t> reference(acc.size());
  rows[n - 1].run(acc.data(), bias ? bias->data() : nullptr, factors.data(), length, stage, reference.data());
  for (const FunctionRow<Kernel>& row : rows) {
    if (!tally.begins(folder, row.isa, row.name, "n " + std::to_string(length))) continue;
    for (Place place : {Place::at_end, Place::at_begin}) {
      const Guarded sums(acc.data(), acc.size() * sizeof(int32_t), place);
      const Guarded terms(bias ? bias->data() : nullptr, bias ? bias->size() * sizeof(int32_t) : 0, place);
      const Guarded multipliers(factors.data(), factors.size() * sizeof(Factor), place);
      const Guarded out(reference.size(), place);
      row.run(sums.as<int32_t>(), bias ? terms.as<int32_t>() : nullptr, multipliers.as<Factor>(), length, stage,
              out.as<uint8_t>());
      expect(tally, out, reference, all);
    }
  }
}

}  // namespace

void check_add_q8(Random& random, Tally& tally) {
  AddQ8 p;
  random_ends(random, p);
  p.subtract = random.once_in(3);
  const bool usual = !random.once_in(4);
  // Real multipliers below 1: no shift to the left.
  for (Multiplier& m : p.input) m = quantize_multiplier(random.scale(usual ? -4 : -31, -0.01));
  if (random.once_in(2)) p.input[random.between(0, 1)] = quantize_multiplier(0.5);
  p.output = quantize_multiplier(random.scale(usual ? -21 : -31, usual ? -17 : -0.01));
  make_tables(p);
  check_binary(random, tally, "add_q8", kRowsAdd, p);
}

void check_mul_q8(Random& random, Tally& tally) {
  MulQ8 p;
  random_ends(random, p);
  p.output = quantize_multiplier(random.once_in(4) ? random.scale(-32, 6) : random.scale(-12, -4));
  make_table(p);
  check_binary(random, tally, "mul_q8", kRowsMul, p);
}

void check_hybrid_rows(Random& random, Tally& tally) {
  const int64_t length = random.between(0, random.once_in(3) ? 20 : 300);
  const size_t n = static_cast<size_t>(length), bytes = n * sizeof(float);
  const std::vector<float> x = random.floats(length), bias = random.floats(length);
  const std::vector<int32_t> acc = random.bias(length);
  // Whole halves now and then: ties.
  const float factor = random.once_in(3) ? 0.5f : static_cast<float>(random.scale(-3, 9));
  std::vector<float> scaled(n);
  for (size_t i = 0; i < n; ++i) scaled[i] = factor == 0.5f ? std::round(100 * x[i]) : x[i];
  const int32_t offset = static_cast<int32_t>(random.between(-128, 127));
  const float low = static_cast<float>(-128 - offset), high = static_cast<float>(127 - offset);
  const bool with_bias = random.once_in(2);
  const HybridRows& portable = *(std::end(kRowsHybrid) - 1)->run;
  const FloatExtent extent = portable.extent(x.data(), length);
  std::vector<int8_t> rounded(n);
  portable.round(scaled.data(), length, factor, low, high, offset, rounded.data());
  for (size_t i = 0; i < n; ++i) {
    const float v = std::fmin(std::fmax(std::round(scaled[i] * factor), low), high);
    if (rounded[i] != static_cast<int8_t>(static_cast<int32_t>(v) + offset)) tally.fail("portable rounding is wrong");
  }
  std::vector<float> finished(n);
  if (n > 0) std::memcpy(finished.data(), acc.data(), bytes);
  portable.finish(x.data(), factor, with_bias ? bias.data() : nullptr, -5e5f, 6e5f, length, finished.data());
  for (const auto& row : kRowsHybrid) {
    if (!tally.begins("hybrid_rows", row.isa, row.name, "n " + std::to_string(length))) continue;
    for (Place place : {Place::at_end, Place::at_begin}) {
      const Guarded values(x.data(), bytes, place), from(scaled.data(), bytes, place), terms(bias.data(), bytes, place);
      const FloatExtent found = row.run->extent(values.as<float>(), length);
      if (found.low != extent.low || found.high != extent.high) tally.fail("another extent");
      const Guarded q(n, place);
      row.run->round(from.as<float>(), length, factor, low, high, offset, q.as<int8_t>());
      expect(tally, q, rounded, all);
      const Guarded sums(acc.data(), bytes, place);
      row.run->finish(values.as<float>(), factor, with_bias ? terms.as<float>() : nullptr, -5e5f, 6e5f, length,
                      sums.as<float>());
      expect(tally, sums, finished, all);
    }
  }
}

void check_lut_q8(Random& random, Tally& tally) {
  // Tables that only flip bits are found where there is much to look up; some differ from them in the last entry.
  const bool flips = random.once_in(3);
  const int64_t length = flips ? random.between(2000, 2300) : random.between(0, random.once_in(3) ? 20 : 300);
  std::vector<uint8_t> x(static_cast<size_t>(length)), table(256), reference(static_cast<size_t>(length));
  for (uint8_t& value : x) value = static_cast<uint8_t>(random.between(0, 255));
  const uint8_t mask = static_cast<uint8_t>(random.between(0, 255));
  for (size_t i = 0; i < table.size(); ++i)
    table[i] = static_cast<uint8_t>(flips ? i ^ mask : static_cast<size_t>(random.between(0, 255)));
  if (flips && random.once_in(3)) table[255] ^= 1;
  for (size_t i = 0; i < x.size(); ++i) reference[i] = table[x[i]];
  for (const auto& row : kRowsLut) {
    if (!tally.begins("lut_q8", row.isa, row.name, "n " + std::to_string(length))) continue;
    for (Place place : {Place::at_end, Place::at_begin}) {
      const Guarded from(x.data(), x.size(), place), entries(table.data(), table.size(), place);
      const Guarded out(x.size(), place);
      row.run(from.as<uint8_t>(), out.as<uint8_t>(), length, entries.as<uint8_t>());
      expect(tally, out, reference, all);
      // In place.
      row.run(from.as<uint8_t>(), from.as<uint8_t>(), length, entries.as<uint8_t>());
      expect(tally, from, reference, all);
    }
  }
}

void check_arg_max_q8(Random& random, Tally& tally) {
  const int64_t n = random.between(1, random.once_in(4) ? 200 : 40), count = random.between(0, 20);
  const uint8_t masks[] = {0, 0x80, 0xFF, 0x7F}, mask = masks[random.between(0, 3)];
  // Few values: ties.
  const int64_t values = random.once_in(2) ? 255 : 2;
  const uint8_t base = static_cast<uint8_t>(random.between(0, 255));
  std::vector<uint8_t> rows(static_cast<size_t>(n * count));
  for (uint8_t& x : rows) x = static_cast<uint8_t>(base + random.between(0, values));
  std::vector<int32_t> reference(static_cast<size_t>(count));
  for (int64_t r = 0; r < count; ++r)
    for (int64_t k = 1; k < n; ++k) {
      int32_t& at = reference[static_cast<size_t>(r)];
      if ((rows[static_cast<size_t>(r * n + k)] ^ mask) > (rows[static_cast<size_t>(r * n + at)] ^ mask))
        at = static_cast<int32_t>(k);
    }
  for (const auto& row : kRowsArgMax) {
    if (!tally.begins("arg_max_q8", row.isa, row.name, "n " + std::to_string(n) + ", rows " + std::to_string(count)))
      continue;
    for (Place place : {Place::at_end, Place::at_begin}) {
      const Guarded from(rows.data(), rows.size(), place), out(reference.size() * sizeof(int32_t), place);
      row.run(from.as<uint8_t>(), count, n, mask, out.as<int32_t>());
      expect(tally, out, reference, all);
    }
  }
}

void check_max_pool_q8(Random& random, Tally& tally) {
  const int64_t n = random.between(1, random.once_in(3) ? 200 : 40);
  MaxPoolQ8 p;
  p.rows = random.between(1, 4), p.columns = random.between(1, 4);
  p.pixel_bytes = n + random.between(0, 5);
  p.row_bytes = (p.columns + random.between(0, 2)) * p.pixel_bytes;
  p.low = static_cast<int32_t>(random.once_in(2) ? -128 : random.between(-128, 127));
  p.high = static_cast<int32_t>(random.once_in(2) ? 127 : random.between(p.low, 127));
  p.flip = random.once_in(2) ? 0x80 : 0;
  const std::vector<uint8_t> in = random.bytes((p.rows - 1) * p.row_bytes + (p.columns - 1) * p.pixel_bytes + n);
  std::vector<uint8_t> reference(static_cast<size_t>(n));
  for (int64_t c = 0; c < n; ++c) {
    int32_t most = p.low;
    for (int64_t y = 0; y < p.rows; ++y)
      for (int64_t x = 0; x < p.columns; ++x) {
        const uint8_t byte = in[static_cast<size_t>(y * p.row_bytes + x * p.pixel_bytes + c)];
        most = std::max<int32_t>(most, static_cast<int8_t>(byte ^ p.flip));
      }
    reference[static_cast<size_t>(c)] = static_cast<uint8_t>(std::min(most, p.high)) ^ p.flip;
  }
  for (const auto& row : kRowsMaxPool) {
    if (!tally.begins("max_pool_q8", row.isa, row.name, "n " + std::to_string(n))) continue;
    for (Place place : {Place::at_end, Place::at_begin}) {
      const Guarded from(in.data(), in.size(), place), out(reference.size(), place);
      row.run(p, from.as<uint8_t>(), n, out.as<uint8_t>());
      expect(tally, out, reference, all);
    }
  }
}

void check_quantize_q8(Random& random, Tally& tally) {
  const int64_t n = random.between(0, random.once_in(3) ? 20 : 300);
  // Powers of two: ties.
  const bool tied = random.once_in(3);
  const float scale =
      tied ? std::exp2(static_cast<float>(random.between(-8, 2)))
           : static_cast<float>(random.scale(random.once_in(8) ? -145 : -8, random.once_in(8) ? 127 : 2));
  std::vector<float> x(static_cast<size_t>(n));
  for (float& v : x) {
    const float steps = static_cast<float>(random.between(-700, 700)) / 2;
    v = steps * scale;
    const int64_t kind = random.between(0, tied ? 8 : 40);
    if (kind == 1) v = std::nextafter(v, INFINITY);
    if (kind == 2) v = std::nextafter(v, -INFINITY);
    if (kind == 3) v = random.once_in(2) ? INFINITY : -INFINITY;
    if (kind == 4) v = random.once_in(2) ? NAN : -NAN;
    if (kind == 5) v *= 1e9f;
    if (kind >= 9) v += static_cast<float>(random.scale(-12, -1)) * scale;
  }
  const int32_t zero = static_cast<int32_t>(random.between(-128, 127));
  const uint8_t flip = random.once_in(2) ? 0x80 : 0;
  std::vector<uint8_t> reference(static_cast<size_t>(n));
  for (size_t i = 0; i < x.size(); ++i) {
    const float q = x[i] / scale;
    const float rounded = q != q ? (std::signbit(q) ? -1e6f : 1e6f) : std::fmin(std::fmax(std::round(q), -1e6f), 1e6f);
    const int32_t value = static_cast<int32_t>(rounded) + zero;
    reference[i] = static_cast<uint8_t>(std::max(-128, std::min(127, value))) ^ flip;
  }
  for (const auto& row : kRowsQuantize) {
    if (!tally.begins("quantize_q8", row.isa, row.name, "n " + std::to_string(n) + ", scale " + std::to_string(scale)))
      continue;
    for (Place place : {Place::at_end, Place::at_begin}) {
      const Guarded from(x.data(), x.size() * sizeof(float), place), out(reference.size(), place);
      row.run(from.as<float>(), n, scale, zero, flip, out.as<uint8_t>());
      expect(tally, out, reference, all);
    }
  }
}

void check_dequantize_q8(Random& random, Tally& tally) {
  const int64_t n = random.between(0, random.once_in(3) ? 20 : 100);
  const std::vector<uint8_t> x = random.bytes(n);
  const float scale = static_cast<float>(random.scale(-140, 100));
  const int32_t zero = static_cast<int32_t>(random.between(-128, 127));
  const uint8_t flip = random.once_in(2) ? 0x80 : 0;
  std::vector<float> reference(x.size());
  for (size_t i = 0; i < x.size(); ++i)
    reference[i] = static_cast<float>(static_cast<double>(scale) * (static_cast<int8_t>(x[i] ^ flip) - zero));
  for (const auto& row : kRowsDequantize) {
    if (!tally.begins("dequantize_q8", row.isa, row.name, "n " + std::to_string(n))) continue;
    for (Place place : {Place::at_end, Place::at_begin}) {
      const Guarded from(x.data(), x.size(), place), out(reference.size() * sizeof(float), place);
      row.run(from.as<uint8_t>(), n, scale, zero, flip, out.as<float>());
      expect(tally, out, reference, all);
    }
  }
}

void check_requantize_q8(Random& random, Tally& tally) {
  const int64_t length = random.between(0, random.once_in(3) ? 20 : 300);
  std::vector<int32_t> acc = random.bias(length);
  const std::vector<int32_t> bias = random.bias(length);
  for (int32_t& x : acc)
    if (random.once_in(8)) x = random.once_in(2) ? INT32_MIN : INT32_MAX;
  const std::vector<Multiplier> multipliers = random.multipliers(length, random.between(1, 1000));
  RequantizeStage stage;
  const int32_t least = random.once_in(2) ? -128 : 0;
  const int64_t low = random.once_in(2) ? 0 : random.between(0, 255);
  stage.zero = static_cast<int32_t>(least + random.between(0, 255));
  stage.low = static_cast<int32_t>(least + low);
  stage.high = static_cast<int32_t>(least + random.between(low, 255));
  const bool with_bias = !random.once_in(4);
  check_rescaling("requantize_q8", kRowsRequantize, acc, with_bias ? &bias : nullptr, multipliers, stage, tally);
}

void check_rescale_real(Random& random, Tally& tally) {
  const int64_t length = random.between(0, random.once_in(3) ? 20 : 300);
  const std::vector<int32_t> acc = random.bias(length), bias = random.bias(length);
  std::vector<double> multipliers(acc.size());
  const bool ties = random.once_in(3), wild = random.once_in(4);
  for (double& m : multipliers) {
    m = ties ? std::exp2(static_cast<double>(random.between(-12, -1))) : random.scale(-14, -3);
    if (wild && random.once_in(8)) m = random.once_in(2) ? -m : (random.once_in(2) ? NAN : INFINITY);
  }
  RealStage stage;
  const bool is_signed = random.once_in(2);
  stage.zero = static_cast<int32_t>(is_signed ? random.between(-128, 127) : random.between(0, 255));
  const int64_t low = random.once_in(2) ? 0 : random.between(0, 255), high = random.between(low, 255);
  stage.low = static_cast<double>(low - (is_signed ? 128 : 0) - stage.zero);
  stage.high = static_cast<double>(high - (is_signed ? 128 : 0) - stage.zero);
  const bool with_bias = !random.once_in(4);
  check_rescaling("rescale_real", kRowsReal, acc, with_bias ? &bias : nullptr, multipliers, stage, tally);
}

void check_peak(Random& random, Tally& tally) {
#define SANDERLING_KERNEL(isa, name) SANDERLING_IF_##isa({Isa::isa, #name, &peak_##isa##_##name}, )
  const KernelRow<PeakLoop> rows[] = {
#include "kernels/peak/kernels.inc"
  };
#undef SANDERLING_KERNEL
  const int64_t loops = random.between(1, 200);
  for (const auto& row : rows) {
    if (!tally.begins("peak", row.isa, row.name, "loops " + std::to_string(loops))) continue;
    const int64_t one = row.kernel->run(1), all = row.kernel->run(loops);
    if (one <= 0 || all != one * loops)
      tally.fail(std::to_string(all) + " multiply-adds were counted in " + std::to_string(loops) + " times " +
                 std::to_string(one));
  }
}

}  // namespace sanderling::test
