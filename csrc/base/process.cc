#include "base/process.h"

#include <pthread.h>
#include <unistd.h>

#include <atomic>

namespace sanderling {
namespace {

std::atomic<long> process_id{0};

}  // namespace

long current_process() {
  static const bool registered = [] {
    process_id = getpid();
    pthread_atfork(nullptr, nullptr, [] { process_id = getpid(); });
    return true;
  }();
  (void)registered;
  return process_id.load(std::memory_order_relaxed);
}

}  // namespace sanderling
