#include "graph/executor.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <numeric>
#include <optional>

#include "base/populate.h"
#include "graph/step.h"

namespace sanderling {

Executor::Executor(Session& session, size_t graph) : session_(session), spec_(session.model->graphs[graph]) {
  check(session.executors < kMaxExecutors, "its graphs call each other in more than ", kMaxExecutors, " places");
  if (session.executors > 0) {
    check(session.called_steps + spec_.nodes.size() <= kMaxCalledSteps,
          "its graphs are called in places that take more than ", kMaxCalledSteps, " operators together");
    called_steps_ = spec_.nodes.size();
    session.called_steps += called_steps_;
  }
  values_.resize(spec_.tensors.size());
  for (size_t i = 0; i < values_.size(); ++i) values_[i].info = spec_.tensors[i].info;
  steps_.reserve(spec_.nodes.size());
  for (const NodeSpec& node : spec_.nodes) steps_.push_back(std::make_unique<Step>(*this, node));
  ++session.executors;
}

Executor::~Executor() {
  for (Value& v : values_) free_own(v);
  session_.called_steps -= called_steps_;
  --session_.executors;
}

int Executor::num_inputs() const { return static_cast<int>(spec_.inputs.size()); }
int Executor::num_outputs() const { return static_cast<int>(spec_.outputs.size()); }
const TensorInfo& Executor::input(int i) const { return tensor(spec_.inputs[static_cast<size_t>(i)]); }
const TensorInfo& Executor::output(int i) const { return tensor(spec_.outputs[static_cast<size_t>(i)]); }
const TensorInfo& Executor::tensor(int index) const { return values_[static_cast<size_t>(index)].info; }
const void* Executor::tensor_data(int index) const { return values_[static_cast<size_t>(index)].data; }
const void* Executor::output_data(int i) { return tensor_data(spec_.outputs[static_cast<size_t>(i)]); }

int Executor::passed_input(int i) const {
  auto at = std::find(spec_.inputs.begin(), spec_.inputs.end(), spec_.outputs[static_cast<size_t>(i)]);
  return at == spec_.inputs.end() ? -1 : static_cast<int>(at - spec_.inputs.begin());
}

void Executor::resize_input(int i, const Shape& shape) {
  Value& v = values_[static_cast<size_t>(spec_.inputs[static_cast<size_t>(i)])];
  if (v.info.shape == shape && planned_) return;
  v.info.shape = shape;
  planned_ = false;
}

void* Executor::input_data(int i) {
  check(planned_, "input_data before plan");
  return const_cast<void*>(tensor_data(spec_.inputs[static_cast<size_t>(i)]));
}

bool Executor::plan() {
  auto all_known = [&] {
    return std::all_of(spec_.outputs.begin(), spec_.outputs.end(),
                       [&](int i) { return values_[static_cast<size_t>(i)].kind != Value::Kind::unset; });
  };
  if (planned_) return all_known();
  later_.clear();
  for (size_t i = 0; i < values_.size(); ++i) {
    Value& v = values_[i];
    v.data = spec_.tensors[i].data;
    v.kind = Value::Kind::unset;
    if (v.data != nullptr) v.kind = Value::Kind::constant;
    if (v.info.int4) v.data = nullptr, v.kept = false;
    if (v.info.is_variable) {
      v.kind = Value::Kind::variable;
      own_data(v);
    }
  }
  for (int i : spec_.inputs) {
    Value& v = values_[static_cast<size_t>(i)];
    if (v.kind == Value::Kind::unset) v.kind = Value::Kind::arena;
  }
  for (auto& step : steps_) {
    try {
      const bool early = step->prepare_early();
      step->check_constants();
      step->settle_int4();
      if (early && step->foldable()) do_later(), fold(*step);
    } catch (const std::bad_alloc&) {
      step->rethrow(Error("out of memory"));
    } catch (const Error& e) {
      step->rethrow(e);
    }
  }
  do_later();
  for (size_t i = 0; i < values_.size(); ++i)
    if (session_.options.keep_all) keep_int4(static_cast<int>(i));
  for (int i : spec_.outputs) keep_int4(i);
  find_chains();
  place();
  reset_variables();
  planned_ = true;
  return all_known();
}

void Executor::do_later() {
  constexpr double kCost = 100'000;  // nanoseconds, more or less, to pack the weights of a layer
  session_.pool.parallel_for(static_cast<int64_t>(later_.size()), kCost, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) later_[static_cast<size_t>(i)]();
  });
  later_.clear();
}

