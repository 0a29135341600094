#include "capi/sanderling.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "capi/seeded.h"
#include "capi/sha256.h"
#include "cpu/cores.h"
#include "graph/compiled.h"
#include "graph/executor.h"

using namespace sanderling;

static_assert(static_cast<int>(DType::float32) == SANDERLING_FLOAT32 &&
                  static_cast<int>(DType::int8) == SANDERLING_INT8 &&
                  static_cast<int>(DType::int64) == SANDERLING_INT64 &&
                  static_cast<int>(DType::boolean) == SANDERLING_BOOL,
              "sanderling_dtype counts as DType does");
static_assert(Shape::kMaxRank == SANDERLING_MAX_RANK);

namespace {

// As check_fp16 of machine.py.
void check_fp16(Isa isa) {
  if (has_fp16(isa)) return;
  check(asked_isas().empty(), "fp16: its kernels are not among those of instruction set '", isa_name(isa),
        "'; leave isa (or SANDERLING_ISA) out or ask for ", isa_name(available_isas().front()));
  fail(
      "fp16: this CPU has no fp16 arithmetic for which there are kernels (ARMv8.2 FP16: 'fphp' and 'asimdhp' in "
      "/proc/cpuinfo, on Cortex-A55, A75, A76 and later, in 64-bit programs); leave fp16 out to compute in float32");
}

// By the environment; 0: not at all.
int asked_threads() {
  const char* text = std::getenv("SANDERLING_THREADS");
  if (text == nullptr || *text == 0) return 0;
  const long threads = std::strspn(text, "0123456789") == std::strlen(text) ? std::strtol(text, nullptr, 10) : 0;
  check(threads >= 1 && threads <= 1024, "SANDERLING_THREADS is '", text, "'; 1 to 1024 expected");
  return static_cast<int>(threads);
}

}  // namespace

// The border: nothing is thrown beyond it.
struct sanderling_model {
  CompiledModel compiled;
  std::unique_ptr<Session> session;
  std::unique_ptr<Executor> executor;
  std::vector<sanderling_tensor> inputs, outputs;
  std::vector<StepInfo> steps;
  std::vector<sanderling_step> c_steps;
  std::string error;

  sanderling_model(CompiledModel m, const sanderling_options& o) : compiled(std::move(m)) {
    PlanOptions options;
    options.isa = choose_isa(o.isa ? o.isa : "");
    if (o.fp16 != 0) check_fp16(options.isa), options.fp16 = true;
    if (o.memory_limit > 0) options.memory_limit = o.memory_limit;
    check(o.threads >= 0 && o.threads <= 1024, "threads is ", o.threads, "; 0 to 1024 expected");
    const std::vector<int> usable = usable_cores();
    int threads = o.threads != 0 ? o.threads : asked_threads();
    if (threads == 0) threads = static_cast<int>(big_cores(usable, "/sys/devices/system/cpu").size());
    threads = std::max(threads, 1);
    std::vector<int> cores;
    if (o.cores != nullptr) cores.assign(o.cores, o.cores + threads);
    for (int core : cores)
      check(std::count(usable.begin(), usable.end(), core) == 1, "core ", core,
            " is not one that this process may use");
    session = std::make_unique<Session>(compiled.spec, options, threads, cores);
    executor = std::make_unique<Executor>(*session, 0);
    plan();
  }

  void plan() {
    executor->plan();
    inputs.resize(static_cast<size_t>(executor->num_inputs()));
    outputs.resize(static_cast<size_t>(executor->num_outputs()));
    steps = executor->steps();
    c_steps.clear();
    for (const StepInfo& s : steps)
      if (!s.folded) c_steps.push_back({s.op.c_str(), s.name.c_str(), s.kernel.c_str(), s.macs, s.fused});
  }

  static const sanderling_tensor* describe(const TensorInfo& t, sanderling_tensor& to) {
    to = {};
    to.name = t.name.c_str();
    to.dtype = static_cast<sanderling_dtype>(t.dtype);
    to.rank = t.shape.rank();
    std::copy(t.shape.begin(), t.shape.end(), to.shape);
    to.bytes = t.bytes();
    if (t.quantized()) to.scale = t.scale(), to.zero_point = t.zero_point();
    return &to;
  }

