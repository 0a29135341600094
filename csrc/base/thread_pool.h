// A fixed set of threads that share the work of one step at a time.
#pragma once

#include <cstdint>
#include <memory>
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

  // A run of a model, from its begin to its end; runs within it are part of it. Workers that sleep are woken for runs
  // that have enough to share, and for short ones that follow each other at once.
  class Run {
   public:
    explicit Run(ThreadPool& pool) : pool_(pool) {
      if (pool_.runs_++ == 0) pool_.begin_run();
    }
    ~Run() {
      if (--pool_.runs_ == 0) pool_.end_run();
    }
    Run(const Run&) = delete;
    Run& operator=(const Run&) = delete;

   private:
    ThreadPool& pool_;
  };

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
  // Nanoseconds of a run. Until a worker works, tens of thousands pass, and of these the caller loses ten or more.
  static constexpr double kWorthWaking = 200'000;
  using Body = void (*)(const void* body, int64_t begin, int64_t end, int thread);
  class Crew;

  void share(Body, const void*, int64_t count, double cost, int64_t grain);
  Crew& crew();
  void begin_run();
  void end_run();

  const int threads_;
  const std::vector<int> cores_;
  std::unique_ptr<Crew> crew_;
  int runs_ = 0;          // begun, each within the one before
  double shareable_ = 0;  // nanoseconds of this run, so far
  double last_ = -1;      // of the run before; -1: there was none
  double ended_ = 0;      // nanoseconds; when the last short run ended
  bool wakes_ = true;     // workers that sleep
  long process_;          // that the crew works in: a forked child has none of its threads
};

}  // namespace sanderling
