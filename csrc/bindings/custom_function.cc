#include "bindings/custom_function.h"

#include <memory>

#include "bindings/arrays.h"
#include "bindings/gil.h"

namespace py = pybind11;

namespace sanderling {
namespace {

// Python objects that any thread may drop.
struct Objects {
  py::object function;
  py::dict options;

  ~Objects() {
    if (!Py_IsInitialized()) {
      function.release();
      options.release();
      return;
    }
    const AcquireGil gil;
    function = py::object();
    options = py::dict();
  }
};

// The object that `call` returns, which runs Python code.
template <class Call>
py::object from_python(const Call& call) {
  PyObject* result = gil::parked(call);
  if (result == nullptr) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(result);
}

void store(RunContext& run, int i, const py::handle& result, DType dtype) {
  py::array array = to_array(result);
  if (!array) {
    PyErr_Clear();
    fail("output ", i, " of the registered function is not an array");
  }
  const py::handle found(py::detail::array_proxy(array.ptr())->descr);
  if (!found.equal(numpy_dtype(dtype))) {
    const py::object name = from_python([&] { return PyObject_Str(found.ptr()); });  // numpy's names are Python code
    fail("output ", i, " of the registered function is ", py::cast<std::string>(name), "; ", dtype_name(dtype),
         " expected");
  }
  std::vector<int64_t> dims(array.shape(), array.shape() + array.ndim());
  void* to = run.resize_output(i, Shape(dims));
  if (const size_t bytes = array_bytes(array); bytes > 0) std::memcpy(to, array.data(), bytes);
}

}  // namespace

CustomFunction python_function(py::object function, py::dict options, std::vector<DType> input_dtypes,
                               std::vector<DType> output_dtypes) {
  auto objects = std::make_shared<Objects>();
  objects->function = std::move(function);
  objects->options = std::move(options);
  return [objects, input_dtypes, output_dtypes](RunContext& run) {
    const AcquireGil gil;
    py::tuple arguments(input_dtypes.size());
    for (size_t i = 0; i < input_dtypes.size(); ++i) {
      int index = static_cast<int>(i);
      if (run.has_input(index))
        arguments[i] = copy_to_array(input_dtypes[i], run.input_shape(index), run.input<void>(index));
      else
        arguments[i] = py::none();
    }
    // A Python exception passes through the engine as it is.
    py::object result =
        from_python([&] { return PyObject_Call(objects->function.ptr(), arguments.ptr(), objects->options.ptr()); });
    if (output_dtypes.size() == 1 && !py::isinstance<py::tuple>(result) && !py::isinstance<py::list>(result)) {
      store(run, 0, result, output_dtypes[0]);
      return;
    }
    check(py::isinstance<py::sequence>(result) && py::len(result) == output_dtypes.size(),
          "the registered function must return ", output_dtypes.size(), " arrays");
    py::sequence results = result;
    for (size_t i = 0; i < output_dtypes.size(); ++i)
      store(run, static_cast<int>(i), py::object(results[i]), output_dtypes[i]);
  };
}

}  // namespace sanderling