void Executor::widen(int tensor) {
  Value& v = values_[static_cast<size_t>(tensor)];
  const uint8_t* from = static_cast<const uint8_t*>(spec_.tensors[static_cast<size_t>(tensor)].data);
  int8_t* to = static_cast<int8_t*>(own_data(v));
  for (size_t i = 0; i < v.info.bytes(); ++i) {
    const int nibble = i % 2 == 0 ? from[i / 2] & 15 : from[i / 2] >> 4;
    to[i] = static_cast<int8_t>(nibble >= 8 ? nibble - 16 : nibble);
  }
}

void Executor::keep_int4(int tensor) {
  Value& v = values_[static_cast<size_t>(tensor)];
  if (v.kind != Value::Kind::constant || !v.info.int4) return;
  if (v.data == nullptr) widen(tensor);
  v.kept = true;
}

void* Executor::own_data(Value& v) {
  const size_t bytes = v.info.bytes(), held = v.own.size(), limit = session_.options.memory_limit;
  check(bytes <= held || session_.own_bytes - held + bytes <= limit, "'", v.info.name, "' of shape ", v.info.shape,
        " has ", bytes, " bytes, and all values outside the arena are over the memory limit of ", limit, " bytes then");
  v.own.reserve(bytes);
  session_.own_bytes += v.own.size() - held;
  v.data = v.own.data();
  return v.own.data();
}

void Executor::free_own(Value& v) {
  session_.own_bytes -= v.own.size();
  v.own = {};
}

// Computes a node whose inputs are all constant, once.
void Executor::fold(Step& step) {
  bool values_set = std::all_of(step.node().outputs.begin(), step.node().outputs.end(), [&](int i) {
    return i == kAbsent || values_[static_cast<size_t>(i)].kind == Value::Kind::constant;
  });
  if (!values_set) {
    for (int i : step.node().outputs)
      if (i != kAbsent) own_data(values_[static_cast<size_t>(i)]);
    step.own_scratch();
    step.resolve();
    step.run_now();
    for (int i : step.node().outputs)
      if (i != kAbsent) values_[static_cast<size_t>(i)].kind = Value::Kind::constant;
  }
  step.set_folded();
}

// Whether step `next` reads the output of `step`, and nothing else does, so that both can run by rows.
bool Executor::may_follow(size_t step, size_t next, const std::vector<int>& uses, int& input) const {
  const Step &a = *steps_[step], &b = *steps_[next];
  if (b.late() || b.folded() || b.row_work().out_rows == 0) return false;
  const int between = a.node().outputs[0];
  if (uses[static_cast<size_t>(between)] != 1) return false;
  for (int i : b.row_work().inputs)
    if (b.node().inputs[static_cast<size_t>(i)] == between) {
      input = i;
      return b.row_work().in_rows == a.row_work().out_rows;
    }
  return false;
}

// Bytes of tensors in the arena during each step, were all steps run one after the other.
std::vector<int64_t> Executor::live_bytes() const {
  if (steps_.empty()) return {};
  std::vector<std::pair<size_t, size_t>> life(values_.size(), {steps_.size(), 0});
  const auto extend = [&](int tensor, size_t step) {
    if (tensor == kAbsent) return;
    auto& [first, last] = life[static_cast<size_t>(tensor)];
    first = std::min(first, step), last = std::max(last, step);
  };
  for (int i : spec_.inputs) extend(i, 0);
  for (size_t k = 0; k < steps_.size(); ++k) {
    if (steps_[k]->folded()) continue;
    for (int i : steps_[k]->node().inputs) extend(i, k);
    for (int i : steps_[k]->node().outputs) extend(i, k);
  }
  for (int i : spec_.outputs) extend(i, steps_.size() - 1);
  std::vector<int64_t> live(steps_.size() + 1, 0);  // first as differences
  for (size_t i = 0; i < values_.size(); ++i) {
    if (values_[i].kind != Value::Kind::arena || life[i].first > life[i].second) continue;
    const int64_t bytes = static_cast<int64_t>(values_[i].info.bytes());
    live[life[i].first] += bytes, live[life[i].second + 1] -= bytes;
  }
  std::partial_sum(live.begin(), live.end(), live.begin());
  live.pop_back();
  return live;
}

