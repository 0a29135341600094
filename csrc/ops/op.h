// The interface between an operator and the engine.
//
// An operator is one function, prepare(PrepareContext&), which validates the node, sets the shapes of its outputs,
// packs constants, asks for scratch memory, and hands over the function that runs at each inference:
//
//   void prepare_neg(PrepareContext& ctx) {
//     const TensorInfo& x = ctx.input(0);
//     ctx.set_output_shape(0, x.shape);
//     int64_t n = x.shape.elements();
//     ctx.on_run([n](RunContext& run) { negate(run.input<float>(0), run.output<float>(0), n); });
//   }
//
// prepare() throws Error (check(), fail()) on anything wrong: the engine adds which node it was. The run function
// may throw only for faults in data that are seen at run time (an index out of range), and never inside
// parallel_for. It must not allocate; sizes that depend on data are the exception (resize_output).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/function.h"
#include "base/thread_pool.h"
#include "cpu/isa.h"
#include "cpu/pack_targets.h"
#include "ops/attributes.h"
#include "ops/resources.h"
#include "ops/tensor.h"

namespace sanderling {

class RunContext;
using RunFunction = Function<void(RunContext&)>;

// A graph that a control-flow operator (IF, WHILE, CALL_ONCE) calls. Implemented by the engine.
class Subgraph {
 public:
  virtual ~Subgraph() = default;
  virtual int num_inputs() const = 0;
  virtual int num_outputs() const = 0;
  virtual const TensorInfo& input(int i) const = 0;
  virtual const TensorInfo& output(int i) const = 0;  // shape: valid after plan() or run()
  // The input that output i is, or -1 where it is computed.
  virtual int passed_input(int i) const = 0;
  virtual void resize_input(int i, const Shape&) = 0;
  // (Re)plans for the present input shapes; true if all output shapes are known without running.
  virtual bool plan() = 0;
  virtual void* input_data(int i) = 0;
  virtual const void* output_data(int i) = 0;
  virtual void run() = 0;
};

// Memory of one argument, resolved by the engine before the run function is called.
class RunContext {
 public:
  template <class T>
  const T* input(int i) const {
    return static_cast<const T*>(input_data_[i]);
  }
  bool has_input(int i) const { return input_data_[i] != nullptr; }
  // For optional inputs: null where input i is absent or was left out.
  template <class T>
  const T* input_or_null(int i) const {
    return static_cast<size_t>(i) < input_data_.size() ? input<T>(i) : nullptr;
  }
  // State kept between runs: an input tensor with is_variable.
  template <class T>
  T* variable(int i) const {
    return static_cast<T*>(const_cast<void*>(input_data_[i]));
  }
  template <class T>
  T* output(int i) const {
    return static_cast<T*>(output_data_[i]);
  }
  // Memory asked for with PrepareContext::scratch; 64-byte aligned, content undefined.
  template <class T>
  T* scratch(int i) const {
    return static_cast<T*>(scratch_data_[i]);
  }

  int threads() const { return pool_->threads(); }
  // f(begin, end, thread) over [0, count); cost: nanoseconds of one item, roughly. See ThreadPool.
  template <class F>
  void parallel_for(int64_t count, double cost, const F& f, int64_t grain = 1) const {
    pool_->parallel_for(count, cost, f, grain);
  }

  // For outputs announced with output_shape_at_run: sets the shape and returns memory for it.
  virtual void* resize_output(int i, const Shape&) = 0;
  // To be called in loops whose end depends on data: throws where the user has asked to stop.
  virtual void check_interrupt() = 0;
  // Shape of input i now; only needed by operators that use output_shape_at_run (others know it from prepare).
  virtual const Shape& input_shape(int i) const = 0;

 protected:
  ~RunContext() = default;
  std::vector<const void*> input_data_;
  std::vector<void*> output_data_;
  std::vector<void*> scratch_data_;
  ThreadPool* pool_ = nullptr;
};

// An operator's work by rows of a picture [1, rows, ...], for an engine that lets several take turns on a few rows.
// Output row y needs the input rows from y * stride - pad on, `extent` of them, as far as they exist.
struct RowWork {
  int64_t in_rows = 0, out_rows = 0;
  int64_t stride = 1, pad = 0, extent = 1;
  double cost = 0;          // nanoseconds of an output row, roughly
  std::vector<int> inputs;  // that can be taken by rows, one at a time; the others are whole
  // Output rows [begin, end). `in` (for that input) and `out` are where row 0 would be: only rows that are needed
  // exist. Called on several threads at once.
  Function<void(const RunContext&, int input, const void* in, void* out, int64_t begin, int64_t end, int thread)> run;
};

// Thrown by PrepareContext::value where a value is not yet known; the engine then prepares the node at run time.
struct ValueUnknown {
  int input;
};

// An operator that the user registered: runs outside the core (Python). Given inputs with their present shapes, it
// calls resize_output for each output.
using CustomFunction = Function<void(RunContext&)>;

// How the processor that a plan is made to pack for packs what this one's kernel wants: a row of packers.cc.
struct TargetPacking {
  PackTarget target;
  const char* kernel;
  size_t bytes;
  Function<void(void*)> pack;
};

class PrepareContext {
 public:
  virtual ~PrepareContext() = default;

