#include "graph/row_chain.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "base/aligned_buffer.h"
#include "base/clock.h"

namespace sanderling {
namespace {

// Where row 0 would be if the tensor existed.
template <class T>
T* row_zero(T* first_held, int64_t row, int64_t row_bytes) {
  return reinterpret_cast<T*>(reinterpret_cast<uintptr_t>(first_held) - static_cast<uintptr_t>(row * row_bytes));
}

}  // namespace

RowChain::RowChain(std::vector<Member> members, int threads, int64_t band_bytes)
    : members_(std::move(members)), threads_(threads) {
  rows_ = members_.back().work->out_rows;
  const size_t between = members_.size() - 1;
  for (band_ = (rows_ + threads_ - 1) / threads_;; band_ = (band_ + 1) / 2) {
    capacity_.assign(between, 0);
    int64_t rows = band_, bytes = 0;
    for (size_t i = between; i > 0; --i) {
      const RowWork& work = *members_[i].work;
      rows = std::min(work.in_rows, (rows - 1) * work.stride + work.extent);
      capacity_[i - 1] = rows;
      bytes += rows * members_[i].in_row_bytes;
    }
    if (bytes <= band_bytes || band_ <= 4) break;
  }
  offset_.resize(between);
  thread_bytes_ = align_up(sizeof(State));
  for (size_t i = 0; i < between; ++i) {
    offset_[i] = thread_bytes_;
    thread_bytes_ += align_up(static_cast<size_t>(capacity_[i] * members_[i].out_row_bytes));
  }
  for (const Member& m : members_)
    row_cost_ += m.work->cost * static_cast<double>(m.work->out_rows) / static_cast<double>(rows_);
}

RowChain::Rows RowChain::needed(const RowWork& w, Rows rows) {
  if (rows.begin >= rows.end) return {};
  const int64_t begin = rows.begin * w.stride - w.pad, end = (rows.end - 1) * w.stride - w.pad + w.extent;
  const Rows in{std::min(std::max<int64_t>(begin, 0), w.in_rows), std::max<int64_t>(std::min(end, w.in_rows), 0)};
  return in.begin < in.end ? in : Rows{in.begin, in.begin};
}

double RowChain::gain(int64_t room) const {
  constexpr double kBarrier = 1000;          // nanoseconds to end a parallel step and begin the next
  constexpr double kCall = 150;              // to call a member for a band
  constexpr double kKeptPerNanosecond = 30;  // bytes that the next band needs again: moved, and rearranged by kernels
  constexpr int64_t kLarge = 128 << 10;      // bytes of memory that are worth a little
  constexpr double kMemory = 0.04;           // so much of the time
  const size_t last = members_.size() - 1;
  const double total = row_cost_ * static_cast<double>(rows_);
  const double bands = static_cast<double>((rows_ + band_ - 1) / band_);
  double gain = -(bands - 1) * kCall * static_cast<double>(last + 1);
  int64_t most = 0, kept = 0;  // most: at one step, one after the other
  const auto in_bytes = [&](const Member& m) { return m.work->in_rows * m.in_row_bytes; };
  const auto out_bytes = [&](const Member& m) { return m.work->out_rows * m.out_row_bytes; };
  for (const Member& m : members_) most = std::max(most, in_bytes(m) + out_bytes(m));
  for (size_t i = 0; i < last; ++i) {
    const RowWork& next = *members_[i + 1].work;
    kept += std::max<int64_t>(next.extent - next.stride, 0) * members_[i].out_row_bytes;
  }
  gain -= (bands - 1) * static_cast<double>(kept) / kKeptPerNanosecond;
  const int64_t in = in_bytes(members_[0]), between = out_bytes(members_[0]);
  const int64_t rest = out_bytes(members_[last]) + static_cast<int64_t>(scratch_bytes()), together = in + rest;
  // A first step that leaves less than it takes (QUANTIZE of floats) is better done before: its input is gone then.
  const int64_t without_first = std::max(in + between, between + rest);
  if (most - together > kLarge) gain += kMemory * total;
  const bool first_better_before = in - between > kLarge && together - without_first > kLarge;
  if (first_better_before || together - room > kLarge) gain -= kMemory * total;
  if (threads_ == 1) return gain;
  gain += kBarrier * static_cast<double>(last);
  // Where the parts of two threads meet, both compute the rows that both need.
  Rows above{rows_ / 2 - 1, rows_ / 2}, below{rows_ / 2, rows_ / 2 + 1};
  double twice = 0;
  for (size_t i = last; i > 0; --i) {
    above = needed(*members_[i].work, above), below = needed(*members_[i].work, below);
    twice += members_[i - 1].work->cost * static_cast<double>(std::max<int64_t>(above.end - below.begin, 0));
  }
  gain -= twice * (threads_ - 1) / threads_;
  // Whole rows cannot be shared as evenly as pixels.
  const int64_t longest = (rows_ + threads_ - 1) / threads_;
  gain -= total * (static_cast<double>(longest) / static_cast<double>(rows_) - 1.0 / threads_);
  return gain;
}

void RowChain::run(const RunContext& run, char* scratch, double* times) const {
  const size_t count = members_.size();
  std::vector<double> spent(times != nullptr ? count * static_cast<size_t>(threads_) : 0);
  const double start = times != nullptr ? nanoseconds() : 0;
  for (int t = 0; t < threads_; ++t) new (scratch + thread_bytes_ * static_cast<size_t>(t)) State;
  run.parallel_for(
      rows_, row_cost_,
      [&](int64_t begin, int64_t end, int thread) {
        run_rows({begin, end}, thread, scratch + thread_bytes_ * static_cast<size_t>(thread),
                 times != nullptr ? &spent[count * static_cast<size_t>(thread)] : nullptr);
      },
      band_);
  if (times == nullptr) return;
  double sum = 0;
  for (double t : spent) sum += t;
  // The time that passed, divided as the threads' work was.
  const double factor = sum > 0 ? (nanoseconds() - start) / sum : 0;
  for (size_t i = 0; i < spent.size(); ++i) times[i % count] += spent[i] * factor;
}

void RowChain::run_rows(Rows rows, int thread, char* scratch, double* times) const {
  const size_t last = members_.size() - 1;
  Rows fresh[kMaxMembers];  // of each member's output
  State& state = *reinterpret_cast<State*>(scratch);
  Rows* held = state.held;
  // What this thread held for the rows before is of use only if it goes on from there.
  bool first = state.next != rows.begin;
  state.next = rows.end;
  for (int64_t at = rows.begin; at < rows.end; at += band_) {
    fresh[last] = {at, std::min(at + band_, rows.end)};
    for (size_t i = last; i > 0; --i) {
      const Rows need = needed(*members_[i].work, fresh[i]);
      Rows& have = held[i - 1];
      if (first) have = {need.begin, need.begin};
      if (need.begin > have.begin) {
        const int64_t bytes = members_[i].in_row_bytes, keep = std::max<int64_t>(have.end - need.begin, 0);
        char* base = scratch + offset_[i - 1];
        if (keep > 0) std::memmove(base, base + (need.begin - have.begin) * bytes, static_cast<size_t>(keep * bytes));
        have = {need.begin, need.begin + keep};
      }
      fresh[i - 1] = {have.end, std::max(have.end, need.end)};
    }
    first = false;
    for (size_t i = 0; i <= last; ++i) {
      const Member& m = members_[i];
      if (fresh[i].begin < fresh[i].end) {
        const void* in = m.context->input<void>(m.input);
        if (i > 0) in = row_zero(scratch + offset_[i - 1], held[i - 1].begin, m.in_row_bytes);
        void* out = m.context->output<void>(0);
        if (i < last) out = row_zero(scratch + offset_[i], held[i].begin, m.out_row_bytes);
        const double start = times != nullptr ? nanoseconds() : 0;
        m.work->run(*m.context, m.input, in, out, fresh[i].begin, fresh[i].end, thread);
        if (times != nullptr) times[i] += nanoseconds() - start;
      }
      if (i < last) held[i].end = fresh[i].end;
    }
  }
}

}  // namespace sanderling