void Executor::find_chains() {
  chains_.clear();
  chain_of_.assign(steps_.size(), -1);
  if (session_.options.keep_all || session_.options.fusion == Fusion::never) return;
  std::vector<int> uses(values_.size(), 0);
  for (auto& step : steps_)
    for (int i : step->node().inputs)
      if (i != kAbsent) ++uses[static_cast<size_t>(i)];
  for (int i : spec_.outputs) ++uses[static_cast<size_t>(i)];
  auto row_bytes = [&](int tensor, int64_t rows) {
    return static_cast<int64_t>(values_[static_cast<size_t>(tensor)].info.bytes()) / rows;
  };
  const std::vector<int64_t> live = live_bytes();
  const int64_t peak = live.empty() ? 0 : *std::max_element(live.begin(), live.end());
  for (size_t k = 0; k < steps_.size(); ++k) {
    if (steps_[k]->late() || steps_[k]->folded() || steps_[k]->row_work().out_rows == 0) continue;
    std::vector<RowChain::Member> members;
    std::vector<int64_t> others;  // bytes of tensors that have no part in the chain, the most until each member
    size_t last = k;
    for (int input = steps_[k]->row_work().inputs[0];;) {
      const Step& s = *steps_[last];
      const RowWork& work = s.row_work();
      members.push_back({&work, &s, input, row_bytes(s.node().inputs[static_cast<size_t>(input)], work.in_rows),
                         row_bytes(s.node().outputs[0], work.out_rows)});
      const RowChain::Member& m = members.back();
      const int64_t other = live[last] - work.in_rows * m.in_row_bytes - work.out_rows * m.out_row_bytes;
      others.push_back(others.empty() ? other : std::max(others.back(), other));
      if (members.size() == RowChain::kMaxMembers || last + 1 == steps_.size() ||
          !may_follow(last, last + 1, uses, input))
        break;
      ++last;
    }
    // The best of all lengths.
    std::optional<RowChain> best;
    double best_gain = 0;
    const bool always = session_.options.fusion == Fusion::always;
    for (size_t n = always ? members.size() : 2; n >= 2 && n <= members.size(); ++n) {
      RowChain chain({members.begin(), members.begin() + static_cast<std::ptrdiff_t>(n)}, session_.pool.threads(),
                     session_.options.band_bytes);
      const double gain = chain.gain(peak - others[n - 1]);
      if (!always && gain <= best_gain) continue;
      best_gain = gain;
      best.emplace(std::move(chain));
      last = k + n - 1;
    }
    if (!best) continue;
    for (size_t i = k; i <= last; ++i) chain_of_[i] = static_cast<int>(chains_.size());
    chains_.push_back({k, last, std::move(*best)});
    k = last;
  }
}

