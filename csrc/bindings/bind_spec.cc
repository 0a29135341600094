// ModelSpec: filled by the front end, tensor by tensor and node by node.
#include <pybind11/stl.h>

#include <cstring>

#include "bindings/arrays.h"
#include "bindings/bindings.h"
#include "bindings/custom_function.h"
#include "bindings/gil.h"
#include "graph/spec.h"
#include "ops/custom.h"

namespace py = pybind11;
using namespace sanderling;

namespace {

// The memory of a Python object, released under the GIL by whichever thread drops it last.
std::shared_ptr<void> keep(py::object object) {
  return std::shared_ptr<void>(object.release().ptr(), [](void* p) {
    if (!Py_IsInitialized()) return;
    const AcquireGil gil;
    Py_DECREF(static_cast<PyObject*>(p));
  });
}

int add_graph(ModelSpec& model) {
  model.valid = false;
  model.graphs.emplace_back();
  return static_cast<int>(model.graphs.size()) - 1;
}

// To be changed.
GraphSpec& graph_at(ModelSpec& model, int graph) {
  model.valid = false;
  check(graph >= 0 && static_cast<size_t>(graph) < model.graphs.size(), "there is no graph ", graph);
  return model.graphs[static_cast<size_t>(graph)];
}

void set_constant(ModelSpec& model, TensorSpec& tensor, const py::array& data) {
  const DType dtype = tensor.info.dtype;
  tensor.mark_int4();
  const TensorInfo& t = tensor.info;
  check((data.flags() & py::array::c_style) != 0, "constant '", t.name, "' is not contiguous");
  const size_t bytes = array_bytes(data);
  check(bytes == tensor.stored_bytes(), "constant '", t.name, "' (", dtype_name(dtype), ") of shape ", t.shape, " has ",
        bytes, " bytes; ", tensor.stored_bytes(), " expected");
  size_t alignment = dtype_size(t.dtype);
  if (bytes == 0 || reinterpret_cast<uintptr_t>(data.data()) % alignment != 0) {
    auto copy = std::make_shared<AlignedBuffer>(bytes);
    if (bytes > 0) std::memcpy(copy->data(), data.data(), bytes);
    tensor.data = copy->data();
    model.keep_alive.push_back(copy);
  } else {
    tensor.data = data.data();
    model.keep_alive.push_back(keep(data));
  }
}

// Lists are taken too; numbers of another kind are converted where nothing of an integer is lost.
template <class T>
std::vector<T> numbers(const py::handle& object, DType dtype) {
  const py::array all = to_array(object, numpy_dtype(dtype), dtype == DType::float32 ? py::array::forcecast : 0);
  if (!all) throw py::error_already_set();
  const auto* data = static_cast<const T*>(all.data());
  return std::vector<T>(data, data + all.size());
}

int add_tensor(ModelSpec& model, int graph, const std::string& name, const std::string& dtype,
               const std::vector<int64_t>& shape, const py::object& scale, const py::object& zero_point, int axis,
               bool is_variable, const py::object& data) {
  TensorSpec tensor;
  tensor.info.name = name;
  tensor.info.dtype = dtype_from_name(dtype);
  try {
    tensor.info.shape = Shape(shape);
  } catch (const Error& e) {
    fail("tensor '", name, "': ", e.what());
  }
  tensor.info.quantization.scale = numbers<float>(scale, DType::float32);
  std::vector<int32_t> zeros;
  for (const int64_t z : numbers<int64_t>(zero_point, DType::int64)) {
    check(z >= INT32_MIN && z <= INT32_MAX, "tensor '", name, "' has zero point ", z);
    zeros.push_back(static_cast<int32_t>(z));
  }
  tensor.info.quantization.zero_point = std::move(zeros);
  tensor.info.quantization.axis = axis;
  tensor.info.is_variable = is_variable;
  if (!data.is_none()) set_constant(model, tensor, as_array(data));
  GraphSpec& g = graph_at(model, graph);
  g.tensors.push_back(std::move(tensor));
  return static_cast<int>(g.tensors.size()) - 1;
}

Attributes::Value attribute_value(const std::string& name, const py::handle& v) {
  if (py::isinstance<py::bool_>(v)) return v.cast<bool>();
  if (py::isinstance<py::int_>(v)) return v.cast<int64_t>();
  if (py::isinstance<py::float_>(v)) return v.cast<double>();
  if (py::isinstance<py::str>(v)) return v.cast<std::string>();
  if (py::isinstance<py::sequence>(v)) {
    auto items = v.cast<py::sequence>();
    bool text = false, real = false;
    for (const auto& item : items) {
      text = text || py::isinstance<py::str>(item);
      real = real || py::isinstance<py::float_>(item);
    }
    if (text) return v.cast<std::vector<std::string>>();
    if (real) return v.cast<std::vector<double>>();
    return v.cast<std::vector<int64_t>>();
  }
  fail("option '", name, "' has a value of an unsupported type");
}

void add_node(ModelSpec& model, int graph, const std::string& op, const std::string& name, std::vector<int> inputs,
              std::vector<int> outputs, std::vector<int> intermediates, const py::dict& attributes,
              const py::object& function, const std::string& isa) {
  NodeSpec node;
  node.name = name;
  node.isa = isa;
  node.inputs = std::move(inputs);
  node.outputs = std::move(outputs);
  node.intermediates = std::move(intermediates);
  if (function.is_none()) {
    node.op = find_op(op);
    check(node.op != nullptr, "operator ", op, " is not supported");
    for (const auto& [key, value] : attributes) {
      std::string option = py::cast<std::string>(key);
      if (!value.is_none()) node.attributes.set(option, attribute_value(option, value));
    }
  } else {
    node.op = custom_op();
    GraphSpec& g = graph_at(model, graph);
    std::vector<DType> in, out;
    auto dtype_of = [&](int i) {
      check(i >= 0 && static_cast<size_t>(i) < g.tensors.size(), name, ": refers to tensor ", i);
      return g.tensors[static_cast<size_t>(i)].info.dtype;
    };
    for (int i : node.inputs) in.push_back(i == kAbsent ? DType::float32 : dtype_of(i));
    for (int i : node.outputs) out.push_back(dtype_of(i));
    node.custom = python_function(function, attributes, std::move(in), std::move(out));
  }
  graph_at(model, graph).nodes.push_back(std::move(node));
}

void set_ends(ModelSpec& model, int graph, std::vector<int> inputs, std::vector<int> outputs) {
  GraphSpec& g = graph_at(model, graph);
  g.inputs = std::move(inputs);
  g.outputs = std::move(outputs);
}

}  // namespace

void bind_spec(py::module_& m) {
  using namespace py::literals;
  py::class_<ModelSpec, std::shared_ptr<ModelSpec>>(m, "ModelSpec")
      .def(py::init<>())
      .def("add_graph", &add_graph)
      .def("add_tensor", &add_tensor, py::kw_only(), "graph"_a, "name"_a, "dtype"_a, "shape"_a, "scale"_a,
           "zero_point"_a, "axis"_a, "is_variable"_a, "data"_a)
      .def("add_node", &add_node, py::kw_only(), "graph"_a, "op"_a, "name"_a, "inputs"_a, "outputs"_a,
           "intermediates"_a, "attributes"_a, "function"_a, "isa"_a)
      .def("set_ends", &set_ends, py::kw_only(), "graph"_a, "inputs"_a, "outputs"_a)
      .def("validate", &ModelSpec::validate);
}
