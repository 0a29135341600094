// numpy arrays and the core's dtypes and shapes.
#pragma once

#include <pybind11/numpy.h>

#include <cstring>

#include "base/dtype.h"
#include "base/error.h"
#include "base/shape.h"
#include "bindings/gil.h"

namespace sanderling {

// numpy's number of a type: looking types up by name takes microseconds.
inline int numpy_type_number(DType t) {
  using Api = pybind11::detail::npy_api;
  switch (t) {
    case DType::float32: return Api::NPY_FLOAT_;
    case DType::float16: return 23;  // NPY_HALF
    case DType::float64: return Api::NPY_DOUBLE_;
    case DType::int8: return Api::NPY_INT8_;
    case DType::uint8: return Api::NPY_UINT8_;
    case DType::int16: return Api::NPY_INT16_;
    case DType::uint16: return Api::NPY_UINT16_;
    case DType::int32: return Api::NPY_INT32_;
    case DType::uint32: return Api::NPY_UINT32_;
    case DType::int64: return Api::NPY_INT64_;
    case DType::uint64: return Api::NPY_UINT64_;
    case DType::boolean: return Api::NPY_BOOL_;
    case DType::int4: return Api::NPY_INT8_;
    case DType::resource: return Api::NPY_INT32_;
  }
  return Api::NPY_INT8_;
}

// What is needed of numpy's C interface, which numpy keeps as it is. pybind11's own way to it, with each py::array that
// is made or asked for by its type, runs Python code first, to read numpy's version: the first load of a program would
// pay for it, and a daemon thread may be ended in it (see gil.h).
struct NumpyApi {
  PyTypeObject* array_type;
  PyObject* (*descr_from_type)(int);
  PyObject* (*from_any)(PyObject*, PyObject*, int, int, int, PyObject*);
  PyObject* (*new_from_descr)(PyTypeObject*, PyObject*, int, const Py_intptr_t*, const Py_intptr_t*, void*, int,
                              PyObject*);
  int (*set_base_object)(PyObject*, PyObject*);

  // First when the module is imported.
  static const NumpyApi& get() {
    // No lock but the interpreter's: imports may let other threads in. Never freed, as numpy itself.
    static const NumpyApi* api = nullptr;
    if (api == nullptr) api = new NumpyApi(found());
    return *api;
  }

 private:
  static NumpyApi found() {
    namespace py = pybind11;
    const auto version = py::module_::import("numpy").attr("__version__").cast<std::string>();
    const char* home = version.compare(0, 2, "1.") == 0 ? "numpy.core.multiarray" : "numpy._core.multiarray";
    const py::object capsule = py::module_::import(home).attr("_ARRAY_API");
    auto** table = static_cast<void**>(PyCapsule_GetPointer(capsule.ptr(), nullptr));
    if (table == nullptr) throw py::error_already_set();
    NumpyApi api;
    api.array_type = static_cast<PyTypeObject*>(table[2]);
    api.descr_from_type = reinterpret_cast<decltype(api.descr_from_type)>(table[45]);
    api.from_any = reinterpret_cast<decltype(api.from_any)>(table[69]);
    api.new_from_descr = reinterpret_cast<decltype(api.new_from_descr)>(table[94]);
    api.set_base_object = reinterpret_cast<decltype(api.set_base_object)>(table[282]);
    return api;
  }
};

inline pybind11::dtype numpy_dtype(DType t) {
  PyObject* descr = NumpyApi::get().descr_from_type(numpy_type_number(t));
  if (descr == nullptr) throw pybind11::error_already_set();
  return pybind11::reinterpret_steal<pybind11::dtype>(descr);
}

// Of new memory, or a read-only view of `data`, which `owner` keeps.
inline pybind11::array new_array(DType t, const Shape& shape, const void* data = nullptr, pybind11::object owner = {}) {
  const NumpyApi& api = NumpyApi::get();
  Py_intptr_t extents[Shape::kMaxRank];
  for (int i = 0; i < shape.rank(); ++i) extents[i] = static_cast<Py_intptr_t>(shape[i]);
  // Takes over the dtype.
  PyObject* made = api.new_from_descr(api.array_type, numpy_dtype(t).release().ptr(), shape.rank(), extents, nullptr,
                                      const_cast<void*>(data), 0, nullptr);
  if (made == nullptr) throw pybind11::error_already_set();
  auto array = pybind11::reinterpret_steal<pybind11::array>(made);
  // Takes over the owner.
  if (owner && api.set_base_object(made, owner.release().ptr()) != 0) throw pybind11::error_already_set();
  return array;
}

// A new array with a copy of the data.
inline pybind11::array copy_to_array(DType t, const Shape& shape, const void* data) {
  pybind11::array result = new_array(t, shape);
  const size_t bytes = static_cast<size_t>(shape.elements()) * dtype_size(t);
  if (bytes > 0) std::memcpy(pybind11::detail::array_proxy(result.ptr())->data, data, bytes);
  return result;
}

// Whether `object` is an array of this very type and shape, whose elements lie together in order.
inline bool is_exactly(pybind11::handle object, DType t, const Shape& shape) {
  if (Py_TYPE(object.ptr()) != NumpyApi::get().array_type) return false;
  const auto* array = pybind11::detail::array_proxy(object.ptr());
  // Unpickled arrays, as those from other processes, have a descriptor of their own.
  const auto* descr = pybind11::detail::array_descriptor_proxy(array->descr);
  const bool native = descr->byteorder == '=' || descr->byteorder == '|';
  if (descr->type_num != numpy_type_number(t) || !native || array->nd != shape.rank()) return false;
  for (int i = 0; i < array->nd; ++i)
    if (array->dimensions[i] != shape[i]) return false;
  return (array->flags & pybind11::array::c_style) != 0;
}

// An argument as the array that it must be.
inline pybind11::array as_array(pybind11::handle object) {
  if (!PyObject_TypeCheck(object.ptr(), NumpyApi::get().array_type))
    throw pybind11::type_error(concat("a numpy array expected, not ", Py_TYPE(object.ptr())->tp_name));
  return pybind11::reinterpret_borrow<pybind11::array>(object);
}

// pybind11 knows an array's elements' size from the version of numpy.
inline size_t array_bytes(const pybind11::array& array) { return array.attr("nbytes").cast<size_t>(); }

// A contiguous array of whatever numpy makes one of, of a type where one is given: null, and Python's error is set,
// where it does not. May call the object's own functions.
inline pybind11::array to_array(pybind11::handle object, pybind11::object dtype = {}, int flags = 0) {
  const NumpyApi& api = NumpyApi::get();
  flags |= pybind11::array::c_style | pybind11::detail::npy_api::NPY_ARRAY_ENSUREARRAY_;
  // Takes over the dtype.
  return pybind11::reinterpret_steal<pybind11::array>(
      gil::parked([&] { return api.from_any(object.ptr(), dtype.release().ptr(), 0, 0, flags, nullptr); }));
}

inline pybind11::tuple shape_tuple(const Shape& shape) {
  pybind11::tuple t(static_cast<size_t>(shape.rank()));
  for (int i = 0; i < shape.rank(); ++i) t[static_cast<size_t>(i)] = shape[i];
  return t;
}

}  // namespace sanderling
