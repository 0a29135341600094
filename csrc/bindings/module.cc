#include <pybind11/pybind11.h>

#include "base/error.h"
#include "bindings/arrays.h"
#include "bindings/bindings.h"

namespace py = pybind11;

PYBIND11_MODULE(_core_module, m) {
  m.doc() = "Sanderling's native engine.";
  sanderling::NumpyApi::get();
  m.attr("version") = SANDERLING_VERSION;
  // The front end turns it into ModelError with the file's name.
  py::register_exception<sanderling::Error>(m, "CoreError", PyExc_RuntimeError);
  py::register_exception<sanderling::OperatorError>(m, "OperatorError", m.attr("CoreError"));
  bind_cpu(m);
  bind_spec(m);
  bind_session(m);
  bind_compiled(m);
}

// pybind11 asks for the interpreter's lock in a way that waits for ever in a second interpreter of a process.
extern "C" PYBIND11_EXPORT PyObject* PyInit__core();
extern "C" PyObject* PyInit__core() {
  if (PyInterpreterState_Get() != PyInterpreterState_Main()) {
    PyErr_SetString(PyExc_ImportError, "sanderling works in the main interpreter of a process only");
    return nullptr;
  }
  return PyInit__core_module();
}
