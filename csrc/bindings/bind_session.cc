// Session: a planned model, run with the GIL released.
#include <pybind11/stl.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <mutex>
#include <optional>
#include <thread>

#include "base/process.h"
#include "bindings/arrays.h"
#include "bindings/bindings.h"
#include "bindings/gil.h"
#include "cpu/cores.h"
#include "graph/executor.h"

namespace py = pybind11;
using namespace sanderling;

namespace {

int checked(int threads, const std::vector<int>& cores) {
  check(threads >= 1 && threads <= 1024, "threads is ", threads, "; 1 to 1024 expected");
  check(cores.empty() || cores.size() == static_cast<size_t>(threads), cores.size(), " cores for ", threads,
        " threads");
  return threads;
}

int64_t checked(int64_t band_bytes) {
  check(band_bytes >= 0, "band_bytes is ", band_bytes, "; 0 (the default) or more expected");
  return band_bytes == 0 ? RowChain::kBandBytes : band_bytes;
}

Fusion fusion(const std::string& name) {
  if (name == "never") return Fusion::never;
  if (name == "always") return Fusion::always;
  check(name == "auto", "fuse is '", name, "'; auto, always or never expected");
  return Fusion::automatic;
}

// A Session with its entry graphs. One run at a time: other threads wait, without the GIL.
class Runner {
 public:
  Runner(std::shared_ptr<ModelSpec> model, const std::string& isa, int threads, size_t memory_limit, bool keep_all,
         const std::string& fuse, const std::vector<int>& cores, int64_t band_bytes, bool fp16)
      : session_((model->validate(), std::move(model)),
                 {choose_isa(isa), memory_limit, keep_all, fusion(fuse), checked(band_bytes), fp16},
                 checked(threads, cores), cores) {
    executors_.resize(session_.model->graphs.size());
    session_.interrupt.set([] {
      const AcquireGil gil;
      if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    });
  }

  ~Runner() {
    // Workers may hold nothing of Python's, but joining them must not hold up others.
    const ReleaseGil release;
    executors_.clear();
  }

  // For other shapes of the inputs where they are given.
  void plan(int graph, const std::optional<std::vector<std::vector<int64_t>>>& shapes) {
    const ReleaseGil release;
    Lock lock(*this);
    Executor& e = executor(graph);
    if (shapes) {
      check(shapes->size() == static_cast<size_t>(e.num_inputs()), "the model has ", e.num_inputs(), " inputs; ",
            shapes->size(), " shapes were given");
      for (size_t i = 0; i < shapes->size(); ++i) e.resize_input(static_cast<int>(i), Shape((*shapes)[i]));
    }
    e.plan();
  }

  // Inputs: C-contiguous arrays of the planned shapes and dtypes, checked here.
  py::list run(int graph, const py::sequence& inputs) { return run_with(graph, inputs, nullptr); }

  // The same for arguments, a tuple, that are exactly the planned arrays: one array, or a tuple. None, and nothing is
  // run, where one is not.
  py::object run_exact(int graph, py::handle arguments) {
    Lock lock(*this);
    Executor& e = executor(graph);
    e.plan();
    const int n = e.num_inputs();
    if (!PyTuple_CheckExact(arguments.ptr()) || PyTuple_GET_SIZE(arguments.ptr()) != n) return py::none();
    for (int i = 0; i < n; ++i) {
      const TensorInfo& t = e.input(i);
      if (!is_exactly(PyTuple_GET_ITEM(arguments.ptr(), i), t.dtype, t.shape)) return py::none();
    }
    for (int i = 0; i < n; ++i) {
      const auto* array = py::detail::array_proxy(PyTuple_GET_ITEM(arguments.ptr(), i));
      if (const size_t bytes = e.input(i).bytes(); bytes > 0) std::memcpy(e.input_data(i), array->data, bytes);
    }
    {
      const ReleaseGil release;
      const OnCore here(session_.first_core);
      e.run();
    }
    if (e.num_outputs() == 1) return copy_output(e, 0);
    py::tuple outputs(static_cast<size_t>(e.num_outputs()));
    for (int i = 0; i < e.num_outputs(); ++i)
      PyTuple_SET_ITEM(outputs.ptr(), i, copy_output(e, i).release().ptr());  // takes it over
    return std::move(outputs);
  }