void Executor::place() {
  // Time 0 is when inputs are filled; step k runs at time k + 1; outputs are read at time end.
  const int end = static_cast<int>(steps_.size()) + 1;
  const size_t count = values_.size();
  std::vector<BufferRequest> life(count);
  std::vector<bool> used(count, false);
  auto time_of = [&](size_t k) {
    const int chain = chain_of_[k];
    return static_cast<int>(chain < 0 ? k : chains_[static_cast<size_t>(chain)].last) + 1;
  };
  auto extend = [&](int tensor, int time) {
    if (tensor == kAbsent) return;
    size_t i = static_cast<size_t>(tensor);
    if (!used[i]) life[i].first = life[i].last = time;
    used[i] = true;
    life[i].first = std::min(life[i].first, time);
    life[i].last = std::max(life[i].last, time);
  };
  for (int i : spec_.inputs) extend(i, 0);
  for (size_t k = 0; k < steps_.size(); ++k) {
    if (steps_[k]->folded()) continue;
    const int time = time_of(k);
    for (int i : steps_[k]->node().inputs) extend(i, time);
    for (int i : steps_[k]->node().outputs) extend(i, time);
  }
  for (int i : spec_.outputs) extend(i, end);
  if (session_.options.keep_all)
    for (BufferRequest& r : life) r.first = 0, r.last = end;

  // Outputs that share their input's memory: both get the owner's request.
  std::vector<size_t> owner(count);
  std::iota(owner.begin(), owner.end(), size_t{0});
  if (!session_.options.keep_all)
    for (auto& step : steps_) {
      if (step->late() || step->folded()) continue;
      for (auto [output, input] : step->aliases()) {
        int from = step->node().inputs[static_cast<size_t>(input)],
            to = step->node().outputs[static_cast<size_t>(output)];
        if (from == kAbsent || to == kAbsent) continue;
        size_t a = static_cast<size_t>(from), b = static_cast<size_t>(to);
        if (values_[a].kind != Value::Kind::arena || values_[b].kind != Value::Kind::arena) continue;
        if (values_[a].info.bytes() != values_[b].info.bytes()) continue;
        owner[b] = owner[a];
        life[owner[a]].first = std::min(life[owner[a]].first, life[b].first);
        life[owner[a]].last = std::max(life[owner[a]].last, life[b].last);
      }
    }

  // What is between the members of a chain is in the chain's scratch memory.
  for (const Chain& chain : chains_)
    for (size_t k = chain.first; k < chain.last; ++k) used[static_cast<size_t>(steps_[k]->node().outputs[0])] = false;

  std::vector<BufferRequest> requests;
  std::vector<size_t> request_of(count, SIZE_MAX);
  for (size_t i = 0; i < count; ++i) {
    if (values_[i].kind != Value::Kind::arena || owner[i] != i) continue;
    if (!used[i] && !session_.options.keep_all) continue;
    request_of[i] = requests.size();
    requests.push_back({values_[i].info.bytes(), life[i].first, life[i].last});
  }
  std::vector<std::pair<Step*, size_t>> scratch;
  for (size_t k = 0; k < steps_.size(); ++k) {
    if (steps_[k]->folded() || steps_[k]->late()) continue;
    for (size_t s = 0; s < steps_[k]->scratch_requests().size(); ++s) {
      scratch.emplace_back(steps_[k].get(), s);
      requests.push_back({steps_[k]->scratch_requests()[s], time_of(k), time_of(k)});
    }
  }
  for (const Chain& chain : chains_)
    requests.push_back({chain.rows.scratch_bytes(), time_of(chain.last), time_of(chain.last)});
  memory_ = plan_memory(requests, end, session_.options.memory_limit);
  arena_.reserve(memory_.arena_bytes);
  // Runs write all of it. A large one may never be run, and takes its time anyway.
  constexpr size_t kPopulated = 16 << 20;
  if (memory_.arena_bytes <= kPopulated) populate(arena_.data(), memory_.arena_bytes);
  char* base = arena_.as<char>();
  for (size_t i = 0; i < count; ++i)
    if (values_[i].kind == Value::Kind::arena && request_of[owner[i]] != SIZE_MAX) {
      size_t offset = memory_.offsets[request_of[owner[i]]];
      // The one place where addresses are made: nothing may reach beyond the arena.
      check(offset + values_[i].info.bytes() <= memory_.arena_bytes, "tensor '", values_[i].info.name,
            "' does not fit the arena");
      values_[i].data = base + offset;
    }
  size_t next = requests.size() - scratch.size() - chains_.size();
  for (auto [step, index] : scratch) step->set_scratch(index, base + memory_.offsets[next++]);
  for (Chain& chain : chains_) chain.scratch = base + memory_.offsets[next++];
  for (auto& step : steps_)
    if (!step->late() && !step->folded()) step->resolve();
}

void Executor::reset_variables() {
  for (Value& v : values_) {
    if (v.kind != Value::Kind::variable || v.info.bytes() == 0) continue;
    // As the reference: the zero point for int8, zero for everything else.
    int fill = v.info.dtype == DType::int8 && v.info.quantized() ? v.info.zero_point() : 0;
    std::memset(v.own.data(), fill, v.info.bytes());
  }
  for (auto& step : steps_) step->reset_variables();
}

void Executor::run_steps(std::vector<double>* times) {
  if (!planned_) plan();
  if (times) times->resize(steps_.size(), 0.0);
  const ThreadPool::Run run(session_.pool);
  Step* current = nullptr;
  try {
    for (size_t k = 0; k < steps_.size(); ++k) {
      current = steps_[k].get();
      if (current->folded()) continue;
      if (chain_of_[k] >= 0) {
        const Chain& chain = chains_[static_cast<size_t>(chain_of_[k])];
        chain.rows.run(*current, chain.scratch, times ? times->data() + k : nullptr);
        k = chain.last;
        continue;
      }
      const double start = times ? nanoseconds() : 0;
      if (current->late())
        current->run_late();
      else
        current->run_now();
      if (times) (*times)[k] += nanoseconds() - start;
    }
  } catch (const std::bad_alloc&) {
    current->rethrow(Error("out of memory"));
  } catch (const ValueUnknown& e) {
    current->rethrow(Error(concat("the value of input ", e.input, " is not available")));
  } catch (const Error& e) {
    current->rethrow(e);
  }
}

std::vector<StepInfo> Executor::steps() const {
  std::vector<StepInfo> all;
  for (size_t k = 0; k < steps_.size(); ++k) {
    all.push_back(steps_[k]->info());
    if (k >= chain_of_.size() || chain_of_[k] < 0) continue;
    all.back().fused = chain_of_[k];
    all.back().band = chains_[static_cast<size_t>(chain_of_[k])].rows.band();
  }
  return all;
}

}  // namespace sanderling
