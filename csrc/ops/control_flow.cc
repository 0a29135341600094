// IF, WHILE, CALL_ONCE: operators that run other graphs of the model.
#include <cstring>
#include <memory>
#include <vector>

#include "ops/op.h"

namespace sanderling {
namespace {

void expect_ends(const Subgraph& graph, const char* role, int inputs, int outputs) {
  check(graph.num_inputs() == inputs && graph.num_outputs() == outputs, "its ", role, " graph has ", graph.num_inputs(),
        " inputs and ", graph.num_outputs(), " outputs; ", inputs, " and ", outputs, " expected");
}

void expect_dtype(const TensorInfo& t, DType dtype, const char* role, const char* end, int i) {
  check(t.dtype == dtype, end, " ", i, " of its ", role, " graph is ", dtype_name(t.dtype), "; ", dtype_name(dtype),
        " expected");
}

// Plans a graph for arguments of these shapes; true if the shapes of its outputs are known before it runs.
// shape_of(i) is the shape of argument i.
template <class F>
bool plan(Subgraph& graph, const F& shape_of) {
  for (int i = 0; i < graph.num_inputs(); ++i) graph.resize_input(i, shape_of(i));
  bool known = graph.plan();
  // A graph may name one tensor as two of its inputs.
  for (int i = 0; i < graph.num_inputs(); ++i)
    check(graph.input(i).shape == shape_of(i), "input ", i, " of the graph that it calls takes shape ",
          graph.input(i).shape, ", not ", shape_of(i));
  return known;
}

void copy(const void* from, void* to, const TensorInfo& t) {
  if (t.bytes() > 0 && from != to) std::memcpy(to, from, t.bytes());
}

// Argument i of the graph is input first + i of the node.
void pass_inputs(const RunContext& run, Subgraph& graph, int first) {
  for (int i = 0; i < graph.num_inputs(); ++i) copy(run.input<char>(first + i), graph.input_data(i), graph.input(i));
}

// Results to the node's outputs, resized where their shapes are not fixed.
void take_outputs(RunContext& run, Subgraph& graph, bool fixed) {
  for (int i = 0; i < graph.num_outputs(); ++i) {
    const TensorInfo& t = graph.output(i);
    copy(graph.output_data(i), fixed ? run.output<void>(i) : run.resize_output(i, t.shape), t);
  }
}

}  // namespace

void prepare_call_once(PrepareContext& ctx) {
  ctx.expect_inputs(0, 0);
  ctx.expect_outputs(0);
  const int64_t index = ctx.attributes().integer("init_subgraph_index");
  Subgraph* graph = &ctx.subgraph(index);
  Resources* resources = &ctx.resources();
  expect_ends(*graph, "init", 0, 0);
  graph->plan();
  ctx.has_side_effects();
  ctx.on_run([=](RunContext&) {
    if (resources->was_called(index)) return;
    graph->run();
    resources->set_called(index);
  });
}

void prepare_if(PrepareContext& ctx) {
  check(ctx.num_inputs() >= 1, "has no condition");
  const TensorInfo& condition = ctx.input(0);
  check(condition.dtype == DType::boolean && condition.shape.elements() == 1, "the condition is ",
        dtype_name(condition.dtype), " of shape ", condition.shape, "; one bool expected");
  Subgraph* branches[] = {&ctx.subgraph(ctx.attributes().integer("else_subgraph_index")),
                          &ctx.subgraph(ctx.attributes().integer("then_subgraph_index"))};
  const int inputs = ctx.num_inputs() - 1, outputs = ctx.num_outputs();
  bool fixed = true;
  for (int k = 0; k < 2; ++k) {
    const char* role = k ? "then" : "else";
    Subgraph& graph = *branches[k];
    expect_ends(graph, role, inputs, outputs);
    for (int i = 0; i < inputs; ++i) expect_dtype(graph.input(i), ctx.input(i + 1).dtype, role, "input", i);
    for (int i = 0; i < outputs; ++i) expect_dtype(graph.output(i), ctx.output(i).dtype, role, "output", i);
    fixed = plan(graph, [&](int i) { return ctx.input(i + 1).shape; }) && fixed;
  }
  for (int i = 0; i < outputs; ++i) fixed = fixed && branches[0]->output(i).shape == branches[1]->output(i).shape;
  for (int i = 0; i < outputs; ++i) {
    if (fixed)
      ctx.set_output_shape(i, branches[0]->output(i).shape);
    else
      ctx.output_shape_at_run(i);
  }
  ctx.has_side_effects();
  ctx.on_run([on_false = branches[0], on_true = branches[1], fixed](RunContext& run) {
    Subgraph& graph = *run.input<uint8_t>(0) ? *on_true : *on_false;
    pass_inputs(run, graph, 1);
    graph.run();
    take_outputs(run, graph, fixed);
  });
}

void prepare_while(PrepareContext& ctx) {
  const int n = ctx.num_inputs();
  ctx.expect_outputs(n);
  Subgraph* condition = &ctx.subgraph(ctx.attributes().integer("cond_subgraph_index"));
  Subgraph* body = &ctx.subgraph(ctx.attributes().integer("body_subgraph_index"));
  check(condition != body, "its condition and its body are the same graph");
  expect_ends(*condition, "condition", n, 1);
  expect_ends(*body, "body", n, n);
  for (int i = 0; i < n; ++i) {
    const DType dtype = ctx.input(i).dtype;
    expect_dtype(condition->input(i), dtype, "condition", "input", i);
    expect_dtype(body->input(i), dtype, "body", "input", i);
    expect_dtype(body->output(i), dtype, "body", "output", i);
    check(ctx.output(i).dtype == dtype, "output ", i, " is ", dtype_name(ctx.output(i).dtype), "; ", dtype_name(dtype),
          " expected");
  }
  auto shape_of = [&](int i) { return ctx.input(i).shape; };
  plan(*condition, shape_of);
  bool fixed = plan(*body, shape_of);
  for (int i = 0; i < n; ++i) fixed = fixed && body->output(i).shape == ctx.input(i).shape;
  // The values that go round are the node's outputs.
  struct Round {
    std::vector<Shape> first, shapes;  // of the node's inputs; now
    std::vector<char*> values;
  };
  auto round = std::make_shared<Round>();
  round->values.resize(static_cast<size_t>(n));
  for (int i = 0; i < n; ++i) {
    round->first.push_back(ctx.input(i).shape);
    if (fixed)
      ctx.set_output_shape(i, ctx.input(i).shape);
    else
      ctx.output_shape_at_run(i);
  }
  ctx.has_side_effects();
  ctx.on_run([=](RunContext& run) {
    std::vector<Shape>& shapes = round->shapes;
    std::vector<char*>& values = round->values;
    shapes = round->first;
    for (int i = 0; i < n; ++i) {
      size_t k = static_cast<size_t>(i);
      values[k] = static_cast<char*>(fixed ? run.output<void>(i) : run.resize_output(i, shapes[k]));
      size_t bytes = static_cast<size_t>(shapes[k].elements()) * dtype_size(body->input(i).dtype);
      if (bytes > 0) std::memcpy(values[k], run.input<char>(i), bytes);
    }
    auto enter = [&](Subgraph& graph) {
      if (!fixed) plan(graph, [&](int i) { return shapes[static_cast<size_t>(i)]; });
      for (int i = 0; i < n; ++i) copy(values[static_cast<size_t>(i)], graph.input_data(i), graph.input(i));
    };
    enter(*condition);
    while (true) {
      run.check_interrupt();
      condition->run();
      const TensorInfo& answer = condition->output(0);
      check(answer.dtype == DType::boolean && answer.shape.elements() == 1, "its condition graph gives ",
            dtype_name(answer.dtype), " of shape ", answer.shape, "; one bool expected");
      if (!*static_cast<const uint8_t*>(condition->output_data(0))) break;
      enter(*body);
      body->run();
      if (fixed)
        for (int i = 0; i < n; ++i) copy(body->output_data(i), condition->input_data(i), body->output(i));
      for (int i = 0; i < n; ++i) {
        const size_t k = static_cast<size_t>(i);
        const TensorInfo& t = body->output(i);
        const int passed = body->passed_input(i);
        if (fixed && passed == i) continue;
        if (!fixed) shapes[k] = t.shape, values[k] = static_cast<char*>(run.resize_output(i, t.shape));
        // The reference keeps the body's arguments where the results go: an argument that is handed on to a later place
        // has been overwritten by then. Its bits are the definition, unless what is there has another size.
        const bool overwritten = passed >= 0 && passed < i && body->output(passed).bytes() == t.bytes();
        copy(overwritten ? values[static_cast<size_t>(passed)] : body->output_data(i), values[k], t);
      }
      if (!fixed) enter(*condition);
    }
  });
}

}  // namespace sanderling
