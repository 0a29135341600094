// CompiledModel: the front end fills it and writes its bytes, or reads it and asks for what is in it.
#include <pybind11/stl.h>

#include <cstring>

#include "base/aligned_buffer.h"
#include "bindings/arrays.h"
#include "bindings/bindings.h"
#include "bindings/gil.h"
#include "graph/compiled.h"

namespace py = pybind11;
using namespace sanderling;

namespace {

CompiledModel read_path(const py::bytes& path, const std::string& name) {
  const std::string place = path;
  const ReleaseGil release;
  return read_compiled(place, name);
}

CompiledModel decode(const py::buffer& data) {
  const py::buffer_info info = data.request();
  const size_t bytes = static_cast<size_t>(info.size * info.itemsize);
  auto copy = std::make_shared<AlignedBuffer>(bytes);
  if (bytes > 0) std::memcpy(copy->data(), info.ptr, bytes);
  return decode_compiled("<memory>", copy, copy->data(), bytes);
}

py::object attribute(const Attributes::Value& value) {
  return std::visit([](const auto& v) { return py::cast(v); }, value);
}

py::dict quantization(const Quantization& q) {
  py::dict d;
  const std::vector<float> scales = q.scale.vector();
  const std::vector<int32_t> zeros = q.zero_point.vector();
  d["scale"] = copy_to_array(DType::float32, Shape({static_cast<int64_t>(scales.size())}), scales.data());
  d["zero_point"] = copy_to_array(DType::int32, Shape({static_cast<int64_t>(zeros.size())}), zeros.data());
  d["axis"] = q.axis;
  return d;
}

const GraphSpec& graph_at(const CompiledModel& model, size_t index) {
  check(index < model.spec->graphs.size(), "there is no graph ", index);
  return model.spec->graphs[index];
}

// How many tensors and nodes a graph has, its inputs and its outputs.
py::tuple graph(const CompiledModel& model, size_t index) {
  const GraphSpec& g = graph_at(model, index);
  return py::make_tuple(g.tensors.size(), g.nodes.size(), g.inputs, g.outputs);
}

// A constant's data is a read-only view that keeps the model alive.
py::dict tensor(const CompiledModel& model, size_t index, size_t i) {
  const GraphSpec& g = graph_at(model, index);
  check(i < g.tensors.size(), "there is no tensor ", i);
  const TensorSpec& t = g.tensors[i];
  py::dict d;
  d["name"] = t.info.name;
  d["dtype"] = dtype_name(t.stored_dtype());
  d["shape"] = shape_tuple(t.info.shape);
  d["quantization"] = t.info.quantized() ? py::object(quantization(t.info.quantization)) : py::none();
  d["is_variable"] = t.info.is_variable;
  d["data"] = py::none();
  if (t.data == nullptr) return d;
  py::capsule keep(new std::shared_ptr<ModelSpec>(model.spec),
                   [](void* p) { delete static_cast<std::shared_ptr<ModelSpec>*>(p); });
  const Shape packed({static_cast<int64_t>(t.stored_bytes())});
  d["data"] = t.info.int4 ? new_array(DType::uint8, packed, t.data, std::move(keep))
                          : new_array(t.info.dtype, t.info.shape, t.data, std::move(keep));
  return d;
}

py::dict node(const CompiledModel& model, size_t index, size_t i) {
  const GraphSpec& g = graph_at(model, index);
  check(i < g.nodes.size(), "there is no node ", i);
  const NodeSpec& n = g.nodes[i];
  py::dict d, attributes;
  for (const auto& [name, value] : n.attributes.all()) attributes[py::str(name)] = attribute(value);
  d["op"] = n.op->name;
  d["inputs"] = n.inputs;
  d["outputs"] = n.outputs;
  d["intermediates"] = n.intermediates;
  d["attributes"] = attributes;
  return d;
}

// (instruction set, kernel, bytes) of all packed weights that this build's kernels take.
py::list packed(const CompiledModel& model) {
  py::list all;
  for (const auto& [key, weights] : model.spec->packed) all.append(py::make_tuple(key.isa, key.kernel, key.bytes));
  return all;
}

using Names = std::vector<std::pair<std::string, int>>;

void add_signature(CompiledModel& m, const std::string& key, int graph, const Names& inputs, const Names& outputs) {
  m.signatures.push_back({key, graph, inputs, outputs});
}

py::list signatures(const CompiledModel& m) {
  py::list all;
  for (const Signature& s : m.signatures) all.append(py::make_tuple(s.key, s.graph, s.inputs, s.outputs));
  return all;
}

void set_golden(CompiledModel& m, uint32_t seed, uint32_t count, const std::vector<std::string>& outputs) {
  m.golden = {seed, count, outputs};
}

void add_metadata(CompiledModel& m, const std::string& name, const py::bytes& value) {
  m.metadata.emplace_back(name, std::string(value));
}

py::dict metadata(const CompiledModel& m) {
  py::dict d;
  for (const auto& [name, value] : m.metadata) d[py::str(name)] = py::bytes(value);
  return d;
}

}  // namespace

void bind_compiled(py::module_& m) {
  using namespace py::literals;
  m.def("packing_isas", &packing_isas);
  py::class_<CompiledModel>(m, "CompiledModel")
      .def(py::init([](std::shared_ptr<ModelSpec> spec) {
             CompiledModel c;
             c.spec = std::move(spec);
             return c;
           }),
           "spec"_a)
      .def_static("read", &read_path, "path"_a, "name"_a)
      .def_static("decode", &decode, "data"_a)
      .def("encode", [](const CompiledModel& c) { return py::bytes(encode_compiled(c)); })
      .def("pack_for", &pack_for, "isa"_a, py::call_guard<ReleaseGil>())
      .def("graph", &graph, "index"_a)
      .def("tensor", &tensor, "graph"_a, "i"_a)
      .def("node", &node, "graph"_a, "i"_a)
      .def("packed", &packed)
      .def_readonly("spec", &CompiledModel::spec)
      .def_property_readonly("num_graphs", [](const CompiledModel& c) { return c.spec->graphs.size(); })
      .def_readwrite("version", &CompiledModel::version)
      .def_readwrite("source", &CompiledModel::source)
      .def_readwrite("source_sha256", &CompiledModel::source_sha256)
      .def_readwrite("labels", &CompiledModel::labels)
      .def("add_signature", &add_signature, py::kw_only(), "key"_a, "graph"_a, "inputs"_a, "outputs"_a)
      .def_property_readonly("signatures", &signatures)
      .def("set_golden", &set_golden, py::kw_only(), "seed"_a, "count"_a, "outputs"_a)
      .def_property_readonly(
          "golden",
          [](const CompiledModel& c) { return py::make_tuple(c.golden.seed, c.golden.count, c.golden.outputs); })
      .def("add_metadata", &add_metadata, "name"_a, "value"_a)
      .def_property_readonly("metadata", &metadata);
}
