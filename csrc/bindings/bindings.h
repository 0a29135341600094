// What module.cc registers: one function for each bind_*.cc.
#pragma once

#include <pybind11/pybind11.h>

void bind_spec(pybind11::module_& module);
void bind_session(pybind11::module_& module);
void bind_compiled(pybind11::module_& module);
void bind_cpu(pybind11::module_& module);
