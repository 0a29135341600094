// RNN and UNIDIRECTIONAL_SEQUENCE_RNN: state = activation(input weights * x + recurrent weights * state + bias), on
// float32 with float32 or int8 (hybrid) weights.
#include <algorithm>
#include <memory>

#include "ops/recurrent.h"

namespace sanderling {
namespace {

enum { kRnnInput, kRnnInputWeights, kRnnRecurrentWeights, kRnnBias, kRnnState };

// Sequence b, time t: row b * sequence_stride + t * time_stride of inputs and outputs.
void prepare(PrepareContext& ctx, int64_t batch, int64_t time, int64_t sequence_stride, int64_t time_stride) {
  const TensorInfo& x = ctx.input(kRnnInput);
  const int64_t inputs = x.shape.back(1);
  const TensorInfo& w = ctx.input(kRnnInputWeights);
  check(x.dtype == DType::float32, "input is ", dtype_name(x.dtype), "; float32 expected");
  check(w.dtype == DType::float32 || w.dtype == DType::int8, "weights are ", dtype_name(w.dtype),
        "; float32 or int8 expected");
  check(w.shape.rank() == 2, "input weights have shape ", w.shape, "; 2 dimensions expected");
  const int64_t units = w.shape[0];
  expect_argument(ctx, kRnnInputWeights, {units, inputs}, w.dtype);
  expect_argument(ctx, kRnnRecurrentWeights, {units, units}, w.dtype);
  expect_argument(ctx, kRnnBias, {units}, DType::float32);
  check(ctx.input(kRnnState).is_variable, "state '", ctx.input(kRnnState).name, "' is no variable");
  expect_argument(ctx, kRnnState, {batch, units}, DType::float32);
  check(ctx.output(0).dtype == DType::float32, "output is ", dtype_name(ctx.output(0).dtype), "; float32 expected");

  const bool hybrid = w.dtype == DType::int8;
  const bool asymmetric = hybrid && ctx.attributes().boolean("asymmetric_quantize_inputs");
  const Activation activation = recurrent_activation(ctx.attributes().text("fused_activation_function"));
  auto input = std::make_shared<RecurrentWeights>(ctx, kRnnInputWeights, asymmetric);
  auto recurrent = std::make_shared<RecurrentWeights>(ctx, kRnnRecurrentWeights, asymmetric);
  const int quantized_input = hybrid ? ctx.scratch(QuantizedRows::bytes(1, inputs)) : -1;
  const int quantized_state = hybrid ? ctx.scratch(QuantizedRows::bytes(1, units)) : -1;
  ctx.set_output_shape(0, x.shape.with(x.shape.rank() - 1, units));
  ctx.has_side_effects();
  ctx.set_macs(batch * time * units * (inputs + units));
  ctx.on_run([=](RunContext& run) {
    const float* bias = run.input<float>(kRnnBias);
    const QuantizedRows qx(hybrid ? run.scratch<char>(quantized_input) : nullptr, hybrid ? 1 : 0);
    const QuantizedRows qstate(hybrid ? run.scratch<char>(quantized_state) : nullptr, hybrid ? 1 : 0);
    for (int64_t b = 0; b < batch; ++b) {
      float* state = run.variable<float>(kRnnState) + b * units;
      for (int64_t t = 0; t < time; ++t) {
        const int64_t row = b * sequence_stride + t * time_stride;
        const float* x_row = run.input<float>(kRnnInput) + row * inputs;
        float* y = run.output<float>(0) + row * units;
        if (hybrid) {
          quantize_rows(x_row, 1, inputs, asymmetric, qx);
          quantize_rows(state, 1, units, asymmetric, qstate);
        }
        run.parallel_for(units, static_cast<double>(inputs + units) * 0.15 + 5, [&](int64_t begin, int64_t end, int) {
          for (int64_t u = begin; u < end; ++u)
            y[u] = bias[u] + input->multiply(run, u, 0, x_row, qx) + recurrent->multiply(run, u, 0, state, qstate);
        });
        activation(y, y, units);
        std::copy_n(y, units, state);
      }
    }
  });
}

}  // namespace

void prepare_rnn(PrepareContext& ctx) {
  ctx.expect_inputs(5, 5);
  ctx.expect_outputs(1);
  const Shape& x = ctx.input(kRnnInput).shape;
  check(x.rank() == 2, "input has shape ", x, "; 2 dimensions expected");
  prepare(ctx, x[0], 1, 1, 0);
}

void prepare_unidirectional_sequence_rnn(PrepareContext& ctx) {
  ctx.expect_inputs(5, 5);
  ctx.expect_outputs(1);
  const Shape& x = ctx.input(kRnnInput).shape;
  check(x.rank() == 3, "input has shape ", x, "; 3 dimensions expected");
  if (ctx.attributes().boolean("time_major"))
    prepare(ctx, x[1], x[0], 1, x[1]);
  else
    prepare(ctx, x[0], x[1], x[1], 1);
}

}  // namespace sanderling