  py::tuple run_profiled(int graph, const py::sequence& inputs) {
    std::vector<double> times;
    py::list outputs = run_with(graph, inputs, &times);
    return py::make_tuple(outputs, times);
  }

  void reset() {
    const ReleaseGil release;
    Lock lock(*this);
    for (auto& e : executors_)
      if (e) e->reset_variables();
    session_.resources.reset();
  }

  py::dict memory(int graph) {
    Lock lock(*this);
    Executor& e = executor(graph);
    py::dict d;
    d["arena_bytes"] = e.arena_bytes();
    d["lower_bound_bytes"] = e.arena_lower_bound();
    d["packed_bytes"] = session_.packed_bytes;
    d["mapped_bytes"] = session_.mapped_bytes;
    return d;
  }

  py::list steps(int graph) {
    Lock lock(*this);
    py::list all;
    for (const StepInfo& s : executor(graph).steps()) {
      py::dict d;
      d["op"] = s.op;
      d["name"] = s.name;
      d["kernel"] = s.kernel;
      d["shape"] = shape_tuple(s.output_shape);
      d["dtype"] = s.output_dtype;
      d["macs"] = s.macs;
      d["folded"] = s.folded;
      d["late"] = s.late;
      d["fused"] = s.fused;
      d["band"] = s.band;
      all.append(d);
    }
    return all;
  }

  // Shape of an output after the last plan or run.
  py::tuple output_shape(int graph, int i) {
    Lock lock(*this);
    Executor& e = executor(graph);
    check(i >= 0 && i < e.num_outputs(), "there is no output ", i);
    return shape_tuple(e.output(i).shape);
  }

  // Value of a tensor after the last run (keep_all), or None where it has none.
  py::object tensor(int graph, int index) {
    Lock lock(*this);
    Executor& e = executor(graph);
    check(index >= 0 && static_cast<size_t>(index) < session_.model->graphs[static_cast<size_t>(graph)].tensors.size(),
          "there is no tensor ", index);
    const TensorInfo& t = e.tensor(index);
    const void* data = e.tensor_data(index);
    if (data == nullptr) return py::none();
    return copy_to_array(t.dtype, t.shape, data);
  }

 private:
  // Holds the model for this thread.
  class Lock {
   public:
    explicit Lock(Runner& runner) : runner_(runner) {
      if (runner.process_ != current_process()) runner.begin_in_child();
      // Waiting for itself would never end.
      check(runner.owner_ != std::this_thread::get_id(), "a registered function uses the model that it is part of");
      if (!runner_.mutex_->try_lock()) wait();
      runner_.owner_ = std::this_thread::get_id();
    }
    ~Lock() {
      runner_.owner_ = std::thread::id();
      runner_.mutex_->unlock();
    }
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;

   private:
    void wait() {
      if (!PyGILState_Check()) return runner_.mutex_->lock();
      for (;;) {
        {
          const ReleaseGil release;
          // By the clock whose locks ThreadSanitizer knows.
          if (runner_.mutex_->try_lock_until(std::chrono::system_clock::now() + std::chrono::milliseconds(50))) return;
        }
        if (PyErr_CheckSignals() != 0) throw py::error_already_set();  // Ctrl-C
      }
    }

    Runner& runner_;
  };

  // The thread that may have held the model when the process was forked does not exist in the child, which has one.
  void begin_in_child() {
    (void)mutex_.release();  // held, it can be neither unlocked nor destroyed
    mutex_ = std::make_unique<std::timed_mutex>();
    owner_ = std::thread::id();
    process_ = current_process();
  }

  Executor& executor(int graph) {
    check(graph >= 0 && static_cast<size_t>(graph) < executors_.size(), "there is no graph ", graph);
    auto& e = executors_[static_cast<size_t>(graph)];
    if (!e) e = std::make_unique<Executor>(session_, static_cast<size_t>(graph));
    return *e;
  }

