#include <pybind11/pybind11.h>

#include "base/error.h"
#include "bindings/bindings.h"

namespace py = pybind11;

PYBIND11_MODULE(_core, m) {
  m.doc() = "Sanderling's native engine.";
  m.attr("version") = SANDERLING_VERSION;
  // The front end turns it into ModelError with the file's name.
  py::register_exception<sanderling::Error>(m, "CoreError", PyExc_RuntimeError);
  bind_cpu(m);
  bind_spec(m);
  bind_session(m);
  bind_compiled(m);
}
