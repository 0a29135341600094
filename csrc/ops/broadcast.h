// Broadcasting of shapes, and the walk over operands that are broadcast against each other.
#pragma once

#include <cstdint>
#include <initializer_list>

#include "base/shape.h"

namespace sanderling {

// The shape to which all of them broadcast; throws Error where there is none. Extents are matched from the last
// dimension on; 1 fits everything, also 0.
Shape broadcast_shape(std::initializer_list<Shape> shapes);

// The loops over up to three operands, as few as possible: neighbouring dimensions in which each operand behaves alike
// (moves on or stays) are one loop.
class Broadcast {
 public:
  static constexpr int kMaxOperands = 3;

  Broadcast() = default;
  // All operands broadcast to `output`.
  Broadcast(const Shape& output, std::initializer_list<Shape> operands);
  explicit Broadcast(std::initializer_list<Shape> operands) : Broadcast(broadcast_shape(operands), operands) {}

  int64_t elements() const { return elements_; }
  // Whether operand k moves on from one element of a row to the next (1) or is the same for the whole row (0).
  int64_t step(int k) const { return step_[rank_ - 1][k] != 0 ? 1 : 0; }
  // Whether the operands have the output's elements in its order, so that all is one row.
  bool plain() const { return rank_ == 1 && step(0) && step(1) && step(2); }

  // Elements of the innermost loop.
  int64_t row() const { return extent_[rank_ - 1]; }
  // Whether operand k has the output's elements in its order.
  bool contiguous(int k) const {
    int64_t full = 1;
    for (int d = rank_ - 1; d >= 0; full *= extent_[d--])
      if (step_[d][k] != full) return false;
    return true;
  }
  // Whether operand k is one row that is taken again and again.
  bool repeats(int k) const {
    for (int d = 0; d < rank_ - 1; ++d)
      if (step_[d][k] != 0) return false;
    return step(k) != 0;
  }

  // Calls row(to, from, n) for the parts of rows that cover elements begin <= i < end of the output: n elements from
  // number `to` of the output on, computed from element from[k] of each operand k on.
  template <class F>
  void walk(int64_t begin, int64_t end, const F& row) const {
    walk_rows(
        begin, end,
        [](const void* f, int64_t to, const int64_t* from, int64_t n) { (*static_cast<const F*>(f))(to, from, n); },
        &row);
  }
  // The same with the walk itself compiled anew for each F.
  template <class F>
  void each_row(int64_t begin, int64_t end, const F& row) const;

 private:
  using Row = void (*)(const void* f, int64_t to, const int64_t* from, int64_t n);
  void walk_rows(int64_t begin, int64_t end, Row row, const void* f) const;

  int rank_ = 1;
  int64_t elements_ = 0;
  int64_t extent_[Shape::kMaxRank] = {};
  int64_t step_[Shape::kMaxRank][kMaxOperands] = {};
};

template <class F>
void Broadcast::each_row(int64_t begin, int64_t end, const F& row) const {
  if (begin >= end) return;
  int64_t index[Shape::kMaxRank];
  int64_t from[kMaxOperands] = {};
  int64_t rest = begin;
  for (int d = rank_ - 1; d >= 0; --d) {
    index[d] = rest % extent_[d];
    rest /= extent_[d];
    for (int k = 0; k < kMaxOperands; ++k) from[k] += index[d] * step_[d][k];
  }
  const int last = rank_ - 1;
  while (true) {
    int64_t n = extent_[last] - index[last];
    if (n > end - begin) n = end - begin;
    row(begin, static_cast<const int64_t*>(from), n);
    begin += n;
    if (begin == end) return;
    // Here the row was finished: back to its start, and one step on in the dimensions outside it.
    for (int k = 0; k < kMaxOperands; ++k) from[k] -= index[last] * step_[last][k];
    index[last] = 0;
    for (int d = last - 1; d >= 0; --d) {
      for (int k = 0; k < kMaxOperands; ++k) from[k] += step_[d][k];
      if (++index[d] < extent_[d]) break;
      for (int k = 0; k < kMaxOperands; ++k) from[k] -= extent_[d] * step_[d][k];
      index[d] = 0;
    }
  }
}

}  // namespace sanderling
