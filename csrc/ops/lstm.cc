// UNIDIRECTIONAL_SEQUENCE_LSTM and the full kernel of LSTM: the arguments, and which implementation runs.
#include "ops/lstm.h"

#include "ops/recurrent.h"

namespace sanderling {
namespace {

void expect_state(PrepareContext& ctx, int i, int64_t elements, DType dtype) {
  const TensorInfo& t = ctx.input(i);
  check(t.is_variable, "input ", i, " ('", t.name, "') is no variable");
  check(t.shape.elements() == elements, "state ", i, " ('", t.name, "') has shape ", t.shape, "; ", elements,
        " elements expected");
  check(t.dtype == dtype, "state ", i, " ('", t.name, "') is ", dtype_name(t.dtype), "; ", dtype_name(dtype),
        " expected");
}

void expect_clip(PrepareContext& ctx, const char* option) {
  double clip = ctx.attributes().real(option, 0.0);
  check(clip >= 0, "option '", option, "' is ", clip, "; 0 (none) or more expected");
}

}  // namespace

int64_t LstmSizes::macs() const {
  int64_t of_step = 0;
  for (int g = first_gate(); g < kGates; ++g) of_step += cell * (input + (diagonal[g] ? 1 : output));
  if (projection) of_step += cell * output;
  return time * batch * of_step;
}

void check_lstm(PrepareContext& ctx, LstmSizes& s) {
  check(ctx.num_inputs() == 20 || ctx.num_inputs() == 24, "has ", ctx.num_inputs(), " inputs; 20 or 24 expected");
  ctx.expect_outputs(1);
  const TensorInfo& x = ctx.input(kLstmInput);
  const DType weights = ctx.input(kInputWeights + kOutputGate).dtype;
  const bool integer = x.dtype == DType::int8;
  check(integer || x.dtype == DType::float32, "input is ", dtype_name(x.dtype), "; float32 or int8 expected");
  check(weights == DType::int8 || (weights == DType::float32 && !integer), "weights are ", dtype_name(weights), " for ",
        dtype_name(x.dtype), " input; ", integer ? "" : "float32 or ", "int8 expected");
  check(ctx.output(0).dtype == x.dtype, "output is ", dtype_name(ctx.output(0).dtype), "; ", dtype_name(x.dtype),
        " expected");
  expect_clip(ctx, "cell_clip");
  expect_clip(ctx, "proj_clip");

  s.input = x.shape.back(1);
  const Shape& recurrent = ctx.input(kRecurrentWeights + kOutputGate).shape;
  check(recurrent.rank() == 1 || recurrent.rank() == 2, "recurrent weights have shape ", recurrent,
        "; 1 or 2 dimensions expected");
  s.cell = recurrent[0];
  s.output = recurrent.back(1);
  check(s.cell > 0, "has no cells");
  s.cifg = !ctx.has_input(kInputWeights + kInputGate);
  s.peephole = ctx.has_input(peephole_argument(kOutputGate));
  s.projection = ctx.has_input(kProjectionWeights);
  s.layer_norm = ctx.has_input(kLayerNorm + kForgetGate);

  const DType bias = integer ? DType::int32 : DType::float32;
  for (int g = 0; g < kGates; ++g) {
    const bool used = g != kInputGate || !s.cifg;
    if (!used) {
      for (int i : {kRecurrentWeights + g, peephole_argument(g), kGateBias + g, kLayerNorm + g})
        check(!ctx.has_input(i), "input ", i, " belongs to an input gate, but there are no input-to-input weights");
      continue;
    }
    expect_argument(ctx, kInputWeights + g, {s.cell, s.input}, weights);
    s.diagonal[g] = !integer && ctx.input(kRecurrentWeights + g).shape.rank() == 1;
    if (s.diagonal[g]) {
      check(s.output == s.cell, "diagonal recurrent weights need as many outputs (", s.output, ") as cells (", s.cell,
            ")");
      expect_argument(ctx, kRecurrentWeights + g, {s.cell}, DType::float32);
    } else {
      expect_argument(ctx, kRecurrentWeights + g, {s.cell, s.output}, weights);
    }
    expect_argument(ctx, kGateBias + g, {s.cell}, bias);
    if (g != kCellGate) {
      check(ctx.has_input(peephole_argument(g)) == s.peephole, "has some peephole weights, but not all");
      if (s.peephole) expect_argument(ctx, peephole_argument(g), {s.cell}, integer ? DType::int16 : weights);
    }
    check(ctx.has_input(kLayerNorm + g) == s.layer_norm, "has some layer normalization coefficients, but not all");
    if (s.layer_norm) expect_argument(ctx, kLayerNorm + g, {s.cell}, integer ? DType::int16 : DType::float32);
  }
  if (s.projection) {
    expect_argument(ctx, kProjectionWeights, {s.output, s.cell}, weights);
    if (ctx.has_input(kProjectionBias)) expect_argument(ctx, kProjectionBias, {s.output}, bias);
  } else {
    check(!ctx.has_input(kProjectionBias), "has a projection bias without projection weights");
    check(s.output == s.cell, "has ", s.cell, " cells and ", s.output, " outputs, but no projection");
  }
  expect_state(ctx, kOutputState, s.batch * s.output, x.dtype);
  expect_state(ctx, kCellState, s.batch * s.cell, integer ? DType::int16 : DType::float32);

  ctx.set_output_shape(0, x.shape.with(x.shape.rank() - 1, s.output));
  ctx.has_side_effects();
  ctx.set_macs(s.macs());
}

void prepare_unidirectional_sequence_lstm(PrepareContext& ctx) {
  const TensorInfo& x = ctx.input(kLstmInput);
  check(x.shape.rank() == 3, "input has shape ", x.shape, "; 3 dimensions expected");
  LstmSizes sizes;
  sizes.time_major = ctx.attributes().boolean("time_major");
  sizes.time = x.shape[sizes.time_major ? 0 : 1];
  sizes.batch = x.shape[sizes.time_major ? 1 : 0];
  check_lstm(ctx, sizes);
  if (x.dtype == DType::int8)
    prepare_lstm_integer(ctx, sizes);
  else
    prepare_lstm_float(ctx, sizes);
}

}  // namespace sanderling
