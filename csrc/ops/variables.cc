// VAR_HANDLE, READ_VARIABLE, ASSIGN_VARIABLE: values that a model keeps between runs.
#include <cstring>

#include "ops/op.h"

namespace sanderling {
namespace {

void expect_handle(const TensorInfo& t) {
  check(t.dtype == DType::resource || t.dtype == DType::int32, "the handle '", t.name, "' is ", dtype_name(t.dtype),
        "; resource expected");
  check(t.shape.elements() == 1, "the handle '", t.name, "' has shape ", t.shape, "; one element expected");
}

}  // namespace

void prepare_var_handle(PrepareContext& ctx) {
  ctx.expect_inputs(0, 0);
  ctx.expect_outputs(1);
  const DType dtype = ctx.output(0).dtype;
  check(dtype == DType::resource || dtype == DType::int32, "output is ", dtype_name(dtype), "; resource expected");
  auto text = [&](const char* name) {
    return ctx.attributes().has(name) ? ctx.attributes().text(name) : std::string();
  };
  const int32_t handle = ctx.resources().handle(text("container") + '\0' + text("shared_name"));
  ctx.set_output_shape(0, {1});
  ctx.set_output_value(0, &handle);
}

void prepare_read_variable(PrepareContext& ctx) {
  ctx.expect_inputs(1, 1);
  ctx.expect_outputs(1);
  expect_handle(ctx.input(0));
  const TensorInfo& y = ctx.output(0);
  const DType dtype = y.dtype;
  Resources* resources = &ctx.resources();
  ctx.has_side_effects();
  auto assigned = [resources, dtype](RunContext& run) -> const Variable& {
    const Variable& v = resources->variable(*run.input<int32_t>(0));
    check(v.assigned, "the variable has no value yet");
    check(v.dtype == dtype, "the variable is ", dtype_name(v.dtype), ", but its reader expects ", dtype_name(dtype));
    return v;
  };
  // Files give scalars and values of unknown shape the same declaration.
  if (y.shape.rank() == 0) {
    ctx.output_shape_at_run(0);
    ctx.on_run([assigned](RunContext& run) {
      const Variable& v = assigned(run);
      void* to = run.resize_output(0, v.shape);
      if (v.bytes() > 0) std::memcpy(to, v.data.data(), v.bytes());
    });
    return;
  }
  const Shape shape = y.shape;
  ctx.set_output_shape(0, shape);
  ctx.on_run([assigned, shape](RunContext& run) {
    const Variable& v = assigned(run);
    check(v.shape.elements() == shape.elements(), "the variable has shape ", v.shape, ", but its reader declares ",
          shape);
    if (v.bytes() > 0) std::memcpy(run.output<char>(0), v.data.data(), v.bytes());
  });
}

void prepare_assign_variable(PrepareContext& ctx) {
  ctx.expect_inputs(2, 2);
  ctx.expect_outputs(0);
  expect_handle(ctx.input(0));
  const TensorInfo& x = ctx.input(1);
  Resources* resources = &ctx.resources();
  ctx.has_side_effects();
  ctx.on_run([resources, dtype = x.dtype, shape = x.shape](RunContext& run) {
    Variable& v = resources->variable(*run.input<int32_t>(0));
    v.dtype = dtype;
    v.shape = shape;
    v.data.reserve(v.bytes());
    if (v.bytes() > 0) std::memcpy(v.data.data(), run.input<char>(1), v.bytes());
    v.assigned = true;
  });
}

}  // namespace sanderling
