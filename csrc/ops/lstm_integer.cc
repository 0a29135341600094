// LSTM on int8 with int8 weights and int16 gates ("8x8_16" in the reference).
//
// Gates before their activation are int16 with 12 fractional bits, after it int16 with 15; the cell state is int16
// with a power of two as scale. The zero points of inputs are folded into biases beforehand.
#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "ops/dot.h"
#include "ops/lstm.h"
#include "ops/matmul.h"
#include "quant/fixed_point16.h"
#include "quant/inverse_sqrt.h"
#include "quant/requantize.h"
#include "quant/requantize_rows.h"

namespace sanderling {
namespace {

struct Gate {
  Multiplier input, recurrent, peephole, layer_norm;
  std::vector<int32_t> input_bias, recurrent_bias;
  std::shared_ptr<const RightOperands<int32_t>> input_weights, recurrent_weights;
  int32_t variance_guard = 1;
};

struct Integer {
  LstmSizes sizes;
  Gate gates[kGates];
  Multiplier hidden, projection;
  std::vector<int32_t> projection_bias;
  int32_t hidden_zero_point = 0, output_zero_point = 0;
  int32_t cell_exponent = 0;  // scale of the cell state: 2^cell_exponent
  int32_t cell_clip = 0, projection_clip = 0;
  const matmul::Kernel<int32_t>* kernel = nullptr;
  int gate_scratch = 0, hidden_scratch = 0, left_scratch = 0, left_state_scratch = 0;
};

float single_scale(const TensorInfo& t) {
  check(t.quantization.scale.size() == 1, "tensor '", t.name, "' has ", t.quantization.scale.size(),
        " quantization scales; one expected");
  return t.scale();
}

// log2 of a scale that is a power of two.
int32_t exponent_of(const TensorInfo& t) {
  float scale = single_scale(t);
  check(scale > 0 && std::isfinite(scale), "the cell state's scale is ", scale, "; a power of two expected");
  float log2 = std::log(scale) * (1.0f / std::log(2.0f));
  float rounded = std::round(log2);
  check(std::fabs(log2 - rounded) < 1e-3f, "the cell state's scale is ", scale, "; a power of two expected");
  // tanh of the cell state is defined for 0 to 6 integer bits.
  check(rounded >= -15 && rounded <= -9, "the cell state's scale is ", scale, "; 2^-15 to 2^-9 expected");
  return static_cast<int32_t>(rounded);
}

int32_t quantized_clip(double clip, float scale, float most) {
  float q = static_cast<float>(clip) / scale;
  return q > 0 ? static_cast<int32_t>(std::min(q, most)) : 0;
}

// bias + zero_point * (sum of each row); no bias: 0.
std::vector<int32_t> folded_bias(PrepareContext& ctx, int weights, int bias, int32_t zero_point) {
  const Shape& shape = ctx.input(weights).shape;
  const int8_t* w = ctx.value<int8_t>(weights);
  const int32_t* b = bias >= 0 && ctx.has_input(bias) ? ctx.value<int32_t>(bias) : nullptr;
  std::vector<int32_t> folded(static_cast<size_t>(shape[0]));
  for (int64_t row = 0; row < shape[0]; ++row) {
    int32_t sum = wrapping_mul(row_sum(w + row * shape[1], shape[1]), zero_point);
    folded[static_cast<size_t>(row)] = wrapping_add(b ? b[row] : 0, sum);
  }
  return folded;
}

// requantize() with both roundings up at halves, as NEON's vqrdmulh and vrshl do it.
inline int32_t requantize_up(int32_t x, Multiplier m) {
  const int left = std::max(m.shift, 0), right = std::max(-m.shift, 0);
  const int64_t product = static_cast<int64_t>(shift_left(x, left)) * m.multiplier;
  const int64_t high = (product + (int64_t{1} << 30)) >> 31;
  return static_cast<int32_t>(right > 0 ? (high + (int64_t{1} << (right - 1))) >> right : high);
}

// gate = saturate(gate + w * cell * multiplier). The reference takes blocks of 16 as its NEON code does, also where
// that is emulated, and the rest as requantize() does.
void add_peephole(const int16_t* w, const int16_t* cell, Multiplier m, int64_t n, int16_t* gate) {
  constexpr int64_t kBlock = 16;
  for (int64_t v = 0; v < n; ++v) {
    const int32_t product = int32_t{w[v]} * cell[v];
    const int32_t rescaled = v < n / kBlock * kBlock ? requantize_up(product, m) : requantize(product, m);
    gate[v] = static_cast<int16_t>(clamp(wrapping_add(rescaled, gate[v]), -32768, 32767));
  }
}

// out = saturate(saturate((bias + sum) * multiplier) + (state bias + state sum) * state multiplier) for n cells from
// `cell` on.
void accumulate_row(const Gate& gate, int64_t cell, int64_t n, const int32_t* __restrict sums,
                    const int32_t* __restrict state_sums, int16_t* __restrict out) {
  const int32_t* __restrict bias = gate.input_bias.data() + cell;
  const int32_t* __restrict state_bias = gate.recurrent_bias.data() + cell;
  uint32_t memory[2][5];  // two tables of one channel
  const RequantizeTable a = build_requantize_table(&gate.input, 1, memory[0]);
  const RequantizeTable b = build_requantize_table(&gate.recurrent, 1, memory[1]);
  const uint32_t factors[4] = {a.multiplier[0], a.half[0], a.power[0], a.left ? a.left[0] : 1};
  const uint32_t state_factors[4] = {b.multiplier[0], b.half[0], b.power[0], b.left ? b.left[0] : 1};
  auto rescale = [](int32_t sum, int32_t more, const uint32_t (&f)[4]) {
    return requantize_magnitude((static_cast<uint32_t>(sum) + static_cast<uint32_t>(more)) * f[3], f[0], f[1], f[2]);
  };
  for (int64_t i = 0; i < n; ++i) {
    const int32_t from_input = clamp(rescale(sums[i], bias[i], factors), -32768, 32767);
    const int32_t both = wrapping_add(rescale(state_sums[i], state_bias[i], state_factors), from_input);
    out[i] = static_cast<int16_t>(clamp(both, -32768, 32767));
  }
}

void normalize_layer(int16_t* gate, const int16_t* weights, const int32_t* bias, const Gate& g, int64_t batch,
                     int64_t cells) {
  Multiplier scale = g.layer_norm;
  scale.shift = std::min(scale.shift + 12, 31);
  for (int64_t b = 0; b < batch; ++b, gate += cells) {
    int64_t sum = 0, squares = 0;
    for (int64_t j = 0; j < cells; ++j) {
      sum += gate[j];
      squares += int32_t{gate[j]} * gate[j];
    }
    int32_t mean = static_cast<int32_t>(sum * 1024 / cells);
    // 2^20 / cells is cut to an integer, which makes the variance too small unless cells is a power of two: the
    // reference does so.
    int64_t variance = squares * ((1 << 20) / cells) - int64_t{mean} * mean;
    int32_t reduced = static_cast<int32_t>(variance / (1 << 20));
    Multiplier inverse = inverse_sqrt_multiplier(reduced < 1 ? g.variance_guard : reduced);
    for (int64_t j = 0; j < cells; ++j) {
      int32_t rescaled = requantize(1024 * gate[j] - mean, inverse);
      int64_t weighted = wrapping_add(wrapping_mul(rescaled, weights[j]), bias[j]);
      int32_t rounded = static_cast<int32_t>((weighted > 0 ? weighted + 512 : weighted - 512) / 1024);
      gate[j] = static_cast<int16_t>(clamp(requantize(rounded, scale), -32768, 32767));
    }
  }
}

// Peephole, layer normalization and activation of a gate whose matrix products are done.
void finish_gate(const Integer& p, const RunContext& run, int g, const int16_t* cell, int16_t* gate) {
  const LstmSizes& s = p.sizes;
  const int64_t batch = s.step_batch(), n = batch * s.cell;
  if (s.peephole && g != kCellGate) {
    // With a projection, the reference walks rows as long as the output, not as the cell state.
    const int16_t* w = run.input<int16_t>(peephole_argument(g));
    for (int64_t b = 0; b < batch; ++b)
      add_peephole(w, cell + b * s.output, p.gates[g].peephole, s.output, gate + b * s.output);
  }
  if (s.layer_norm)
    normalize_layer(gate, run.input<int16_t>(kLayerNorm + g), run.input<int32_t>(kGateBias + g), p.gates[g], batch,
                    s.cell);
  if (g == kCellGate)
    fixed16::tanh(gate, n, 3, gate);
  else
    fixed16::logistic(gate, n, 3, gate);
}

// The matrix products of a gate for up to kColumnBlock cells from `cell` on.
void multiply_gate(const Integer& p, const Gate& gate, RunContext& run, const char* left, const char* left_state,
                   int64_t cell, int16_t* out) {
  const LstmSizes& s = p.sizes;
  const int64_t batch = s.step_batch(), last = std::min(cell + matmul::kColumnBlock, s.cell);
  alignas(kAlignment) int32_t sums[matmul::kRowBlock * matmul::kColumnBlock];
  alignas(kAlignment) int32_t state_sums[matmul::kRowBlock * matmul::kColumnBlock];
  for (int64_t row = 0; row < batch; row += matmul::kRowBlock) {
    const matmul::Block block = {row, std::min(row + matmul::kRowBlock, batch), cell, last};
    p.kernel->run(left, gate.input_weights->get(run), s.input, block, sums);
    p.kernel->run(left_state, gate.recurrent_weights->get(run), s.output, block, state_sums);
    for (int64_t r = row; r < block.last_row; ++r)
      accumulate_row(gate, cell, last - cell, sums + (r - row) * matmul::kColumnBlock,
                     state_sums + (r - row) * matmul::kColumnBlock, out + r * s.cell + cell);
  }
}

void step(const Integer& p, RunContext& run, const int8_t* x, int8_t* state, int16_t* cell, int8_t* y) {
  const LstmSizes& s = p.sizes;
  const int64_t batch = s.step_batch(), n = batch * s.cell;
  int16_t* gates = run.scratch<int16_t>(p.gate_scratch);
  const int first = s.first_gate();
  char* left = run.scratch<char>(p.left_scratch);
  char* left_state = run.scratch<char>(p.left_state_scratch);
  p.kernel->pack_left({x, matmul::Element::s8, s.input, 1, 0}, 0, batch, s.input, left);
  p.kernel->pack_left({state, matmul::Element::s8, s.output, 1, 0}, 0, batch, s.output, left_state);
  const int64_t column_blocks = (s.cell + matmul::kColumnBlock - 1) / matmul::kColumnBlock;
  const double cost = matmul_cost(*p.kernel, batch, std::min(s.cell, matmul::kColumnBlock), s.input + s.output);
  run.parallel_for((kGates - first) * column_blocks, cost, [&](int64_t begin, int64_t end, int) {
    for (int64_t k = begin; k < end; ++k) {
      const int g = first + static_cast<int>(k / column_blocks);
      multiply_gate(p, p.gates[g], run, left, left_state, k % column_blocks * matmul::kColumnBlock, gates + g * n);
    }
  });
  int16_t* input_gate = gates;
  int16_t* forget_gate = gates + kForgetGate * n;
  int16_t* cell_gate = gates + kCellGate * n;
  int16_t* output_gate = gates + kOutputGate * n;
  for (int g = first; g < kOutputGate; ++g) finish_gate(p, run, g, cell, gates + g * n);
  for (int64_t i = 0; i < n; ++i) {
    int32_t kept = fixed16::wrap(rounding_divide_by_pot(int32_t{forget_gate[i]} * cell[i], 15));
    int32_t in = s.cifg ? 32767 - forget_gate[i] : input_gate[i];
    int32_t added = fixed16::wrap(rounding_divide_by_pot(in * cell_gate[i], 30 + p.cell_exponent));
    int32_t sum = fixed16::saturate(kept + added);
    if (p.cell_clip > 0) sum = clamp(sum, -p.cell_clip, p.cell_clip);
    cell[i] = static_cast<int16_t>(sum);
  }
  finish_gate(p, run, kOutputGate, cell, output_gate);

  int8_t* hidden = s.projection ? run.scratch<int8_t>(p.hidden_scratch) : state;
  const int32_t zero_point = s.projection ? -p.hidden_zero_point : p.hidden_zero_point;
  fixed16::tanh(cell, n, 15 + p.cell_exponent, input_gate);  // which is done with
  for (int64_t i = 0; i < n; ++i) {
    int32_t product = int32_t{output_gate[i]} * input_gate[i];
    hidden[i] = static_cast<int8_t>(clamp(wrapping_add(requantize(product, p.hidden), zero_point), -128, 127));
  }
  if (s.projection) {
    const int8_t* w = run.input<int8_t>(kProjectionWeights);
    for (int64_t b = 0; b < batch; ++b)
      for (int64_t row = 0; row < s.output; ++row) {
        int32_t sum = wrapping_add(p.projection_bias[static_cast<size_t>(row)],
                                   dot(w + row * s.cell, hidden + b * s.cell, s.cell));
        int32_t v = clamp(wrapping_add(requantize(sum, p.projection), p.output_zero_point), -128, 127);
        if (p.projection_clip > 0) v = clamp(v, -p.projection_clip, p.projection_clip);
        state[b * s.output + row] = static_cast<int8_t>(v);
      }
  }
  std::copy_n(state, batch * s.output, y);
}

// Where a real value of at least 1 is needed as an integer.
int32_t variance_guard(float scale) {
  float guard = 10000 * scale;
  return guard >= 1 && guard < 2147483648.0f ? static_cast<int32_t>(guard) : 1;
}

}  // namespace

void prepare_lstm_integer(PrepareContext& ctx, const LstmSizes& s) {
  check(ctx.num_intermediates() == 5, "has ", ctx.num_intermediates(), " intermediate tensors; 5 expected");
  check(!s.peephole || s.output <= s.cell, "has peephole weights and more outputs (", s.output, ") than cells (",
        s.cell, ")");
  auto params = std::make_shared<Integer>();
  Integer& p = *params;
  p.sizes = s;
  const matmul::Choice<int32_t> choice = matmul::choose_q8(ctx.isa());
  p.kernel = choice.kernel;
  ctx.set_kernel(choice.isa);
  const TensorInfo& x = ctx.input(kLstmInput);
  const TensorInfo& state = ctx.input(kOutputState);
  const TensorInfo& hidden = ctx.intermediate(4);
  const float x_scale = single_scale(x), state_scale = single_scale(state), hidden_scale = single_scale(hidden);
  p.cell_exponent = exponent_of(ctx.input(kCellState));
  p.cell_clip = quantized_clip(ctx.attributes().real("cell_clip", 0.0), single_scale(ctx.input(kCellState)), 32767.0f);
  p.projection_clip = quantized_clip(ctx.attributes().real("proj_clip", 0.0), single_scale(ctx.output(0)), 127.0f);
  p.hidden_zero_point = hidden.zero_point();
  p.output_zero_point = state.zero_point();
  p.hidden = quantize_multiplier(static_cast<float>(std::ldexp(1.0, -15) / hidden_scale * std::ldexp(1.0, -15)));
  for (int g = s.first_gate(); g < kGates; ++g) {
    Gate& gate = p.gates[g];
    const float gate_scale = s.layer_norm ? single_scale(ctx.intermediate(g)) : std::ldexp(1.0f, -12);
    gate.input = quantize_multiplier(single_scale(ctx.input(kInputWeights + g)) * x_scale / gate_scale);
    gate.recurrent = quantize_multiplier(single_scale(ctx.input(kRecurrentWeights + g)) * state_scale / gate_scale);
    if (s.peephole && g != kCellGate)
      gate.peephole = quantize_multiplier(static_cast<float>(
          std::ldexp(1.0, p.cell_exponent) * single_scale(ctx.input(peephole_argument(g))) / gate_scale));
    if (s.layer_norm) {
      const float scale = single_scale(ctx.input(kLayerNorm + g));
      gate.layer_norm = quantize_multiplier(scale);
      gate.variance_guard = variance_guard(scale);
    }
    auto weights = [&](int argument, int64_t depth) {
      return std::make_shared<const RightOperands<int32_t>>(ctx, choice, argument, 1, 0, s.cell, depth,
                                                            matmul::Source{nullptr, matmul::Element::s8, depth, 1, 0});
    };
    gate.input_weights = weights(kInputWeights + g, s.input);
    gate.recurrent_weights = weights(kRecurrentWeights + g, s.output);
    // Layer normalization adds the gate's bias after it.
    gate.input_bias = folded_bias(ctx, kInputWeights + g, s.layer_norm ? -1 : kGateBias + g, -x.zero_point());
    gate.recurrent_bias = folded_bias(ctx, kRecurrentWeights + g, -1, -state.zero_point());
  }
  if (s.projection) {
    p.projection = quantize_multiplier(single_scale(ctx.input(kProjectionWeights)) * hidden_scale / state_scale);
    p.projection_bias = folded_bias(ctx, kProjectionWeights, kProjectionBias, p.hidden_zero_point);
  }
  const size_t n = static_cast<size_t>(s.step_batch() * s.cell);
  p.left_scratch = ctx.scratch(p.kernel->left_bytes(s.step_batch(), s.input));
  p.left_state_scratch = ctx.scratch(p.kernel->left_bytes(s.step_batch(), s.output));
  p.gate_scratch = ctx.scratch(kGates * n * sizeof(int16_t));
  if (s.projection) p.hidden_scratch = ctx.scratch(n);
  ctx.on_run([params](RunContext& run) {
    const LstmSizes& sizes = params->sizes;
    sizes.for_each_step([&](int64_t row, int64_t sequence) {
      step(*params, run, run.input<int8_t>(kLstmInput) + row * sizes.input,
           run.variable<int8_t>(kOutputState) + sequence * sizes.output,
           run.variable<int16_t>(kCellState) + sequence * sizes.cell, run.output<int8_t>(0) + row * sizes.output);
    });
  });
}

}  // namespace sanderling
