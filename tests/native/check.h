// What the checks of all kernel folders share: random numbers, which rows ran, and how a failure is told.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <map>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "base/window.h"
#include "cpu/isa.h"
#include "guarded.h"
#include "quant/requantize.h"

namespace sanderling::test {

class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}
  int64_t between(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(engine_() % static_cast<uint64_t>(high - low + 1));
  }
  bool once_in(int n) { return between(1, n) == 1; }
  double real(double low, double high) {
    return low + (high - low) * static_cast<double>(engine_() >> 11) / 9007199254740992.0;
  }
  // A power of two with an exponent in between, that is.
  double scale(double low, double high) { return std::exp2(real(low, high)); }
  int64_t channels() { return between(1, once_in(2) ? 9 : (once_in(6) ? 300 : 70)); }

  // Uniform, nothing but extremes, or small int8 values.
  std::vector<uint8_t> bytes(int64_t n) {
    std::vector<uint8_t> v(static_cast<size_t>(n));
    const int64_t kind = between(0, 5);
    for (uint8_t& x : v)
      x = static_cast<uint8_t>(kind == 0 ? (once_in(2) ? 0x80 : 0x7F) : kind == 1 ? between(-3, 3) : between(0, 255));
    return v;
  }
  std::vector<float> floats(int64_t n) {
    std::vector<float> v(static_cast<size_t>(n));
    for (float& x : v) x = static_cast<float>(real(-2, 2));
    return v;
  }
  std::vector<int32_t> bias(int64_t n) {
    std::vector<int32_t> v(static_cast<size_t>(n));
    const int64_t kind = between(0, 5);
    const int64_t reach = kind == 0 ? INT32_MAX : (kind == 1 ? 1 << 24 : 1 << 12);
    for (int32_t& x : v) x = static_cast<int32_t>(between(-reach - 1, reach));
    return v;
  }
  // One for each channel: such that sums of `depth` products spread over the bytes, or (now and then) of any size.
  std::vector<Multiplier> multipliers(int64_t n, int64_t depth) {
    std::vector<Multiplier> v(static_cast<size_t>(n));
    const bool any = once_in(8);
    const double typical = 64.0 / (5000.0 * std::sqrt(static_cast<double>(depth)));
    for (Multiplier& m : v) m = quantize_multiplier(any ? scale(-34, 31) : typical * scale(-3, 3));
    return v;
  }
  // A window over a picture of any padding, with at most about `budget` multiply-adds for `work` of them a tap.
  Window2d window(int64_t in_c, int64_t out_c, int64_t work, int64_t budget) {
    Window2d w;
    w.batches = once_in(4) ? between(2, 3) : 1;
    w.in_c = in_c, w.out_c = out_c;
    const bool pointwise = once_in(3), usual = once_in(2);
    w.kernel_h = pointwise ? 1 : (usual ? 3 : between(1, 6));
    w.kernel_w = pointwise ? 1 : (usual ? 3 : between(1, 6));
    side(usual, w.kernel_h, w.stride_h, w.dilation_h, w.pad_h, w.in_h, w.out_h);
    side(usual, w.kernel_w, w.stride_w, w.dilation_w, w.pad_w, w.in_w, w.out_w);
    const int64_t row = w.batches * w.out_w * w.kernel_h * w.kernel_w * work;
    if (row * w.out_h > budget) w.out_h = row > budget ? 1 : budget / row;
    return w;
  }

 private:
  void side(bool usual, int64_t kernel, int64_t& stride, int64_t& dilation, int64_t& pad, int64_t& in, int64_t& out) {
    stride = usual ? between(1, 2) : between(1, 3);
    dilation = usual || !once_in(3) ? 1 : between(2, 3);
    const int64_t reach = (kernel - 1) * dilation + 1;
    pad = between(0, reach - 1);
    const int64_t after = between(0, reach - 1);
    const int64_t least = reach - pad - after;
    in = (least > 0 ? least : 0) + between(0, once_in(2) ? 8 : 40);
    out = (in + pad + after - reach) / stride + 1;
  }

  std::mt19937_64 engine_;
};

