#include "cpu/cores.h"

#include <sched.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace sanderling {
namespace {

// A positive number in a file, or 0.
long read_number(const std::string& path) {
  char text[32];
  std::FILE* file = std::fopen(path.c_str(), "re");
  if (file == nullptr) return 0;
  const bool read = std::fgets(text, sizeof text, file) != nullptr;
  std::fclose(file);
  return read ? std::max(std::strtol(text, nullptr, 10), 0L) : 0;
}

// One number for each core; empty where a core does not tell.
std::vector<long> read_all(const std::vector<int>& cores, const std::string& folder, const char* name) {
  std::vector<long> numbers;
  for (int core : cores) {
    const long number = read_number(folder + "/cpu" + std::to_string(core) + "/" + name);
    if (number == 0) return {};
    numbers.push_back(number);
  }
  return numbers;
}

}  // namespace

std::vector<int> usable_cores() {
  cpu_set_t set;
  std::vector<int> cores;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return cores;
  for (int core = 0; core < CPU_SETSIZE; ++core)
    if (CPU_ISSET(core, &set)) cores.push_back(core);
  return cores;
}

std::vector<int> big_cores(const std::vector<int>& cores, const std::string& folder) {
  std::vector<long> strength = read_all(cores, folder, "cpu_capacity");
  if (strength.empty()) strength = read_all(cores, folder, "cpufreq/cpuinfo_max_freq");
  if (strength.empty()) return cores;
  const long most = *std::max_element(strength.begin(), strength.end());
  std::vector<int> big;
  for (size_t i = 0; i < cores.size(); ++i)
    if (strength[i] >= most - strength[i]) big.push_back(cores[i]);
  return big;
}

OnCore::OnCore(int core) {
  if (core < 0 || core >= CPU_SETSIZE || sched_getaffinity(0, sizeof before_, &before_) != 0) return;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(core, &one);
  moved_ = sched_setaffinity(0, sizeof one, &one) == 0;
}

OnCore::~OnCore() {
  if (moved_) sched_setaffinity(0, sizeof before_, &before_);
}

void OtherCore::leave(int core) {
  if (!possible_ || core < 0 || core >= CPU_SETSIZE || sched_getcpu() != core) return;
  cpu_set_t now;
  possible_ = sched_getaffinity(0, sizeof now, &now) == 0;
  if (!possible_) return;
  if (!moved_ || !CPU_EQUAL(&now, &chosen_)) given_ = now;  // others may have chosen anew
  chosen_ = given_;
  CPU_CLR(core, &chosen_);
  possible_ = moved_ = CPU_COUNT(&chosen_) > 0 && sched_setaffinity(0, sizeof chosen_, &chosen_) == 0;
}

}  // namespace sanderling
