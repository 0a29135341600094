#include "base/thread_pool.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>

namespace sanderling {
namespace {

constexpr int kSpins = 2000;  // some tens of microseconds: the gap between two steps

void pause_cpu() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__ARM_ARCH_7A__)
  __asm__ volatile("yield");
#endif
}

std::atomic<long> process_id{0};

// getpid() is a system call; this is a load, kept right by a fork handler.
long current_process() {
  static const bool registered = [] {
    process_id = getpid();
    pthread_atfork(nullptr, nullptr, [] { process_id = getpid(); });
    return true;
  }();
  (void)registered;
  return process_id.load(std::memory_order_relaxed);
}

}  // namespace

ThreadPool::ThreadPool(int threads) : threads_(threads) {}

ThreadPool::~ThreadPool() {
  if (owner_ != current_process()) {
    // Forked: the threads do not exist here and cannot be joined.
    for (std::thread& t : workers_) t.detach();
    return;
  }
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  for (std::thread& t : workers_) t.join();
}

void ThreadPool::start() {
  owner_ = current_process();
  for (int i = 1; i < threads_; ++i) workers_.emplace_back([this, i] { loop(i); });
}

void ThreadPool::run(Body body, const void* argument, int64_t count) {
  if (workers_.empty()) start();
  if (owner_ != current_process()) {
    body(argument, 0, count, 0);
    return;
  }
  body_ = body;
  argument_ = argument;
  count_ = count;
  chunk_ = std::max<int64_t>(1, count / (4 * threads_));
  next_.store(0, std::memory_order_relaxed);
  active_.store(threads_ - 1, std::memory_order_relaxed);
  epoch_.fetch_add(1);
  if (sleeping_.load() > 0) {
    std::lock_guard<std::mutex> lock(mutex_);
    wake_.notify_all();
  }
  work(0);
  for (int spins = 0; active_.load(std::memory_order_acquire) > 0; ++spins) {
    if (spins < kSpins)
      pause_cpu();
    else
      std::this_thread::yield();
  }
}

void ThreadPool::work(int thread) {
  for (;;) {
    int64_t begin = next_.fetch_add(chunk_, std::memory_order_relaxed);
    if (begin >= count_) return;
    body_(argument_, begin, std::min(begin + chunk_, count_), thread);
  }
}

void ThreadPool::loop(int thread) {
  uint32_t seen = 0;
  for (;;) {
    for (int spins = 0; spins < kSpins && epoch_.load(std::memory_order_relaxed) == seen; ++spins) pause_cpu();
    if (epoch_.load() == seen) {
      std::unique_lock<std::mutex> lock(mutex_);
      sleeping_.fetch_add(1);
      wake_.wait(lock, [&] { return stop_.load() || epoch_.load() != seen; });
      sleeping_.fetch_sub(1);
    }
    if (stop_.load()) return;
    ++seen;
    work(thread);
    active_.fetch_sub(1, std::memory_order_acq_rel);
  }
}

}  // namespace sanderling
