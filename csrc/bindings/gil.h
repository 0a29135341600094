// The interpreter's lock (GIL) given up and taken back.
//
// When the interpreter ends, it keeps daemon threads that ask for its lock from going on; until Python 3.13 by
// pthread_exit(), which unwinds their stacks, and the process aborts where it comes to a function that throws nothing.
// Such a thread waits here for the end of the process, as later Pythons have it do.
#pragma once

#include <Python.h>
#include <unistd.h>

namespace sanderling {
namespace gil {

// Waits for ever where it is left by unwinding.
class Parking {
 public:
  ~Parking() {
    while (unwinding_) pause();
  }
  void leave() { unwinding_ = false; }

 private:
  bool unwinding_ = true;
};

__attribute__((noinline)) inline void restore(PyThreadState* state) noexcept(false) {
  Parking parking;
  PyEval_RestoreThread(state);
  parking.leave();
}

__attribute__((noinline)) inline PyGILState_STATE ensure() noexcept(false) {
  Parking parking;
  const PyGILState_STATE state = PyGILState_Ensure();
  parking.leave();
  return state;
}

}  // namespace gil

class ReleaseGil {
 public:
  ReleaseGil() : state_(PyEval_SaveThread()) {}
  ~ReleaseGil() { gil::restore(state_); }
  ReleaseGil(const ReleaseGil&) = delete;
  ReleaseGil& operator=(const ReleaseGil&) = delete;

 private:
  PyThreadState* state_;
};

class AcquireGil {
 public:
  AcquireGil() : state_(gil::ensure()) {}
  ~AcquireGil() { PyGILState_Release(state_); }
  AcquireGil(const AcquireGil&) = delete;
  AcquireGil& operator=(const AcquireGil&) = delete;

 private:
  PyGILState_STATE state_;
};

}  // namespace sanderling
