// Which cores there are to work on.
#pragma once

#include <sched.h>

#include <string>
#include <vector>

namespace sanderling {

// Cores that this process may run on: its affinity mask, which follows cpusets. Empty where the system does not tell.
std::vector<int> usable_cores();

// Those of `cores` that have at least half the capacity of the strongest one, by <folder>/cpu<N>/cpu_capacity, else by
// its highest clock; all where the system does not tell. `folder` is /sys/devices/system/cpu.
std::vector<int> big_cores(const std::vector<int>& cores, const std::string& folder);

// Keeps the calling thread on one core as long as it lives; -1, and a core that cannot be had: where it is.
class OnCore {
 public:
  explicit OnCore(int core);
  ~OnCore();
  OnCore(const OnCore&) = delete;
  OnCore& operator=(const OnCore&) = delete;

 private:
  bool moved_ = false;
  cpu_set_t before_;
};

// Keeps a thread off the core of the thread that it works for: schedulers are known to wake it there, while other cores
// have nothing to do, and the two then take turns (seen on virtual machines that do not tell which cores share a
// cache).
class OtherCore {
 public:
  // Moves the calling thread, always the same one, if it is on `core` and may be on another.
  void leave(int core);

 private:
  bool possible_ = true, moved_ = false;
  cpu_set_t given_, chosen_;
};

}  // namespace sanderling