  py::list run_with(int graph, const py::sequence& inputs, std::vector<double>* times) {
    Lock lock(*this);
    Executor& e = executor(graph);
    e.plan();
    check(inputs.size() == static_cast<size_t>(e.num_inputs()), "the model has ", e.num_inputs(), " inputs; ",
          inputs.size(), " were given");
    for (size_t i = 0; i < inputs.size(); ++i) {
      const TensorInfo& t = e.input(static_cast<int>(i));
      const py::array a = as_array(inputs[i]);
      check(array_bytes(a) == t.bytes() && (a.flags() & py::array::c_style) != 0, "input '", t.name, "' does not have ",
            t.bytes(), " contiguous bytes");
      if (t.bytes() > 0) std::memcpy(e.input_data(static_cast<int>(i)), a.data(), t.bytes());
    }
    {
      const ReleaseGil release;
      const OnCore here(session_.first_core);
      if (times)
        e.run_profiled(*times);
      else
        e.run();
    }
    py::list outputs;
    for (int i = 0; i < e.num_outputs(); ++i) outputs.append(copy_output(e, i));
    return outputs;
  }

  static py::array copy_output(Executor& e, int i) {
    const TensorInfo& t = e.output(i);
    return copy_to_array(t.dtype, t.shape, e.output_data(i));
  }

  Session session_;
  std::vector<std::unique_ptr<Executor>> executors_;
  std::unique_ptr<std::timed_mutex> mutex_ = std::make_unique<std::timed_mutex>();
  std::atomic<std::thread::id> owner_{std::thread::id()};
  std::atomic<long> process_{current_process()};
};

// A function of Python's own kind that calls Runner::run_exact: pybind11's way to a method takes longer than the run of
// a tiny model.
struct ExactCall {
  py::object keep;  // owns runner
  Runner& runner;
  int graph;

  static PyObject* call(PyObject* self, PyObject* arguments) noexcept {
    auto* exact = static_cast<ExactCall*>(PyCapsule_GetPointer(self, nullptr));
    if (exact == nullptr) return nullptr;
    try {
      return exact->runner.run_exact(exact->graph, arguments).release().ptr();
    } catch (py::error_already_set& e) {
      e.restore();
    } catch (const Error& e) {
      PyErr_SetString(py::module_::import("sanderling._core").attr("CoreError").ptr(), e.what());
    } catch (const std::bad_alloc&) {
      PyErr_NoMemory();
    } catch (const std::exception& e) {
      PyErr_SetString(PyExc_RuntimeError, e.what());
    }
    return nullptr;
  }
};

py::object exact_call(py::object runner, int graph) {
  static PyMethodDef method = {"run_exact", ExactCall::call, METH_O, nullptr};
  auto* exact = new ExactCall{runner, runner.cast<Runner&>(), graph};
  const py::capsule self(exact, [](void* p) { delete static_cast<ExactCall*>(p); });
  return py::reinterpret_steal<py::object>(PyCFunction_NewEx(&method, self.ptr(), nullptr));
}

}  // namespace

void bind_session(py::module_& m) {
  using namespace py::literals;
  py::class_<Runner>(m, "Runner")
      .def(py::init<std::shared_ptr<ModelSpec>, const std::string&, int, size_t, bool, const std::string&,
                    const std::vector<int>&, int64_t, bool>(),
           py::kw_only(), "model"_a, "isa"_a, "threads"_a, "memory_limit"_a, "keep_all"_a, "fuse"_a, "cores"_a,
           "band_bytes"_a, "fp16"_a)
      .def("plan", &Runner::plan, py::kw_only(), "graph"_a, "shapes"_a)
      .def("run", &Runner::run, "graph"_a, "inputs"_a)
      .def("exact_call", &exact_call, "graph"_a)
      .def("run_profiled", &Runner::run_profiled, "graph"_a, "inputs"_a)
      .def("reset", &Runner::reset)
      .def("memory", &Runner::memory, "graph"_a)
      .def("steps", &Runner::steps, "graph"_a)
      .def("output_shape", &Runner::output_shape, "graph"_a, "i"_a)
      .def("tensor", &Runner::tensor, "graph"_a, "index"_a);
}
