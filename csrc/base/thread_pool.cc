#include "base/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

#include "base/clock.h"
#include "base/process.h"
#include "cpu/cores.h"

namespace sanderling {
namespace {

constexpr int64_t kMaxUnits = 32768;  // two of them fit in 32 bits
constexpr int kSpins = 2000;          // some tens of microseconds: the gap between two steps
constexpr double kAtOnce = 25'000;    // nanoseconds; about as long

void pause_cpu() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__ARM_ARCH_7A__)
  __asm__ volatile("yield");
#endif
}

}  // namespace

// The workers, and what they share with the thread that calls them.
class ThreadPool::Crew {
 public:
  Crew(int threads, const std::vector<int>& cores);
  ~Crew();

  int sleeping() const { return sleeping_.load(std::memory_order_relaxed); }
  void run(Body, const void*, int64_t count, int64_t grain, bool wakes);

 private:
  static constexpr uint32_t kClosed = 1u << 31;

  // What is left of a thread's part of a step: begin in the upper half, end in the lower, counted in units of items.
  // Alone on its cache line.
  struct alignas(64) Range {
    std::atomic<uint32_t> bounds{0};
  };

  void loop(int thread, int core);
  void work(int thread);
  void call(uint32_t begin, uint32_t end, int thread) const;

  const int threads_;
  const bool placed_;                // each thread has a core of its own
  std::unique_ptr<Range[]> ranges_;  // threads_
  // The present step, in one cache line: it takes some hundred nanoseconds from one core to another.
  struct alignas(64) Step {
    std::atomic<uint32_t> epoch{0};
    std::atomic<uint32_t> gate{kClosed};  // kClosed, and how many workers are inside
    Body body = nullptr;
    const void* argument = nullptr;
    int64_t count = 0, unit = 1;
    uint32_t grain = 1;  // units
  } step_;
  static_assert(sizeof(Step) == 64, "");

  std::atomic<int> caller_core_{-1};
  std::atomic<int> sleeping_{0};
  std::atomic<bool> stop_{false};
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::thread> workers_;
};

ThreadPool::Crew::Crew(int threads, const std::vector<int>& cores)
    : threads_(threads), placed_(!cores.empty()), ranges_(new Range[static_cast<size_t>(threads)]) {
  // Once a thread runs, nothing may be thrown before it is joined.
  workers_.reserve(static_cast<size_t>(threads));
  try {
    for (int i = 1; i < threads; ++i)
      workers_.emplace_back([this, i, core = cores.empty() ? -1 : cores[static_cast<size_t>(i)]] { loop(i, core); });
  } catch (const std::exception&) {
    // The system gives no more threads, or memory for them: those that are here take all parts.
  }
}

ThreadPool::Crew::~Crew() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  for (std::thread& t : workers_) t.join();
}

ThreadPool::ThreadPool(int threads, std::vector<int> cores)
    : threads_(threads), cores_(std::move(cores)), process_(current_process()) {}

ThreadPool::~ThreadPool() {
  // In a forked child the parent's crew is left as it is: nobody is there to join, and to destroy what its threads
  // wait for would wait for them.
  if (process_ != current_process()) (void)crew_.release();
}

ThreadPool::Crew& ThreadPool::crew() {
  if (process_ != current_process()) {
    (void)crew_.release();
    process_ = current_process();
  }
  if (!crew_) crew_ = std::make_unique<Crew>(threads_, cores_);
  return *crew_;
}

void ThreadPool::share(Body body, const void* argument, int64_t count, double cost, int64_t grain) {
  if (count <= 0) return;
  const double work = static_cast<double>(count) * cost;
  if (threads_ == 1 || count == 1 || work < kWorthSharing) return body(argument, 0, count, 0);
  shareable_ += work;
  Crew& workers = crew();
  if (!wakes_ && workers.sleeping() == threads_ - 1) return body(argument, 0, count, 0);
  workers.run(body, argument, count, grain, wakes_);
}

void ThreadPool::begin_run() {
  if (last_ < 0 || last_ >= kWorthWaking || !crew_ || crew_->sleeping() == 0) return;
  wakes_ = nanoseconds() - ended_ < kAtOnce;
}

void ThreadPool::end_run() {
  if (shareable_ > 0 && shareable_ < kWorthWaking) ended_ = nanoseconds();
  wakes_ = true;
  last_ = shareable_;
  shareable_ = 0;
}

void ThreadPool::Crew::run(Body body, const void* argument, int64_t count, int64_t grain, bool wakes) {
  // Nobody is inside the closed gate. A worker that comes late, or sleeps, is not waited for: it finds the gate closed.
  step_.body = body;
  step_.argument = argument;
  step_.count = count;
  // Thread t begins with the t-th part, step after step: what it wrote in the last step is in its own cache.
  step_.unit = count / kMaxUnits + 1;
  step_.grain = static_cast<uint32_t>(std::min((grain + step_.unit - 1) / step_.unit, kMaxUnits));
  const int64_t units = (count + step_.unit - 1) / step_.unit;
  for (int t = 0; t < threads_; ++t) {
    const auto begin = static_cast<uint32_t>((units * t + threads_ - 1) / threads_),
               end = static_cast<uint32_t>((units * (t + 1) + threads_ - 1) / threads_);
    ranges_[static_cast<size_t>(t)].bounds.store(begin << 16 | end, std::memory_order_relaxed);
  }
  if (!placed_) caller_core_.store(sched_getcpu(), std::memory_order_relaxed);
  step_.gate.fetch_and(~kClosed, std::memory_order_release);
  step_.epoch.fetch_add(1);
  if (wakes && sleeping_.load() > 0) {
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

void ThreadPool::Crew::call(uint32_t begin, uint32_t end, int thread) const {
  step_.body(step_.argument, begin * step_.unit, std::min(end * step_.unit, step_.count), thread);
}

void ThreadPool::Crew::work(int thread) {
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

void ThreadPool::Crew::loop(int thread, int core) {
  const OnCore here(core);
  OtherCore other;
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
    other.leave(caller_core_.load(std::memory_order_relaxed));
    if ((step_.gate.fetch_add(1, std::memory_order_acquire) & kClosed) == 0) work(thread);
    step_.gate.fetch_sub(1, std::memory_order_release);
  }
}

}  // namespace sanderling