// Where the program is, for failures and faults, and the rows that ran.
class Tally {
 public:
  // Whether to run a row here; notes that it is about to.
  bool begins(const char* folder, Isa isa, const char* name, const std::string& what) {
    if (!isa_available(isa)) return false;
    std::snprintf(place_, sizeof place_, "%s %s/%s: %s", folder, isa_name(isa), name, what.c_str());
    ++runs_[{folder, isa_name(isa), name}];
    return true;
  }
  void seed(uint64_t seed) { seed_ = seed; }
  [[noreturn]] void fail(const std::string& why) const {
    std::printf("FAILED with seed %llu: %s\n  %s\n", static_cast<unsigned long long>(seed_), place_, why.c_str());
    std::exit(1);
  }
  const char* place() const { return place_; }
  uint64_t seed() const { return seed_; }
  const std::map<std::tuple<std::string, std::string, std::string>, int64_t>& runs() const { return runs_; }

 private:
  char place_[600] = "";
  uint64_t seed_ = 0;
  std::map<std::tuple<std::string, std::string, std::string>, int64_t> runs_;
};

inline std::string text(const Window2d& w) {
  auto n = [](int64_t x) { return std::to_string(x); };
  return "input " + n(w.batches) + "x" + n(w.in_h) + "x" + n(w.in_w) + "x" + n(w.in_c) + ", output " + n(w.out_h) +
         "x" + n(w.out_w) + "x" + n(w.out_c) + ", kernel " + n(w.kernel_h) + "x" + n(w.kernel_w) + ", stride " +
         n(w.stride_h) + "," + n(w.stride_w) + ", dilation " + n(w.dilation_h) + "," + n(w.dilation_w) + ", pad " +
         n(w.pad_h) + "," + n(w.pad_w);
}

// Fails unless the elements for which owned(i) holds are `expected` (floats: within `tolerance`, where given), and the
// others as Guarded filled them.
template <class T, class Owned>
void expect(const Tally& tally, const Guarded& output, const std::vector<T>& expected, const Owned& owned,
            const std::vector<float>* tolerance = nullptr) {
  const T* ours = output.as<T>();
  T untouched;
  std::memset(&untouched, Guarded::kFill, sizeof untouched);
  for (size_t i = 0; i < expected.size(); ++i) {
    const T wanted = owned(static_cast<int64_t>(i)) ? expected[i] : untouched;
    if (std::memcmp(&ours[i], &wanted, sizeof wanted) == 0) continue;
    if (tolerance != nullptr && owned(static_cast<int64_t>(i)) &&
        std::fabs(static_cast<double>(ours[i]) - static_cast<double>(wanted)) <= (*tolerance)[i])
      continue;
    tally.fail("output[" + std::to_string(i) + "] is " + std::to_string(ours[i]) + "; expected " +
               std::to_string(wanted) + (owned(static_cast<int64_t>(i)) ? "" : " (not of this part)"));
  }
  if (!output.whole()) tally.fail("wrote outside the output");
}

void check_add_q8(Random&, Tally&);
void check_arg_max_q8(Random&, Tally&);
void check_bilinear_u8(Random&, Tally&);
void check_conv2d_f32(Random&, Tally&);
void check_conv2d_q8(Random&, Tally&);
void check_depthwise_f32(Random&, Tally&);
void check_depthwise_q8(Random&, Tally&);
void check_dequantize_q8(Random&, Tally&);
void check_fused_rescale(Random&, Tally&);  // quant/fused_rescale.h, which has no rows
void check_hybrid_rows(Random&, Tally&);
void check_lut_q8(Random&, Tally&);
void check_matmul(Random&, Tally&);
void check_max_pool_q8(Random&, Tally&);
void check_mul_q8(Random&, Tally&);
void check_peak(Random&, Tally&);
void check_quantize_q8(Random&, Tally&);
void check_requantize_q8(Random&, Tally&);
void check_rescale_real(Random&, Tally&);
void check_xxh3(Random&, Tally&);

}  // namespace sanderling::test
