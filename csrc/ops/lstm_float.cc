// LSTM on float32, with float32 weights or int8 weights (hybrid).
#include <algorithm>
#include <cmath>
#include <memory>

#include "ops/lstm.h"
#include "ops/recurrent.h"

namespace sanderling {
namespace {

struct Float {
  LstmSizes sizes;
  RecurrentWeights input[kGates], recurrent[kGates], projection;
  float peephole_scale[kGates] = {};  // of int8 peephole weights
  bool hybrid = false, asymmetric = false;
  float cell_clip = 0, projection_clip = 0;
  Activation activation = nullptr, logistic = nullptr;
  int gate_scratch = 0, hidden_scratch = 0, quantized_input = 0, quantized_state = 0, quantized_hidden = 0;

  QuantizedRows quantized(const RunContext& run, int scratch) const {
    return QuantizedRows(hybrid ? run.scratch<char>(scratch) : nullptr, hybrid ? sizes.step_batch() : 0);
  }
};

void normalize_layer(float* gate, const float* weights, const float* bias, int64_t cells) {
  float sum = 0.0f, squares = 0.0f;
  for (int64_t j = 0; j < cells; ++j) sum += gate[j];
  const float mean = sum / static_cast<float>(cells);
  for (int64_t j = 0; j < cells; ++j) squares += (gate[j] - mean) * (gate[j] - mean);
  const float inverse = 1.0f / std::sqrt(squares / static_cast<float>(cells) + 1e-8f);
  for (int64_t j = 0; j < cells; ++j) gate[j] = (gate[j] - mean) * inverse * weights[j] + bias[j];
}

// Peephole, layer normalization and activation of a gate whose matrix products are done.
void finish_gate(const Float& p, const RunContext& run, int g, const float* cell, float* gate) {
  const LstmSizes& s = p.sizes;
  const int64_t batch = s.step_batch();
  const int w = peephole_argument(g);
  for (int64_t b = 0; b < batch; ++b) {
    const float* c = cell + b * s.cell;
    float* row = gate + b * s.cell;
    if (s.peephole && g != kCellGate) {
      for (int64_t i = 0; i < s.cell; ++i)
        row[i] += (p.hybrid ? p.peephole_scale[g] * run.input<int8_t>(w)[i] : run.input<float>(w)[i]) * c[i];
    }
    if (s.layer_norm) normalize_layer(row, run.input<float>(kLayerNorm + g), run.input<float>(kGateBias + g), s.cell);
  }
  (g == kCellGate ? p.activation : p.logistic)(gate, gate, batch * s.cell);
}

void clip(float* x, int64_t n, float limit) {
  if (limit > 0)
    for (int64_t i = 0; i < n; ++i) x[i] = std::max(-limit, std::min(limit, x[i]));
}

void step(const Float& p, const RunContext& run, const float* x, float* state, float* cell, float* y) {
  const LstmSizes& s = p.sizes;
  const int64_t batch = s.step_batch(), n = batch * s.cell;
  float* gates = run.scratch<float>(p.gate_scratch);
  const int first = s.first_gate();
  const QuantizedRows qx = p.quantized(run, p.quantized_input), qstate = p.quantized(run, p.quantized_state);
  if (p.hybrid) {
    quantize_rows(x, batch, s.input, p.asymmetric, qx);
    quantize_rows(state, batch, s.output, p.asymmetric, qstate);
  }
  run.parallel_for((kGates - first) * s.cell, static_cast<double>(batch * (s.input + s.output)) * 0.15 + 5,
                   [&](int64_t begin, int64_t end, int) {
                     for (int64_t k = begin; k < end; ++k) {
                       const int g = first + static_cast<int>(k / s.cell);
                       const int64_t row = k % s.cell;
                       for (int64_t b = 0; b < batch; ++b) {
                         float sum = s.layer_norm ? 0.0f : run.input<float>(kGateBias + g)[row];
                         sum += p.input[g].multiply(run, row, b, x, qx);
                         if (s.diagonal[g])
                           sum += run.input<float>(kRecurrentWeights + g)[row] * state[b * s.cell + row];
                         else
                           sum += p.recurrent[g].multiply(run, row, b, state, qstate);
                         gates[g * n + b * s.cell + row] = sum;
                       }
                     }
                   });
  float* input_gate = gates;
  float* forget_gate = gates + kForgetGate * n;
  float* cell_gate = gates + kCellGate * n;
  float* output_gate = gates + kOutputGate * n;
  for (int g = first; g < kOutputGate; ++g) finish_gate(p, run, g, cell, gates + g * n);
  for (int64_t i = 0; i < n; ++i) {
    float in = s.cifg ? 1.0f - forget_gate[i] : input_gate[i];
    cell[i] = forget_gate[i] * cell[i] + cell_gate[i] * in;
  }
  clip(cell, n, p.cell_clip);
  finish_gate(p, run, kOutputGate, cell, output_gate);

  float* hidden = run.scratch<float>(p.hidden_scratch);
  p.activation(cell, hidden, n);
  for (int64_t i = 0; i < n; ++i) hidden[i] *= output_gate[i];
  if (s.projection) {
    const QuantizedRows q = p.quantized(run, p.quantized_hidden);
    if (p.hybrid) quantize_rows(hidden, batch, s.cell, p.asymmetric, q);
    const float* bias = run.has_input(kProjectionBias) ? run.input<float>(kProjectionBias) : nullptr;
    for (int64_t b = 0; b < batch; ++b)
      for (int64_t row = 0; row < s.output; ++row)
        state[b * s.output + row] = (bias ? bias[row] : 0.0f) + p.projection.multiply(run, row, b, hidden, q);
    clip(state, batch * s.output, p.projection_clip);
  } else {
    std::copy_n(hidden, n, state);
  }
  std::copy_n(state, batch * s.output, y);
}

}  // namespace

void prepare_lstm_float(PrepareContext& ctx, const LstmSizes& s) {
  auto params = std::make_shared<Float>();
  Float& p = *params;
  p.sizes = s;
  p.hybrid = ctx.input(kInputWeights + kOutputGate).dtype == DType::int8;
  p.asymmetric = p.hybrid && ctx.attributes().boolean("asymmetric_quantize_inputs");
  p.cell_clip = static_cast<float>(ctx.attributes().real("cell_clip", 0.0));
  p.projection_clip = static_cast<float>(ctx.attributes().real("proj_clip", 0.0));
  const std::string& activation = ctx.attributes().text("fused_activation_function");
  // The reference leaves gates uncomputed where there is no activation.
  check(activation != "NONE", "option 'fused_activation_function' is NONE; an activation expected");
  p.activation = recurrent_activation(activation);
  p.logistic = recurrent_activation("LOGISTIC");
  for (int g = s.first_gate(); g < kGates; ++g) {
    p.input[g] = RecurrentWeights(ctx, kInputWeights + g, p.asymmetric);
    if (!s.diagonal[g]) p.recurrent[g] = RecurrentWeights(ctx, kRecurrentWeights + g, p.asymmetric);
    if (p.hybrid && s.peephole && g != kCellGate) p.peephole_scale[g] = ctx.input(peephole_argument(g)).scale();
  }
  if (s.projection) p.projection = RecurrentWeights(ctx, kProjectionWeights, p.asymmetric);
  const int64_t batch = s.step_batch();
  const size_t n = static_cast<size_t>(batch * s.cell) * sizeof(float);
  p.gate_scratch = ctx.scratch(kGates * n);
  p.hidden_scratch = ctx.scratch(n);
  if (p.hybrid) {
    p.quantized_input = ctx.scratch(QuantizedRows::bytes(batch, s.input));
    p.quantized_state = ctx.scratch(QuantizedRows::bytes(batch, s.output));
    if (s.projection) p.quantized_hidden = ctx.scratch(QuantizedRows::bytes(batch, s.cell));
  }
  ctx.on_run([params](RunContext& run) {
    const LstmSizes& sizes = params->sizes;
    sizes.for_each_step([&](int64_t row, int64_t sequence) {
      step(*params, run, run.input<float>(kLstmInput) + row * sizes.input,
           run.variable<float>(kOutputState) + sequence * sizes.output,
           run.variable<float>(kCellState) + sequence * sizes.cell, run.output<float>(0) + row * sizes.output);
    });
  });
}

}  // namespace sanderling
