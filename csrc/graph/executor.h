// Runs one graph of a model.
//
// plan() prepares every node once, in order, and places all tensors in one arena. A node whose output shapes depend
// on data (a RESHAPE whose target is computed, WHILE, a user's operator) and everything after it that depends on it
// are *late* nodes: they are prepared when they run, and prepared again only when the shapes or values that they
// looked at have changed. Late tensors live in buffers of their own that only grow, so a steady stream of runs
// does not allocate there either.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/clock.h"
#include "base/function.h"
#include "base/thread_pool.h"
#include "graph/memory_plan.h"
#include "graph/row_chain.h"
#include "graph/spec.h"
#include "ops/op.h"

namespace sanderling {

// Whether steps run together by rows (RowChain).
enum class Fusion { never, automatic, always };

struct PlanOptions {
  Isa isa = Isa::portable;
  size_t memory_limit = size_t{1} << 31;  // bytes for the tensors of a graph, and for any one buffer
  bool keep_all = false;                  // every tensor keeps its own memory until the next run
  Fusion fusion = Fusion::automatic;
  int64_t band_bytes = RowChain::kBandBytes;  // of a chain's tensors between its steps, for a thread; see RowChain
  bool fp16 = false;                          // kernels of float32 may compute in fp16
  std::vector<std::pair<PackedKey, std::shared_ptr<const void>>>* collect = nullptr;  // what plans pack, if wanted
  std::optional<PackTarget> target;  // what `collect` is for, if not this CPU; `isa` is portable then
};

// Lets the front end stop a run that may never end (WHILE).
class Interrupt {
 public:
  // Called now and then while a loop runs, on the thread that runs the model; throws to stop it.
  void set(Function<void()> callback) { callback_ = std::move(callback); }
  void check() {
    if (!callback_) return;
    const double now = nanoseconds();
    if (now < next_) return;
    next_ = now + 50e6;
    callback_();
  }

 private:
  Function<void()> callback_;
  double next_ = 0;
};

// What the graphs of one model share.
struct Session {
  std::shared_ptr<const ModelSpec> model;
  PlanOptions options;
  ThreadPool pool;
  Resources resources;
  Interrupt interrupt;
  int executors = 0;
  size_t called_steps = 0;                    // of executors of graphs that others call
  size_t own_bytes = 0;                       // of values outside the arenas
  int first_core = -1;                        // where the calling thread runs a model, unless -1
  size_t mapped_bytes = 0, packed_bytes = 0;  // packed weights since load: taken from a file, packed here

  // `cores`: none, or one for each thread.
  Session(std::shared_ptr<const ModelSpec> m, PlanOptions o, int threads, const std::vector<int>& cores)
      : model(std::move(m)), options(o), pool(threads, cores), first_core(cores.empty() ? -1 : cores[0]) {}
};

// One step of a plan, for reports.
struct StepInfo {
  std::string op, name, kernel;
  Shape output_shape;
  std::string output_dtype;
  int64_t macs = 0;
  bool folded = false;  // computed once when the plan was made
  bool late = false;
  int fused = -1;    // steps with the same number run together by rows
  int64_t band = 0;  // then: rows of the last one's output at a time
};

class Executor : public Subgraph {
 public:
  // Each call of a graph has an executor of its own. Calls that call others twice each would need endless many.
  static constexpr int kMaxExecutors = 1000;
  static constexpr size_t kMaxCalledSteps = 200'000;  // of all graphs that are called, at all places together

  Executor(Session& session, size_t graph);
  ~Executor() override;

  int num_inputs() const override;
  int num_outputs() const override;
  const TensorInfo& input(int i) const override;
  const TensorInfo& output(int i) const override;
  int passed_input(int i) const override;
  void resize_input(int i, const Shape&) override;
  bool plan() override;
  void* input_data(int i) override;
  const void* output_data(int i) override;
  void run() override { run_steps(nullptr); }

  // As run(); adds the nanoseconds of each step to times (resized to the number of steps).
  void run_profiled(std::vector<double>& times) { run_steps(&times); }
  // State of the operators back to what it was at load (variable tensors; Session::resources is reset apart).
  void reset_variables();

  std::vector<StepInfo> steps() const;
  size_t arena_bytes() const { return memory_.arena_bytes; }
  size_t arena_lower_bound() const { return memory_.lower_bound; }

  // Any tensor, for inspection after a run with keep_all. Null data: not computed.
  const TensorInfo& tensor(int index) const;
  const void* tensor_data(int index) const;

 private:
  int index() const { return static_cast<int>(&spec_ - session_.model->graphs.data()); }
  int index_of(const NodeSpec& node) const { return static_cast<int>(&node - spec_.nodes.data()); }

  class Step;
  struct Value;
  friend class Step;
  // The steps [first, last] as one, at the time of the last.
  struct Chain {
    size_t first, last;
    RowChain rows;
    char* scratch = nullptr;
  };

  void run_steps(std::vector<double>* times);
  void place();
  void fold(Step& step);
  // Memory of its own for a value's present shape. Throws Error where all of these together are over the limit.
  void* own_data(Value& v);
  void free_own(Value& v);
  // int4 constants are widened to int8 when their values are asked for.
  void widen(int tensor);
  void keep_int4(int tensor);
  void do_later();
  void find_chains();
  std::vector<int64_t> live_bytes() const;
  bool may_follow(size_t step, size_t next, const std::vector<int>& uses, int& input) const;

  Session& session_;
  const GraphSpec& spec_;
  std::vector<Value> values_;
  std::vector<std::unique_ptr<Step>> steps_;
  std::vector<Function<void()>> later_;  // what steps leave until they are all prepared
  std::vector<Chain> chains_;
  std::vector<int> chain_of_;  // of each step, or -1
  MemoryPlan memory_;
  AlignedBuffer arena_;
  bool planned_ = false;
  size_t called_steps_ = 0;  // what is counted in the session
};

}  // namespace sanderling
