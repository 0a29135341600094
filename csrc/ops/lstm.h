// What the LSTM operators share: their 24 arguments, and the sizes that those agree on.
#pragma once

#include <cstdint>

#include "ops/op.h"

namespace sanderling {

// Gates in the order of the arguments.
enum LstmGate { kInputGate, kForgetGate, kCellGate, kOutputGate, kGates };

// Argument numbers; `+ gate` for each gate.
enum LstmArgument {
  kLstmInput = 0,
  kInputWeights = 1,
  kRecurrentWeights = 5,
  kPeepholeWeights = 9,  // see peephole_argument
  kGateBias = 12,
  kProjectionWeights = 16,
  kProjectionBias = 17,
  kOutputState = 18,
  kCellState = 19,
  kLayerNorm = 20,
};

// The cell gate has no peephole: input, forget, output are 9, 10, 11.
inline int peephole_argument(int gate) { return kPeepholeWeights + (gate == kOutputGate ? 2 : gate); }

struct LstmSizes {
  int64_t time = 1, batch = 0, input = 0, cell = 0, output = 0;
  bool time_major = true;
  bool cifg = false;  // no input gate: 1 - forget gate
  bool peephole = false, projection = false, layer_norm = false;
  bool diagonal[kGates] = {};  // recurrent weights are a vector

  int first_gate() const { return cifg ? kForgetGate : kInputGate; }
  // Sequences that one step advances together.
  int64_t step_batch() const { return time_major ? batch : 1; }
  int64_t macs() const;
  // f(row, sequence) for each step: inputs and outputs start at `row` of [time * batch], states at `sequence`.
  template <class F>
  void for_each_step(const F& f) const {
    if (time_major)
      for (int64_t t = 0; t < time; ++t) f(t * batch, int64_t{0});
    else
      for (int64_t b = 0; b < batch; ++b)
        for (int64_t t = 0; t < time; ++t) f(b * time + t, b);
  }
};

// Checks all arguments of a full LSTM but the input's shape, of which batch, time and time_major are taken from
// `sizes`; sets the output's shape. `weights` is float32 or int8.
void check_lstm(PrepareContext& ctx, LstmSizes& sizes);

// The run functions, once the arguments are checked.
void prepare_lstm_float(PrepareContext& ctx, const LstmSizes& sizes);  // float32, or int8 weights (hybrid)
void prepare_lstm_integer(PrepareContext& ctx, const LstmSizes& sizes);

}  // namespace sanderling
