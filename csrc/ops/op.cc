#include "ops/op.h"

namespace sanderling {

void PrepareContext::expect_inputs(int low, int high) const {
  if (num_inputs() < low || num_inputs() > high)
    fail("has ", num_inputs(), " inputs; ", low, low == high ? "" : concat(" to ", high), " expected");
}

void PrepareContext::expect_outputs(int n) const {
  check(num_outputs() == n, "has ", num_outputs(), " outputs; ", n, " expected");
}

const TensorInfo& PrepareContext::input(int i) const {
  check(has_input(i), "input ", i, " is missing");
  return *inputs_[i];
}

const TensorInfo& PrepareContext::output(int i) const {
  check(i < num_outputs() && outputs_[i] != nullptr, "output ", i, " is missing");
  return *outputs_[i];
}

const TensorInfo& PrepareContext::intermediate(int i) const {
  check(i < num_intermediates() && intermediates_[i] != nullptr, "intermediate tensor ", i, " is missing");
  return *intermediates_[i];
}

const void* PrepareContext::value(int i, DType dtype) {
  const DType present = input(i).dtype;
  check(present == dtype, "input ", i, " is ", dtype_name(present), "; ", dtype_name(dtype), " expected");
  const void* v = value_or_null(i);
  if (v == nullptr) throw ValueUnknown{i};
  return v;
}

std::vector<int64_t> PrepareContext::int_values(int i) {
  const TensorInfo& t = input(i);
  size_t n = static_cast<size_t>(t.shape.elements());
  if (t.dtype == DType::int64) {
    const int64_t* v = value<int64_t>(i);
    return {v, v + n};
  }
  check(t.dtype == DType::int32, "input ", i, " is ", dtype_name(t.dtype), "; int32 or int64 expected");
  const int32_t* v = value<int32_t>(i);
  return {v, v + n};
}

void PrepareContext::take_run(void* held, RunFunction::Call call, RunFunction::Destroy destroy) {
  run_ = RunFunction(held, call, destroy);
}

}  // namespace sanderling
