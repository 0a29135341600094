// Consecutive steps that run together by rows: a band of rows goes through all of them while it is in the cache, and
// the tensors between them never exist as a whole. Threads take different bands, so that a chain is one parallel step.
//
// (Fused layers: Alwani et al., "Fused-layer CNN accelerators", 2016; here with rows that are needed again kept.)
#pragma once

#include <vector>

#include "ops/op.h"

namespace sanderling {

class RowChain {
 public:
  static constexpr int kMaxMembers = 8;
  // What is between the members takes about so much for a band: a good part of the second-level cache.
  static constexpr int64_t kBandBytes = 128 << 10;

  // A step; `input` of it is the output of the one before (of the first: the whole input of the chain).
  struct Member {
    const RowWork* work;
    const RunContext* context;
    int input;
    int64_t in_row_bytes, out_row_bytes;
  };

  // `members` has two or more; each has as many input rows as the one before has output rows.
  RowChain(std::vector<Member> members, int threads, int64_t band_bytes);

  size_t scratch_bytes() const { return thread_bytes_ * static_cast<size_t>(threads_); }
  int64_t band() const { return band_; }  // output rows of the last member at a time
  // Nanoseconds that running by rows is expected to save; a positive number too where it costs nothing and much memory
  // is saved. `room`: bytes that the chain may take without being what the model needs most memory for.
  double gain(int64_t room) const;
  // `input` and `output` of the chain as a whole. Adds nanoseconds of each member to times[0 .. members) unless null.
  void run(const RunContext& run, char* scratch, double* times) const;

 private:
  struct Rows {
    int64_t begin = 0, end = 0;
  };
  // At the begin of a thread's scratch memory.
  struct State {
    int64_t next = -1;  // the row after those that were computed last
    Rows held[kMaxMembers];
  };
  static Rows needed(const RowWork& work, Rows rows);
  void run_rows(Rows rows, int thread, char* scratch, double* times) const;

  std::vector<Member> members_;
  int threads_;
  int64_t rows_, band_;            // output rows of the last member: all, and in one band
  std::vector<int64_t> capacity_;  // rows of each intermediate tensor that a band needs
  std::vector<size_t> offset_;     // of its rows in a thread's scratch memory
  size_t thread_bytes_ = 0;
  double row_cost_ = 0;  // nanoseconds of one output row
};

}  // namespace sanderling
