#include "graph/spec.h"

#include <algorithm>
#include <limits>

namespace sanderling {
namespace {

void check_index(int index, size_t count, bool may_be_absent, const char* what, const std::string& where) {
  bool fine = (index >= 0 && static_cast<size_t>(index) < count) || (may_be_absent && index == kAbsent);
  check(fine, where, ": ", what, " refers to tensor ", index, ", but there are ", count);
}

void check_quantization(const TensorInfo& t) {
  const Quantization& q = t.quantization;
  check(q.scale.size() == q.zero_point.size(), "tensor '", t.name, "' has ", q.scale.size(), " scales and ",
        q.zero_point.size(), " zero points");
  int64_t low = 0, high = 0;
  switch (t.dtype) {
    case DType::int8: low = -128, high = 127; break;
    case DType::uint8: low = 0, high = 255; break;
    case DType::int16: low = -32768, high = 32767; break;
    case DType::int4: low = -8, high = 7; break;
    default: low = std::numeric_limits<int32_t>::min(), high = std::numeric_limits<int32_t>::max();
  }
  if (high - low < UINT32_MAX) {
    // First all together, as there are tens of thousands: the ranges are of 2^n values.
    const uint32_t first = static_cast<uint32_t>(low), reach = static_cast<uint32_t>(high - low);
    uint32_t above = 0;
    for (size_t i = 0; i < q.zero_point.size(); ++i) above |= static_cast<uint32_t>(q.zero_point[i]) - first;
    if ((above & ~reach) != 0)
      for (int32_t z : q.zero_point)
        check(z >= low && z <= high, "tensor '", t.name, "' (", dtype_name(t.dtype), ") has zero point ", z,
              ", outside [", low, ", ", high, "]");
  }
  if (q.scale.size() > 1) {
    check(q.axis >= 0 && q.axis < t.shape.rank(), "tensor '", t.name, "' has per-channel scales along dimension ",
          q.axis, ", but its shape is ", t.shape);
    check(static_cast<int64_t>(q.scale.size()) == t.shape[q.axis], "tensor '", t.name, "' of shape ", t.shape, " has ",
          q.scale.size(), " scales along dimension ", q.axis);
  }
}

// Every tensor has one origin, and is there before it is read.
void check_definitions(const GraphSpec& g) {
  std::vector<bool> defined(g.tensors.size(), false);
  for (size_t i = 0; i < g.tensors.size(); ++i)
    defined[i] = g.tensors[i].data != nullptr || g.tensors[i].info.is_variable;
  for (int i : g.inputs) defined[static_cast<size_t>(i)] = true;
  for (const NodeSpec& n : g.nodes) {
    for (int i : n.inputs)
      if (i != kAbsent && !defined[static_cast<size_t>(i)])
        fail(n.name, ": its input '", g.tensors[static_cast<size_t>(i)].info.name, "' has not been computed before it");
    for (int i : n.outputs) {
      if (i == kAbsent) continue;
      check(!defined[static_cast<size_t>(i)], n.name, ": its output '", g.tensors[static_cast<size_t>(i)].info.name,
            "' already has a value (a constant, an input, a variable, or another node's output)");
      defined[static_cast<size_t>(i)] = true;
    }
  }
  for (int i : g.outputs)
    check(defined[static_cast<size_t>(i)], "graph output '", g.tensors[static_cast<size_t>(i)].info.name,
          "' is never computed");
}

// Graphs that the nodes of one call.
std::vector<size_t> callees(const ModelSpec& model, const GraphSpec& graph) {
  std::vector<size_t> all;
  for (const NodeSpec& node : graph.nodes)
    for (const char* name : {"then_subgraph_index", "else_subgraph_index", "cond_subgraph_index", "body_subgraph_index",
                             "init_subgraph_index"}) {
      if (!node.attributes.has(name)) continue;
      const int64_t callee = node.attributes.integer(name);
      check(callee >= 0 && static_cast<size_t>(callee) < model.graphs.size(), node.name, ": option '", name, "' is ",
            callee, ", but the model has ", model.graphs.size(), " graphs");
      all.push_back(static_cast<size_t>(callee));
    }
  return all;
}

// No graph calls itself, and calls within calls are few, as plans and runs follow them by calls of their own.
void check_calls(const ModelSpec& model) {
  constexpr int kDeepest = 64, kOpen = -1;
  struct Visit {
    size_t graph;
    std::vector<size_t> callees;
    size_t next;
  };
  std::vector<int> depth(model.graphs.size(), 0);  // of calls below, one for the graph itself; kOpen: on the way
  std::vector<Visit> path;
  const auto enter = [&](size_t graph) {
    depth[graph] = kOpen;
    path.push_back({graph, callees(model, model.graphs[graph]), 0});
  };
  for (size_t first = 0; first < model.graphs.size(); ++first) {
    if (depth[first] == 0) enter(first);
    while (!path.empty()) {
      Visit& here = path.back();
      if (here.next < here.callees.size()) {
        const size_t callee = here.callees[here.next++];
        check(depth[callee] != kOpen, "graph ", callee, " calls itself");
        if (depth[callee] == 0) enter(callee);
        continue;
      }
      int deepest = 0;
      for (size_t callee : here.callees) deepest = std::max(deepest, depth[callee]);
      check(deepest < kDeepest, "graph ", here.graph, " calls graphs that call others, more than ", kDeepest, " deep");
      depth[here.graph] = deepest + 1;
      path.pop_back();
    }
  }
}

}  // namespace

void ModelSpec::validate() {
  if (valid) return;
  check(!graphs.empty(), "the model has no graph");
  for (const GraphSpec& g : graphs) {
    for (const TensorSpec& t : g.tensors) check_quantization(t.info);
    for (int i : g.inputs) {
      check_index(i, g.tensors.size(), false, "a graph input", "graph");
      const TensorSpec& t = g.tensors[static_cast<size_t>(i)];
      check(t.data == nullptr, "graph input '", t.info.name, "' is a constant");
    }
    for (int i : g.outputs) check_index(i, g.tensors.size(), false, "a graph output", "graph");
    for (const NodeSpec& n : g.nodes) {
      check(n.op != nullptr, n.name, ": unknown operator");
      for (int i : n.inputs) check_index(i, g.tensors.size(), true, "an input", n.name);
      for (int i : n.outputs) check_index(i, g.tensors.size(), true, "an output", n.name);
      for (int i : n.intermediates) check_index(i, g.tensors.size(), true, "an intermediate tensor", n.name);
    }
    check_definitions(g);
  }
  check_calls(*this);
  valid = true;
}

}  // namespace sanderling