  int num_inputs() const { return static_cast<int>(inputs_.size()); }
  int num_outputs() const { return static_cast<int>(outputs_.size()); }
  int num_intermediates() const { return static_cast<int>(intermediates_.size()); }
  // Throws Error unless the node has between low and high inputs (absent ones at the end may be left out).
  void expect_inputs(int low, int high) const;
  void expect_outputs(int n) const;

  bool has_input(int i) const { return i < num_inputs() && inputs_[i] != nullptr; }
  // Shapes of inputs are known here. Throws Error where the input is absent.
  const TensorInfo& input(int i) const;
  // dtype and quantization of an output as the model declares them. Its shape is the operator's to set.
  const TensorInfo& output(int i) const;
  const TensorInfo& intermediate(int i) const;
  const Attributes& attributes() const { return *attributes_; }

  // The value of an input if it is known now (a constant, or computed from constants), else null.
  virtual const void* value_or_null(int i) = 0;
  // The value of an input that the operator needs now (a shape, an axis, weights to pack). Where it is not known
  // yet, the engine calls prepare again at run time with the value at hand: call this before any costly work.
  template <class T>
  const T* value(int i) {
    return static_cast<const T*>(value(i, DTypeOf<T>::value));
  }
  // An int32 or int64 input as int64 values: axes, sizes, permutations.
  std::vector<int64_t> int_values(int i);

  virtual void set_output_shape(int i, const Shape&) = 0;
  // The output's value follows from shapes alone (SHAPE, RANK): `bytes` bytes, copied.
  virtual void set_output_value(int i, const void* data) = 0;
  // The output's shape is known only after running: the run function calls resize_output.
  virtual void output_shape_at_run(int i) = 0;
  // Output i has the bytes of input j: the engine may give both the same memory (the run function then gets
  // equal pointers and must not copy: test input == output first).
  virtual void may_alias(int output, int input) = 0;
  // The node has an effect beyond its outputs (writes a variable): it is run even where its inputs are constant.
  virtual void has_side_effects() = 0;

  // Scratch memory for each run; returns the index for RunContext::scratch.
  virtual int scratch(size_t bytes) = 0;
  // Whether value_or_null(i) is not null; does not look at the value.
  virtual bool is_known(int i) const = 0;
  // Constants in the form of a kernel (a row of kernels.inc, or a name that tells it among those of its `isa`): `bytes`
  // bytes, 64-byte aligned, that pack(to) writes. A compiled model has them ready and need not have the values of the
  // inputs `from`, of which nothing but the packed form may then be used. What is in a file may be anything: no content
  // may lead a kernel outside its memory. `other`: of target(), null where its kernel is the portable one.
  virtual std::shared_ptr<const void> packed(Isa isa, const char* kernel, size_t bytes, const std::vector<int>& from,
                                             const Function<void(void*)>& pack, const TargetPacking* other) = 0;
  // Work that the plan needs done in the end, perhaps at the same time as that of other nodes, on another thread: what
  // pack(to) of packed() leaves for then. It must not throw; what it uses is to be the run function's, or an input.
  virtual void later(Function<void()> work) = 0;
  virtual int threads() const = 0;

  void on_run(RunFunction run) { run_ = std::move(run); }
  template <class F, class = std::enable_if_t<!std::is_same_v<std::decay_t<F>, RunFunction>>>
  void on_run(F&& f) {
    using Held = std::decay_t<F>;
    take_run(RunFunction::hold(std::forward<F>(f)), RunFunction::caller<Held>(), RunFunction::destroyer<Held>());
  }
  // Besides on_run, where the work can be done by rows; results do not depend on who does it.
  void on_rows(RowWork work) { rows_ = std::move(work); }
  // For profile(): multiply-adds of one run, and the kernel that was chosen.
  void set_macs(int64_t macs) { macs_ = macs; }
  // `name`: the row of kernels.inc.
  void set_kernel(Isa isa, const char* name = "") { isa_ = isa, kernel_ = name; }

  // The kernels to use: the best of this CPU, or what the user asked for.
  Isa isa() const { return max_isa_; }
  // Whether kernels of float32 may compute in fp16.
  bool fp16() const { return fp16_; }
  // The other processor that the plan is made to pack for; null: none. isa() is `portable` then. Only the Python
  // interface makes such plans: the library in C has no code for them.
#ifdef SANDERLING_PACKS_FOR_OTHERS
  const PackTarget* target() const { return target_; }
#else
  const PackTarget* target() const { return nullptr; }
#endif

  virtual Subgraph& subgraph(int64_t index) = 0;
  virtual Resources& resources() = 0;
  virtual const CustomFunction* custom_function() const = 0;

 private:
  const void* value(int i, DType);
  void take_run(void* held, RunFunction::Call, RunFunction::Destroy);

 protected:
  std::vector<const TensorInfo*> inputs_, outputs_, intermediates_;
  const Attributes* attributes_ = nullptr;
  RunFunction run_;
  RowWork rows_;  // out_rows 0: none
  int64_t macs_ = 0;
  Isa isa_ = Isa::portable;
  const char* kernel_ = "";
  Isa max_isa_ = Isa::portable;
  bool fp16_ = false;
  const PackTarget* target_ = nullptr;
};

struct OpDef {
  const char* name;
  void (*prepare)(PrepareContext&);
};

// Null where there is no such operator.
const OpDef* find_op(const std::string& name);
// All operators, sorted by name.
std::vector<const OpDef*> all_ops();

}  // namespace sanderling