  int fp16_steps() const {
    return static_cast<int>(std::count_if(steps.begin(), steps.end(), [](const StepInfo& s) {
      return !s.folded && s.kernel.compare(0, 10, "neon_fp16/") == 0;
    }));
  }

  void run(std::vector<double>* times) {
    const OnCore here(session->first_core);
    if (times)
      executor->run_profiled(*times);
    else
      executor->run();
  }

  void reset() {
    executor->reset_variables();
    session->resources.reset();
  }

  int verify() {
    const Golden& golden = compiled.golden;
    int compared = 0;
    for (const std::string& hash : golden.outputs) compared += !hash.empty();
    if (compared == 0) return 0;
    const GraphSpec& graph = compiled.spec->graphs[0];
    for (int k = 0; k < executor->num_inputs(); ++k) {
      const TensorInfo& own = graph.tensors[static_cast<size_t>(graph.inputs[static_cast<size_t>(k)])].info;
      check(executor->input(k).shape == own.shape, "input '", own.name, "' has been resized to ",
            executor->input(k).shape, "; the hashes in the file are of ", own.shape);
    }
    reset();
    std::vector<Sha256> hashes(golden.outputs.size());
    for (uint32_t i = 0; i < golden.count; ++i) {
      for (int k = 0; k < executor->num_inputs(); ++k)
        fill_seeded(executor->input(k), k, uint64_t{golden.seed} + i, executor->input_data(k));
      run(nullptr);
      for (size_t k = 0; k < hashes.size(); ++k)
        hashes[k].add(executor->output_data(static_cast<int>(k)), executor->output(static_cast<int>(k)).bytes());
    }
    reset();
    for (size_t k = 0; k < hashes.size(); ++k) {
      if (golden.outputs[k].empty()) continue;
      const std::string found = hashes[k].hex();
      check(found == golden.outputs[k], "output '", executor->output(static_cast<int>(k)).name, "' has the SHA-256 ",
            found, " over ", golden.count, " seeded runs; ", golden.outputs[k], " expected",
            fp16_steps() > 0 ? " of float32, and steps compute in fp16" : "");
    }
    return compared;
  }
};

namespace {

void copy_text(const std::string& from, char* to, size_t bytes) {
  if (to == nullptr || bytes == 0) return;
  const size_t n = std::min(from.size(), bytes - 1);
  std::memcpy(to, from.data(), n);
  to[n] = '\0';
}

// Calls f(); what it throws goes to report(text).
template <class F, class Report>
bool guarded(const F& f, const Report& report) noexcept {
  try {
    try {
      f();
      return true;
    } catch (const std::bad_alloc&) {
      report("out of memory");
    } catch (const std::exception& e) {
      report(e.what());
    }
  } catch (...) {
    // Not even the message could be kept.
  }
  return false;
}

template <class Read>
sanderling_model* load(const Read& read, const sanderling_options* options, char* error, size_t bytes) noexcept {
  copy_text("", error, bytes);
  sanderling_model* model = nullptr;
  guarded([&] { model = new sanderling_model(read(), options ? *options : sanderling_options{}); },
          [&](const std::string& text) { copy_text(text, error, bytes); });
  return model;
}

template <class F>
sanderling_status attempt(sanderling_model* model, const F& f) noexcept {
  return guarded(f, [&](const std::string& text) { model->error = text; }) ? SANDERLING_OK : SANDERLING_FAILED;
}

bool has(const std::vector<sanderling_tensor>& all, int i) { return i >= 0 && static_cast<size_t>(i) < all.size(); }

}  // namespace

