// A fixed set of threads that share the work of one step at a time.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

namespace sanderling {

class ThreadPool {
 public:
  // threads >= 1 counts the calling thread; threads - 1 workers start at the first parallel run.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return threads_; }

  // Calls f(begin, end, thread) on disjoint ranges that cover [0, count), thread in [0, threads()).
  // `cost` is the work of one item in about nanoseconds: short work stays on the calling thread.
  // f must not throw. One parallel_for at a time (the executor holds its lock).
  template <class F>
  void parallel_for(int64_t count, double cost, const F& f) {
    if (count <= 0) return;
    if (threads_ == 1 || count == 1 || static_cast<double>(count) * cost < kWorthSharing) {
      f(int64_t{0}, count, 0);
      return;
    }
    run([](const void* body, int64_t begin, int64_t end,
           int thread) { (*static_cast<const F*>(body))(begin, end, thread); },
        &f, count);
  }

 private:
  static constexpr double kWorthSharing = 20000;  // nanoseconds; a wake-up costs a few thousand
  using Body = void (*)(const void* body, int64_t begin, int64_t end, int thread);

  void run(Body, const void*, int64_t count);
  void start();
  void work(int thread);
  void loop(int thread);

  const int threads_;
  std::vector<std::thread> workers_;
  long owner_ = 0;  // process that started the workers: a forked child has none of them

  Body body_ = nullptr;
  const void* argument_ = nullptr;
  int64_t count_ = 0, chunk_ = 1;
  std::atomic<int64_t> next_{0};
  std::atomic<int> active_{0};
  std::atomic<uint32_t> epoch_{0};
  std::atomic<int> sleeping_{0};
  std::atomic<bool> stop_{false};
  std::mutex mutex_;
  std::condition_variable wake_;
};

}  // namespace sanderling
