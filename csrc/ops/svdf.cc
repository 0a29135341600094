// SVDF: a dense layer over the last steps of time, its weights factored into one vector over features and one over
// time for each filter. The state holds each filter's latest results, oldest first.
#include <algorithm>
#include <cstring>
#include <memory>

#include "ops/dot.h"
#include "ops/recurrent.h"
#include "quant/requantize.h"

namespace sanderling {
namespace {

enum { kSvdfInput, kSvdfFeatureWeights, kSvdfTimeWeights, kSvdfBias, kSvdfState };

struct SvdfSizes {
  int64_t batch, input, filters, memory, units, rank;
};

// One place older each; the newest places are the caller's to fill.
template <class T>
void age(T* state, const SvdfSizes& s) {
  int64_t n = s.batch * s.filters * s.memory;
  if (n > 1) std::memmove(state, state + 1, static_cast<size_t>(n - 1) * sizeof(T));
}

void prepare_integer(PrepareContext& ctx, const SvdfSizes& s) {
  const TensorInfo &x = ctx.input(kSvdfInput), &y = ctx.output(0);
  const std::string& activation = ctx.attributes().text("fused_activation_function");
  check(activation == "RELU", "option 'fused_activation_function' is ", activation,
        "; RELU expected (the only one for int8)");
  const float state_scale = ctx.input(kSvdfState).scale();
  const Multiplier to_state = quantize_multiplier(x.scale() * ctx.input(kSvdfFeatureWeights).scale() / state_scale);
  const Multiplier to_output = quantize_multiplier(state_scale * ctx.input(kSvdfTimeWeights).scale() / y.scale());
  const int32_t x_zero = x.zero_point(), y_zero = y.zero_point();
  // Sums of the weights' rows take the input's zero point out of the inner loop.
  const int8_t* weights = ctx.value<int8_t>(kSvdfFeatureWeights);
  std::vector<int32_t> offsets(static_cast<size_t>(s.filters));
  for (int64_t f = 0; f < s.filters; ++f)
    offsets[static_cast<size_t>(f)] = wrapping_mul(row_sum(weights + f * s.input, s.input), x_zero);
  auto shared = std::make_shared<std::vector<int32_t>>(std::move(offsets));
  ctx.on_run([=](RunContext& run) {
    const int8_t* in = run.input<int8_t>(kSvdfInput);
    const int8_t* features = run.input<int8_t>(kSvdfFeatureWeights);
    const int16_t* times = run.input<int16_t>(kSvdfTimeWeights);
    const int32_t* bias = run.has_input(kSvdfBias) ? run.input<int32_t>(kSvdfBias) : nullptr;
    int16_t* state = run.variable<int16_t>(kSvdfState);
    int8_t* out = run.output<int8_t>(0);
    age(state, s);
    const double cost = static_cast<double>(s.rank * (s.input + s.memory)) * 0.1 + 5;
    run.parallel_for(s.batch * s.units, cost, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t b = i / s.units, unit = i % s.units;
        int32_t sum = bias ? bias[unit] : 0;
        for (int64_t f = unit * s.rank; f < (unit + 1) * s.rank; ++f) {
          int32_t feature =
              wrapping_sub(dot(features + f * s.input, in + b * s.input, s.input), (*shared)[static_cast<size_t>(f)]);
          int16_t* memory = state + (b * s.filters + f) * s.memory;
          memory[s.memory - 1] = static_cast<int16_t>(clamp(requantize(feature, to_state), -32768, 32767));
          sum = wrapping_add(sum, dot(times + f * s.memory, memory, s.memory));
        }
        out[i] = static_cast<int8_t>(clamp(wrapping_add(requantize(sum, to_output), y_zero), -128, 127));
      }
    });
  });
}

