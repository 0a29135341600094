#include "base/thread_pool.h"

#include <algorithm>
#include <utility>

#include "base/process.h"
#include "cpu/cores.h"

namespace sanderling {
namespace {

constexpr int64_t kMaxUnits = 32768;  // two of them fit in 32 bits
constexpr int kSpins = 2000;          // some tens of microseconds: the gap between two steps

void pause_cpu() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__ARM_ARCH_7A__)
  __asm__ volatile("yield");
#endif
}

}  // namespace

ThreadPool::ThreadPool(int threads, std::vector<int> cores)
    : threads_(threads), cores_(std::move(cores)), ranges_(new Range[static_cast<size_t>(threads)]) {}

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

void ThreadPool::share(Body body, const void* argument, int64_t count, double cost, int64_t grain) {
  if (count <= 0) return;
  if (threads_ == 1 || count == 1 || static_cast<double>(count) * cost < kWorthSharing)
    body(argument, 0, count, 0);
  else
    run(body, argument, count, grain);
}

void ThreadPool::run(Body body, const void* argument, int64_t count, int64_t grain) {
  if (workers_.empty()) start();
  if (owner_ != current_process()) {
    body(argument, 0, count, 0);
    return;
  }
  // Nobody is inside the closed gate. A worker that comes late, or sleeps, is not waited for: it finds the gate closed.
  step_.body = body;
  step_.argument = argument;
  step_.count = count;
  // Thread t begins with the t-th part, step after step: what it wrote in the last step is in its own cache.
  step_.unit = count / kMaxUnits + 1;
  step_.grain = static_cast<uint32_t>(std::min((grain + step_.unit - 1) / step_.unit, kMaxUnits));
  const int64_t units = (count + step_.unit - 1) / step_.unit;
  for (int t = 0; t < threads_; ++t) {
    const auto begin = static_cast<uint32_t>(units * t / threads_),
               end = static_cast<uint32_t>(units * (t + 1) / threads_);
    ranges_[static_cast<size_t>(t)].bounds.store(begin << 16 | end, std::memory_order_relaxed);
  }
  step_.gate.fetch_and(~kClosed, std::memory_order_release);
  step_.epoch.fetch_add(1);
  if (sleeping_.load() > 0) {
    std::lock_guard<std::mutex> lock(mutex_);
    wake_.notify_all();
  }
  work(0);
  step_.gate.fetch_or(kClosed, std::memory_order_relaxed);
  for (int spins = 0; (step_.gate.load(std::memory_order_acquire) & ~kClosed) != 0; ++spins) {
    if (spins < kSpins)
      pause_cpu();
    else
      std::this_thread::yield();
  }
}

void ThreadPool::call(uint32_t begin, uint32_t end, int thread) const {
  step_.body(step_.argument, begin * step_.unit, std::min(end * step_.unit, step_.count), thread);
}

void ThreadPool::work(int thread) {
  // Half of what is left each time: large pieces first, small ones at the end, so that the threads end together.
  // One's own part from its begin, then those of others from their end.
  for (int i = 0; i < threads_; ++i) {
    const int owner = (thread + i) % threads_;
    std::atomic<uint32_t>& bounds = ranges_[static_cast<size_t>(owner)].bounds;
    uint32_t now = bounds.load(std::memory_order_relaxed);
    for (;;) {
      const uint32_t begin = now >> 16, end = now & 0xffff;
      if (begin >= end) break;
      uint32_t take = std::max((end - begin + 1) / 2, step_.grain);
      if (take + step_.grain / 2 >= end - begin) take = end - begin;
      if (owner == thread) {
        if (!bounds.compare_exchange_weak(now, (begin + take) << 16 | end, std::memory_order_relaxed)) continue;
        call(begin, begin + take, thread);
      } else {
        if (!bounds.compare_exchange_weak(now, begin << 16 | (end - take), std::memory_order_relaxed)) continue;
        call(end - take, end, thread);
      }
      now = bounds.load(std::memory_order_relaxed);
    }
  }
}

void ThreadPool::loop(int thread) {
  const OnCore here(cores_.empty() ? -1 : cores_[static_cast<size_t>(thread)]);
  uint32_t seen = 0;
  for (;;) {
    for (int spins = 0; spins < kSpins && step_.epoch.load(std::memory_order_relaxed) == seen; ++spins) pause_cpu();
    if (step_.epoch.load() == seen) {
      std::unique_lock<std::mutex> lock(mutex_);
      sleeping_.fetch_add(1);
      wake_.wait(lock, [&] { return stop_.load() || step_.epoch.load() != seen; });
      sleeping_.fetch_sub(1);
    }
    if (stop_.load()) return;
    seen = step_.epoch.load();
    if ((step_.gate.fetch_add(1, std::memory_order_acquire) & kClosed) == 0) work(thread);
    step_.gate.fetch_sub(1, std::memory_order_release);
  }
}

}  // namespace sanderling