extern "C" {

const char* sanderling_version(void) { return SANDERLING_VERSION; }

const char* sanderling_isa(int i) {
  const std::vector<Isa> all = available_isas();
  return i >= 0 && static_cast<size_t>(i) < all.size() ? isa_name(all[static_cast<size_t>(i)]) : nullptr;
}

sanderling_model* sanderling_load(const char* path, const sanderling_options* options, char* error, size_t bytes) {
  return load([&] { return read_compiled(path, path); }, options, error, bytes);
}

sanderling_model* sanderling_load_memory(const void* data, size_t size, const sanderling_options* options, char* error,
                                         size_t bytes) {
  return load([&] { return decode_compiled("<memory>", nullptr, data, size); }, options, error, bytes);
}

void sanderling_free(sanderling_model* model) { delete model; }

const char* sanderling_error(const sanderling_model* model) { return model->error.c_str(); }

int sanderling_num_inputs(const sanderling_model* model) { return model->executor->num_inputs(); }
int sanderling_num_outputs(const sanderling_model* model) { return model->executor->num_outputs(); }

const sanderling_tensor* sanderling_input(sanderling_model* model, int i) {
  if (!has(model->inputs, i)) return nullptr;
  return sanderling_model::describe(model->executor->input(i), model->inputs[static_cast<size_t>(i)]);
}

const sanderling_tensor* sanderling_output(sanderling_model* model, int i) {
  if (!has(model->outputs, i)) return nullptr;
  return sanderling_model::describe(model->executor->output(i), model->outputs[static_cast<size_t>(i)]);
}

void* sanderling_input_data(sanderling_model* model, int i) {
  return has(model->inputs, i) ? model->executor->input_data(i) : nullptr;
}

const void* sanderling_output_data(sanderling_model* model, int i) {
  return has(model->outputs, i) ? model->executor->output_data(i) : nullptr;
}

sanderling_status sanderling_resize(sanderling_model* model, int i, const int64_t* shape, int rank) {
  return attempt(model, [&] {
    check(has(model->inputs, i), "there is no input ", i);
    const Shape before = model->executor->input(i).shape;
    model->executor->resize_input(i, Shape(shape, rank));
    try {
      model->plan();
    } catch (...) {
      model->executor->resize_input(i, before);
      model->plan();
      throw;
    }
  });
}

sanderling_status sanderling_run(sanderling_model* model) {
  return attempt(model, [&] { model->run(nullptr); });
}

sanderling_status sanderling_reset(sanderling_model* model) {
  return attempt(model, [&] { model->reset(); });
}

int sanderling_num_steps(const sanderling_model* model) { return static_cast<int>(model->c_steps.size()); }

const sanderling_step* sanderling_step_at(const sanderling_model* model, int i) {
  return i >= 0 && i < sanderling_num_steps(model) ? &model->c_steps[static_cast<size_t>(i)] : nullptr;
}

sanderling_status sanderling_run_profiled(sanderling_model* model, double* nanoseconds) {
  return attempt(model, [&] {
    std::vector<double> times(model->steps.size(), 0.0);
    model->run(&times);
    for (size_t i = 0; i < model->steps.size(); ++i)
      if (!model->steps[i].folded) *nanoseconds++ += times[i];
  });
}

sanderling_status sanderling_verify(sanderling_model* model, int* compared) {
  if (compared) *compared = 0;
  return attempt(model, [&] {
    const int n = model->verify();
    if (compared) *compared = n;
  });
}

const char* sanderling_label(const sanderling_model* model, int i) {
  const std::vector<std::string>& all = model->compiled.labels;
  return i >= 0 && static_cast<size_t>(i) < all.size() ? all[static_cast<size_t>(i)].c_str() : nullptr;
}

int sanderling_threads(const sanderling_model* model) { return model->session->pool.threads(); }

int sanderling_fp16_steps(const sanderling_model* model) { return model->fp16_steps(); }

size_t sanderling_arena_bytes(const sanderling_model* model) { return model->executor->arena_bytes(); }

void sanderling_packed_bytes(const sanderling_model* model, size_t* from_file, size_t* at_load) {
  *from_file = model->session->mapped_bytes;
  *at_load = model->session->packed_bytes;
}

}  // extern "C"
