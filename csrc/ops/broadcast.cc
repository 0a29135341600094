#include "ops/broadcast.h"

#include <string>
#include <utility>
#include <vector>

namespace sanderling {
namespace {

[[noreturn]] void fail_to_broadcast(std::initializer_list<Shape> shapes) {
  std::string all;
  for (const Shape& s : shapes) all += concat(all.empty() ? "" : " and ", s);
  fail("shapes ", all, " cannot be broadcast to each other");
}

}  // namespace

Shape broadcast_shape(std::initializer_list<Shape> shapes) {
  int rank = 0;
  for (const Shape& s : shapes) rank = s.rank() > rank ? s.rank() : rank;
  std::vector<int64_t> dims(static_cast<size_t>(rank), 1);
  for (const Shape& s : shapes)
    for (int i = 1; i <= s.rank(); ++i) {
      int64_t& extent = dims[static_cast<size_t>(rank - i)];
      if (extent == 1)
        extent = s.back(i);
      else if (s.back(i) != 1 && s.back(i) != extent)
        fail_to_broadcast(shapes);
    }
  return Shape(dims);
}

Broadcast::Broadcast(const Shape& output, std::initializer_list<Shape> operands) : elements_(output.elements()) {
  int64_t full_step[kMaxOperands] = {1, 1, 1};  // elements of the dimensions further in
  rank_ = 0;                                    // loops so far, innermost first
  for (int i = 1; i <= output.rank(); ++i) {
    int64_t extent = output.back(i);
    if (extent == 1) continue;
    int64_t step[kMaxOperands] = {};
    bool alike = rank_ > 0;
    int k = 0;
    for (const Shape& s : operands) {
      check(s.rank() <= output.rank(), "shape ", s, " does not broadcast to ", output);
      int64_t own = i <= s.rank() ? s.back(i) : 1;
      check(own == 1 || own == extent, "shape ", s, " does not broadcast to ", output);
      step[k] = own == 1 ? 0 : full_step[k];
      full_step[k] *= own;
      if (rank_ > 0) alike = alike && (step[k] != 0) == (step_[rank_ - 1][k] != 0);
      ++k;
    }
    for (; k < kMaxOperands; ++k) step[k] = 1;
    if (alike) {
      extent_[rank_ - 1] *= extent;
      continue;
    }
    extent_[rank_] = extent;
    for (k = 0; k < kMaxOperands; ++k) step_[rank_][k] = step[k];
    ++rank_;
  }
  if (rank_ == 0) {
    rank_ = 1;
    extent_[0] = elements_;
    for (int64_t& step : step_[0]) step = 1;
  }
  // From innermost first to outermost first.
  for (int i = 0, j = rank_ - 1; i < j; ++i, --j) {
    std::swap(extent_[i], extent_[j]);
    std::swap(step_[i], step_[j]);
  }
}

void Broadcast::walk_rows(int64_t begin, int64_t end, Row row, const void* f) const {
  each_row(begin, end, [=](int64_t to, const int64_t* from, int64_t n) { row(f, to, from, n); });
}

}  // namespace sanderling
