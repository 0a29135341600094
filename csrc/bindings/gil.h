// The interpreter's lock (GIL) given up and taken back.
//
// When the interpreter ends, it keeps daemon threads that ask for its lock from going on; until Python 3.13 by
// pthread_exit(), which unwinds their stacks, and the process aborts where it comes to a function that throws nothing.
// Such a thread waits here for the end of the process, as later Pythons have it do.
#pragma once

#include <Python.h>
#include <unistd.h>

#include <exception>

namespace sanderling {
namespace gil {

// Waits for ever where it is left by neither leave() nor an exception: by the unwinding of a thread's end. To be around
// whatever may run Python code, with nothing inside that would be freed without the lock.
class Parking {
 public:
  ~Parking() {
    while (!left_ && std::uncaught_exceptions() == exceptions_) pause();
  }
  void leave() { left_ = true; }

 private:
  const int exceptions_ = std::uncaught_exceptions();
  bool left_ = false;
};

// What `call` returns, which may run Python code.
template <class Call>
auto parked(const Call& call) {
  Parking parking;
  const auto result = call();
  parking.leave();
  return result;
}

__attribute__((noinline)) inline void restore(PyThreadState* state) noexcept(false) {
  Parking parking;
  PyEval_RestoreThread(state);
  parking.leave();
}

__attribute__((noinline)) inline PyGILState_STATE ensure() noexcept(false) {
  return parked([] { return PyGILState_Ensure(); });
}

// That the calling thread gave up last.
inline thread_local PyThreadState* released = nullptr;

}  // namespace gil

class ReleaseGil {
 public:
  ReleaseGil() : before_(gil::released), state_(PyEval_SaveThread()) { gil::released = state_; }
  ~ReleaseGil() {
    gil::released = before_;
    gil::restore(state_);
  }
  ReleaseGil(const ReleaseGil&) = delete;
  ReleaseGil& operator=(const ReleaseGil&) = delete;

 private:
  PyThreadState *before_, *state_;
};

// For a while: a thread that gave the lock up takes it as the one that it was, as one without a state would be made a
// new one, even of an interpreter that has ended.
class AcquireGil {
 public:
  AcquireGil() : state_(gil::released) {
    if (state_ != nullptr)
      gil::restore(state_);
    else
      new_ = gil::ensure();
    gil::released = nullptr;
  }
  ~AcquireGil() {
    if (state_ != nullptr)
      gil::released = PyEval_SaveThread();
    else
      PyGILState_Release(new_);
  }
  AcquireGil(const AcquireGil&) = delete;
  AcquireGil& operator=(const AcquireGil&) = delete;

 private:
  PyThreadState* state_;
  PyGILState_STATE new_{};
};

}  // namespace sanderling
