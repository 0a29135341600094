#include "graph/step.h"

#include <algorithm>
#include <cstring>

#include "isa_select.h"

namespace sanderling {

Executor::Step::Step(Executor& executor, const NodeSpec& node) : executor_(executor), node_(node) {
  attributes_ = &node.attributes;
  pool_ = &executor.session_.pool;
  // Numbered best first: the lesser of the session's and the node's own.
  max_isa_ = executor.session_.options.isa;
  fp16_ = executor.session_.options.fp16;
  if (!node.isa.empty()) max_isa_ = std::max(max_isa_, choose_isa(node.isa));
  const std::optional<PackTarget>& target = executor_.session_.options.target;
  target_ = target ? &*target : nullptr;
  auto collect = [&](const std::vector<int>& from, std::vector<const TensorInfo*>& to) {
    for (int i : from) to.push_back(i == kAbsent ? nullptr : &argument(i)->info);
  };
  collect(node.inputs, inputs_);
  collect(node.outputs, outputs_);
  collect(node.intermediates, intermediates_);
  input_data_.assign(inputs_.size(), nullptr);
  output_data_.assign(outputs_.size(), nullptr);
}

void Executor::Step::prepare() {
  shape_set_.assign(outputs_.size(), false);
  consulted_.clear();
  scratch_requests_.clear();
  aliases_.clear();
  run_ = {};
  rows_ = {};
  macs_ = 0;
  isa_ = Isa::portable;
  kernel_ = "";
  side_effects_ = values_set_ = shapes_at_run_ = false;
  unread_.assign(inputs_.size(), false);
  packs_.assign(inputs_.size(), false);
  packings_ = 0;
  node_.op->prepare(*this);
  for (size_t i = 0; i < shape_set_.size(); ++i)
    check(shape_set_[i] || outputs_[i] == nullptr, "did not set the shape of output ", i);
  check(run_ || values_set_, "has nothing to run");
  scratch_data_.assign(scratch_requests_.size(), nullptr);
}

bool Executor::Step::prepare_early() {
  late_ = folded_ = running_ = prepared_ = false;
  bool ready = std::all_of(node_.inputs.begin(), node_.inputs.end(),
                           [&](int i) { return i == kAbsent || argument(i)->kind != Value::Kind::unset; });
  if (ready) {
    const size_t before = executor_.later_.size();
    try {
      prepare();
      ready = !shapes_at_run_;
    } catch (const ValueUnknown&) {
      executor_.later_.erase(executor_.later_.begin() + static_cast<std::ptrdiff_t>(before), executor_.later_.end());
      ready = false;
    }
  }
  if (ready) return true;
  late_ = true;
  for (int i : node_.outputs)
    if (i != kAbsent) argument(i)->kind = Value::Kind::unset;
  return false;
}

// Shapes of all inputs, and the values that prepare() looked at.
void Executor::Step::build_key(std::vector<int64_t>& key) const {
  key.clear();
  for (const TensorInfo* t : inputs_) {
    if (t == nullptr) continue;
    key.push_back(t->shape.rank());
    key.insert(key.end(), t->shape.begin(), t->shape.end());
  }
  for (int i : consulted_) {
    const Value* v = argument(node_.inputs[static_cast<size_t>(i)]);
    if (v->kind == Value::Kind::constant) continue;
    size_t bytes = v->info.bytes();
    size_t at = key.size();
    key.resize(at + (bytes + sizeof(int64_t) - 1) / sizeof(int64_t), 0);
    if (bytes > 0) std::memcpy(key.data() + at, v->data, bytes);
  }
}

void Executor::Step::run_late() {
  running_ = true;
  build_key(new_key_);
  if (!prepared_ || new_key_ != key_) {
    prepared_ = false;  // stays so if prepare throws
    for (int i : node_.outputs)
      if (i != kAbsent) argument(i)->kind = Value::Kind::late;
    prepare();
    own_scratch();
    build_key(key_);
    prepared_ = true;
  }
  resolve();
  if (run_) run_now();
}

void Executor::Step::own_scratch() {
  own_scratch_.resize(scratch_requests_.size());
  for (size_t i = 0; i < scratch_requests_.size(); ++i) {
    own_scratch_[i].reserve(scratch_requests_[i]);
    scratch_data_[i] = own_scratch_[i].data();
  }
}

void Executor::Step::resolve() {
  for (size_t i = 0; i < inputs_.size(); ++i) {
    const Value* v = argument(node_.inputs[i]);
    input_data_[i] = v ? v->data : nullptr;
  }
  for (size_t i = 0; i < outputs_.size(); ++i) {
    const Value* v = argument(node_.outputs[i]);
    output_data_[i] = v ? const_cast<void*>(v->data) : nullptr;
  }
}

bool Executor::Step::foldable() const {
  if (values_set_) return true;
  if (side_effects_ || node_.custom) return false;
  return std::all_of(node_.inputs.begin(), node_.inputs.end(),
                     [&](int i) { return i == kAbsent || argument(i)->kind == Value::Kind::constant; });
}

const void* Executor::Step::value_or_null(int i) {
  if (!PrepareContext::has_input(i)) return nullptr;
  const Value* v = argument(node_.inputs[static_cast<size_t>(i)]);
  if (v->kind == Value::Kind::constant) {
    check_constant(node_.inputs[static_cast<size_t>(i)]);
    if (v->data == nullptr) executor_.widen(node_.inputs[static_cast<size_t>(i)]);
    return v->data;
  }
  if (!running_) return nullptr;
  consulted_.push_back(i);
  return v->data;
}

bool Executor::Step::is_known(int i) const {
  return PrepareContext::has_input(i) &&
         (running_ || argument(node_.inputs[static_cast<size_t>(i)])->kind == Value::Kind::constant);
}

std::shared_ptr<const void> Executor::Step::packed(Isa isa, const char* kernel, size_t bytes,
                                                   const std::vector<int>& from, const Function<void(void*)>& pack,
                                                   const TargetPacking* other) {
  check_memory(bytes);
  if (!running_)
    for (int i : from) packs_[static_cast<size_t>(i)] = true;
  Session& session = executor_.session_;
  PackedKey key{executor_.index(),
                executor_.index_of(node_),
                packings_++,
                concat(SANDERLING_FAMILY "/", isa_name(isa)),
                kernel,
                bytes,
                0};
  std::vector<int64_t> shapes;
  for (const TensorInfo* t : inputs_) {
    if (t == nullptr) continue;
    shapes.push_back(t->shape.rank());
    shapes.insert(shapes.end(), t->shape.begin(), t->shape.end());
  }
  key.shapes = xxh3(shapes.data(), shapes.size() * sizeof(int64_t));
  const bool collects = session.options.collect != nullptr && !running_;  // compiled anew: packed anew
  if (const PackedWeights* found = running_ || collects ? nullptr : session.model->find_packed(key)) {
    check(found->checked.passes(found->data, bytes), "its packed weights (", key.isa, "/", kernel,
          ") do not have their checksum: the file is damaged");
    for (int i : from) unread_[static_cast<size_t>(i)] = true;
    session.mapped_bytes += bytes;
    return {session.model, found->data};
  }
  const auto filled = [&](size_t size, const Function<void(void*)>& fill) {
    auto own = std::make_shared<AlignedBuffer>(size);
    if (collects && size > 0) std::memset(own->data(), 0, size);  // what packing leaves out goes into the file too
    fill(own->data());
    return std::shared_ptr<const void>(own, own->data());
  };
  std::shared_ptr<const void> data = filled(bytes, pack);
  session.packed_bytes += bytes;
  if (!collects) return data;
  if (target_ != nullptr) key.isa = pack_target_name(other ? other->target : portable_of(*target_));
  if (other != nullptr) {
    check_memory(other->bytes);
    key.kernel = other->kernel, key.bytes = other->bytes;
  }
  session.options.collect->emplace_back(key, other ? filled(other->bytes, other->pack) : data);
  return data;
}

void Executor::Step::later(Function<void()> work) {
  // Late nodes run at once; what is collected is read at once; values of int4 constants are given up after prepare().
  const bool at_once = running_ || executor_.session_.options.collect != nullptr ||
                       std::any_of(inputs_.begin(), inputs_.end(), [](const TensorInfo* t) { return t && t->int4; });
  if (at_once)
    work();
  else
    executor_.later_.push_back(std::move(work));
}

void Executor::Step::check_constant(int tensor) const {
  const TensorSpec& spec = executor_.spec_.tensors[static_cast<size_t>(tensor)];
  check(!spec.checked || spec.checked->passes(spec.data, spec.stored_bytes()), "constant '", spec.info.name,
        "' does not have its checksum: the file is damaged");
}

void Executor::Step::check_constants() const {
  for (size_t i = 0; i < node_.inputs.size(); ++i)
    if (node_.inputs[i] != kAbsent && !(i < unread_.size() && unread_[i])) check_constant(node_.inputs[i]);
}

void Executor::Step::settle_int4() {
  for (size_t i = 0; i < node_.inputs.size(); ++i) {
    Value* v = argument(node_.inputs[i]);
    if (v == nullptr || v->kind != Value::Kind::constant || !v->info.int4) continue;
    if (late_ || !packs_[i]) executor_.keep_int4(node_.inputs[i]);
    if (!v->kept) executor_.free_own(*v), v->data = nullptr;
  }
}

void Executor::Step::set_output_shape(int i, const Shape& shape) {
  if (i >= PrepareContext::num_outputs() || outputs_[static_cast<size_t>(i)] == nullptr) return;
  Value* v = argument(node_.outputs[static_cast<size_t>(i)]);
  v->info.shape = shape;
  size_t limit = executor_.session_.options.memory_limit;
  check(v->info.bytes() <= limit, "its output '", v->info.name, "' of shape ", shape, " has ", v->info.bytes(),
        " bytes, over the memory limit of ", limit, " bytes");
  if (running_)
    executor_.own_data(*v);
  else
    v->kind = Value::Kind::arena;
  shape_set_[static_cast<size_t>(i)] = true;
}

void Executor::Step::set_output_value(int i, const void* data) {
  if (outputs_[static_cast<size_t>(i)] == nullptr) return;
  Value* v = argument(node_.outputs[static_cast<size_t>(i)]);
  void* own = executor_.own_data(*v);
  if (v->info.bytes() > 0) std::memcpy(own, data, v->info.bytes());
  if (!running_) v->kind = Value::Kind::constant;
  values_set_ = true;
}

void Executor::Step::output_shape_at_run(int i) {
  if (i < PrepareContext::num_outputs()) shape_set_[static_cast<size_t>(i)] = true;
  shapes_at_run_ = true;
}

void Executor::Step::check_memory(size_t bytes) const {
  size_t limit = executor_.session_.options.memory_limit;
  check(bytes <= limit, "needs ", bytes, " bytes of memory, over the memory limit of ", limit, " bytes");
}

int Executor::Step::scratch(size_t bytes) {
  check_memory(bytes);
  scratch_requests_.push_back(bytes);
  return static_cast<int>(scratch_requests_.size()) - 1;
}

Subgraph& Executor::Step::subgraph(int64_t index) {
  for (auto& [graph, executor] : callees_)
    if (graph == index) return *executor;
  check(index >= 0 && static_cast<size_t>(index) < executor_.session_.model->graphs.size(), "calls graph ", index,
        ", which does not exist");
  callees_.emplace_back(index, std::make_unique<Executor>(executor_.session_, static_cast<size_t>(index)));
  return *callees_.back().second;
}

void* Executor::Step::resize_output(int i, const Shape& shape) {
  set_output_shape(i, shape);
  const Value* v = argument(node_.outputs[static_cast<size_t>(i)]);
  output_data_[static_cast<size_t>(i)] = const_cast<void*>(v ? v->data : nullptr);
  return output_data_[static_cast<size_t>(i)];
}

const Shape& Executor::Step::input_shape(int i) const { return PrepareContext::input(i).shape; }

void Executor::Step::reset_variables() {
  for (auto& callee : callees_) callee.second->reset_variables();
}

void Executor::Step::rethrow(const std::exception& cause) const {
  throw OperatorError(concat(node_.name, ": ", cause.what()));
}

StepInfo Executor::Step::info() const {
  StepInfo s;
  s.op = node_.op->name;
  s.name = node_.name;
  s.kernel = *kernel_ ? concat(isa_name(isa_), '/', kernel_) : isa_name(isa_);
  for (const TensorInfo* t : outputs_) {
    if (t == nullptr) continue;
    s.output_shape = t->shape;
    s.output_dtype = dtype_name(t->dtype);
    break;
  }
  s.macs = macs_;
  s.folded = folded_;
  s.late = late_;
  return s;
}

}  // namespace sanderling
