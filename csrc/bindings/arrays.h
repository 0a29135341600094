// numpy arrays and the core's dtypes and shapes.
#pragma once

#include <pybind11/numpy.h>

#include "base/dtype.h"
#include "base/shape.h"

namespace sanderling {

inline pybind11::dtype numpy_dtype(DType t) {
  if (t == DType::resource) return pybind11::dtype("int32");
  if (t == DType::int4) return pybind11::dtype("int8");
  return pybind11::dtype(dtype_name(t));
}

inline pybind11::array new_array(DType t, const Shape& shape) {
  return pybind11::array(numpy_dtype(t), std::vector<pybind11::ssize_t>(shape.begin(), shape.end()));
}

// A new array with a copy of the data.
inline pybind11::array copy_to_array(DType t, const Shape& shape, const void* data) {
  pybind11::array result = new_array(t, shape);
  if (result.nbytes() > 0) std::memcpy(result.mutable_data(), data, static_cast<size_t>(result.nbytes()));
  return result;
}

inline pybind11::tuple shape_tuple(const Shape& shape) {
  pybind11::tuple t(static_cast<size_t>(shape.rank()));
  for (int i = 0; i < shape.rank(); ++i) t[static_cast<size_t>(i)] = shape[i];
  return t;
}

}  // namespace sanderling
