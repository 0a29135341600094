// One node of a plan: what its operator sees when it prepares and when it runs.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "graph/executor.h"

namespace sanderling {

struct Executor::Value {
  enum class Kind {
    unset,     // shape not known: a late node will set it
    arena,     // at arena_[offset]
    constant,  // the model's data, or computed when the plan was made
    variable,  // kept between runs
    late,      // in `own`, shape set by each run
  };
  TensorInfo info;
  Kind kind = Kind::unset;
  const void* data = nullptr;
  AlignedBuffer own;
  bool kept = false;  // an int4 constant that is read in runs, widened to int8
};

class Executor::Step final : public PrepareContext, public RunContext {
 public:
  Step(Executor& executor, const NodeSpec& node);

  // Prepares when the plan is made. False: a shape or value is missing, the node is late.
  bool prepare_early();
  // Prepares if needed and runs, at run time.
  void run_late();
  void run_now() { run_(*this); }
  // Takes the addresses of all arguments.
  void resolve();
  // Gives the node scratch memory of its own (late and folded nodes).
  void own_scratch();
  void reset_variables();
  [[noreturn]] void rethrow(const std::exception& cause) const;
  StepInfo info() const;

  const NodeSpec& node() const { return node_; }
  Value* argument(int tensor) const {
    return tensor == kAbsent ? nullptr : &executor_.values_[static_cast<size_t>(tensor)];
  }
  const std::vector<size_t>& scratch_requests() const { return scratch_requests_; }
  void set_scratch(size_t i, void* data) { scratch_data_[i] = data; }
  const std::vector<std::pair<int, int>>& aliases() const { return aliases_; }
  bool foldable() const;
  // Keeps the int4 constants that runs will read, and gives up what prepare() alone has read of others.
  void settle_int4();
  // Throws Error where a constant that is read has not the checksum that its file gives.
  void check_constants() const;
  const RowWork& row_work() const { return rows_; }
  bool late() const { return late_; }
  bool folded() const { return folded_; }
  void set_folded() { folded_ = true; }

  const void* value_or_null(int i) override;
  bool is_known(int i) const override;
  std::shared_ptr<const void> packed(Isa, const char* kernel, size_t bytes, const std::vector<int>& from,
                                     const Function<void(void*)>& pack, const TargetPacking* other) override;
  void later(Function<void()> work) override;
  void set_output_shape(int i, const Shape&) override;
  void set_output_value(int i, const void* data) override;
  void output_shape_at_run(int i) override;
  void may_alias(int output, int input) override { aliases_.emplace_back(output, input); }
  void has_side_effects() override { side_effects_ = true; }
  int scratch(size_t bytes) override;
  int threads() const override { return executor_.session_.pool.threads(); }
  Subgraph& subgraph(int64_t index) override;
  Resources& resources() override { return executor_.session_.resources; }
  const CustomFunction* custom_function() const override { return node_.custom ? &node_.custom : nullptr; }

  void check_interrupt() override { executor_.session_.interrupt.check(); }
  void* resize_output(int i, const Shape&) override;
  const Shape& input_shape(int i) const override;

 private:
  void prepare();
  void build_key(std::vector<int64_t>& key) const;
  void check_memory(size_t bytes) const;
  void check_constant(int tensor) const;

  Executor& executor_;
  const NodeSpec& node_;
  std::vector<std::pair<int64_t, std::unique_ptr<Executor>>> callees_;

  // Set by prepare().
  std::vector<bool> shape_set_;
  std::vector<int> consulted_;  // inputs whose values prepare() looked at
  std::vector<size_t> scratch_requests_;
  std::vector<std::pair<int, int>> aliases_;
  std::vector<bool> unread_;  // inputs of which only what a file has packed is used
  std::vector<bool> packs_;   // inputs of which runs use only the packed form
  int packings_ = 0;
  bool side_effects_ = false, values_set_ = false, shapes_at_run_ = false;

  bool late_ = false, folded_ = false;
  bool running_ = false;   // all values are at hand
  bool prepared_ = false;  // late: key_ says for what
  std::vector<int64_t> key_, new_key_;
  std::vector<AlignedBuffer> own_scratch_;
};

}  // namespace sanderling
