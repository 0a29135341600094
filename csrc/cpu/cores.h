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

}  // namespace sanderling
