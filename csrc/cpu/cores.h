// Which cores there are to work on.
#pragma once

#include <string>
#include <vector>

namespace sanderling {

// Cores that this process may run on: its affinity mask, which follows cpusets. Empty where the system does not tell.
std::vector<int> usable_cores();

// Those of `cores` that have at least half the capacity of the strongest one, by <folder>/cpu<N>/cpu_capacity, else by
// its highest clock; all where the system does not tell. `folder` is /sys/devices/system/cpu.
std::vector<int> big_cores(const std::vector<int>& cores, const std::string& folder);

}  // namespace sanderling
