// A fixed set of threads that share the work of one step at a time.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace sanderling {

class ThreadPool {
 public:
  // threads >= 1 counts the calling thread; threads - 1 workers start at the first parallel run. With `cores`, one for
  // each thread, worker i stays on cores[i]; the calling thread is its owner's affair.
  explicit ThreadPool(int threads, std::vector<int> cores = {});
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return threads_; }

  // Calls f(begin, end, thread) on disjoint ranges that cover [0, count), thread in [0, threads()).
  // `cost` is the work of one item in about nanoseconds: short work stays on the calling thread.
  // A range has `grain` items or more where there are as many: for work that begins with an effort of its own.
  // f must not throw. One parallel_for at a time (the executor holds its lock).
  template <class F>
  void parallel_for(int64_t count, double cost, const F& f, int64_t grain = 1) {
    share([](const void* body, int64_t begin, int64_t end,
             int thread) { (*static_cast<const F*>(body))(begin, end, thread); },
          &f, count, cost, grain);
  }

 private:
  static constexpr double kWorthSharing = 8000;  // nanoseconds; to share a step costs one or two thousand
  using Body = void (*)(const void* body, int64_t begin, int64_t end, int thread);

  static constexpr uint32_t kClosed = 1u << 31;

  // What is left of a thread's part of a step: begin in the upper half, end in the lower, counted in units of items.
  // Alone on its cache line.
  struct alignas(64) Range {
    std::atomic<uint32_t> bounds{0};
  };

  void share(Body, const void*, int64_t count, double cost, int64_t grain);
  void run(Body, const void*, int64_t count, int64_t grain);
  void start();
  void loop(int thread);
  void work(int thread);
  void call(uint32_t begin, uint32_t end, int thread) const;

  const int threads_;
  const std::vector<int> cores_;
  std::vector<std::thread> workers_;
  long owner_ = 0;  // process that started the workers: a forked child has none of them

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

  std::atomic<int> sleeping_{0};
  std::atomic<bool> stop_{false};
  std::mutex mutex_;
  std::condition_variable wake_;
};

}  // namespace sanderling