void prepare_float(PrepareContext& ctx, const SvdfSizes& s, bool hybrid) {
  const bool asymmetric = hybrid && ctx.attributes().boolean("asymmetric_quantize_inputs");
  const Activation activation = recurrent_activation(ctx.attributes().text("fused_activation_function"));
  auto features = std::make_shared<RecurrentWeights>(ctx, kSvdfFeatureWeights, asymmetric);
  const float time_scale = hybrid ? ctx.input(kSvdfTimeWeights).scale() : 1.0f;
  const int quantized = hybrid ? ctx.scratch(QuantizedRows::bytes(s.batch, s.input)) : -1;
  ctx.on_run([=](RunContext& run) {
    const float* in = run.input<float>(kSvdfInput);
    const float* bias = run.has_input(kSvdfBias) ? run.input<float>(kSvdfBias) : nullptr;
    float* state = run.variable<float>(kSvdfState);
    float* out = run.output<float>(0);
    const QuantizedRows q(hybrid ? run.scratch<char>(quantized) : nullptr, hybrid ? s.batch : 0);
    if (hybrid) quantize_rows(in, s.batch, s.input, asymmetric, q);
    age(state, s);
    const double cost = static_cast<double>(s.rank * (s.input + s.memory)) * 0.15 + 5;
    run.parallel_for(s.batch * s.units, cost, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t b = i / s.units, unit = i % s.units;
        float sum = 0.0f;
        for (int64_t f = unit * s.rank; f < (unit + 1) * s.rank; ++f) {
          float* memory = state + (b * s.filters + f) * s.memory;
          memory[s.memory - 1] = features->multiply(run, f, b, in, q);
          float filtered = 0.0f;
          if (hybrid) {
            const int8_t* w = run.input<int8_t>(kSvdfTimeWeights) + f * s.memory;
            for (int64_t t = 0; t < s.memory; ++t) filtered += w[t] * time_scale * memory[t];
          } else {
            filtered = dot(run.input<float>(kSvdfTimeWeights) + f * s.memory, memory, s.memory);
          }
          sum += filtered;
        }
        out[i] = bias ? sum + bias[unit] : sum;
      }
    });
    activation(out, out, s.batch * s.units);
  });
}

}  // namespace

void prepare_svdf(PrepareContext& ctx) {
  ctx.expect_inputs(5, 5);
  ctx.expect_outputs(1);
  const TensorInfo &x = ctx.input(kSvdfInput), &features = ctx.input(kSvdfFeatureWeights),
                   &times = ctx.input(kSvdfTimeWeights);
  const bool integer = x.dtype == DType::int8, hybrid = !integer && features.dtype == DType::int8;
  check(integer || x.dtype == DType::float32, "input is ", dtype_name(x.dtype), "; float32 or int8 expected");
  check(x.shape.rank() == 2, "input has shape ", x.shape, "; 2 dimensions expected");
  check(features.shape.rank() == 2 && times.shape.rank() == 2, "weights have shapes ", features.shape, " and ",
        times.shape, "; 2 dimensions expected");
  SvdfSizes s;
  s.rank = ctx.attributes().integer_in("rank", 1, INT32_MAX);
  s.batch = x.shape[0];
  s.input = x.shape[1];
  s.filters = features.shape[0];
  s.memory = times.shape[1];
  s.units = s.filters / s.rank;
  check(s.filters % s.rank == 0, "has ", s.filters, " filters, no multiple of option 'rank' (", s.rank, ")");
  check(s.memory > 0, "has no memory: the time weights have shape ", times.shape);
  const DType real = DType::float32;
  expect_argument(ctx, kSvdfFeatureWeights, {s.filters, s.input}, integer || hybrid ? DType::int8 : real);
  expect_argument(ctx, kSvdfTimeWeights, {s.filters, s.memory}, integer ? DType::int16 : (hybrid ? DType::int8 : real));
  if (ctx.has_input(kSvdfBias)) expect_argument(ctx, kSvdfBias, {s.units}, integer ? DType::int32 : real);
  check(ctx.input(kSvdfState).is_variable, "state '", ctx.input(kSvdfState).name, "' is no variable");
  expect_argument(ctx, kSvdfState, {s.batch, s.memory * s.filters}, integer ? DType::int16 : real);
  check(ctx.output(0).dtype == x.dtype, "output is ", dtype_name(ctx.output(0).dtype), "; ", dtype_name(x.dtype),
        " expected");
  ctx.set_output_shape(0, {s.batch, s.units});
  ctx.has_side_effects();
  ctx.set_macs(s.batch * s.filters * (s.input + s.memory));
  if (integer)
    prepare_integer(ctx, s);
  else
    prepare_float(ctx, s, hybrid);
}

}  // namespace sanderling
