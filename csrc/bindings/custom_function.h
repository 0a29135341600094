#pragma once

#include <pybind11/pybind11.h>

#include <vector>

#include "ops/op.h"

namespace sanderling {

// A Python function as an operator: fn(*inputs, **options) -> array or sequence of arrays.
CustomFunction python_function(pybind11::object function, pybind11::dict options, std::vector<DType> input_dtypes,
                               std::vector<DType> output_dtypes);

}  // namespace sanderling
