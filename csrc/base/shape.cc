#include "base/shape.h"

#include <algorithm>

namespace sanderling {

Shape::Shape(const int64_t* dims, int64_t rank) {
  check(rank >= 0 && rank <= kMaxRank, "a tensor has ", rank, " dimensions; at most ", kMaxRank, " are supported");
  rank_ = static_cast<int>(rank);
  for (int i = 0; i < rank_; ++i) dims_[i] = dims[i];
  validate();
}

int64_t Shape::elements() const { return elements(0, rank_); }

int64_t Shape::elements(int first, int last) const {
  int64_t n = 1;
  for (int i = first; i < last; ++i) n *= dims_[i];
  return n;
}

int64_t Shape::outer() const { return elements(0, rank_ - 1); }

Shape Shape::with(int i, int64_t extent) const {
  Shape s = *this;
  s.dims_[i] = extent;
  s.validate();
  return s;
}

Shape Shape::without(int i) const {
  Shape s;
  for (int k = 0; k < rank_; ++k)
    if (k != i) s.dims_[s.rank_++] = dims_[k];
  return s;
}

Shape Shape::extended(int n) const {
  check(n >= rank_ && n <= kMaxRank, "shape ", *this, " has more than ", n, " dimensions");
  Shape s;
  s.rank_ = n;
  for (int i = 0; i < n; ++i) s.dims_[i] = i < n - rank_ ? 1 : dims_[i - (n - rank_)];
  return s;
}

bool Shape::operator==(const Shape& o) const { return std::equal(begin(), end(), o.begin(), o.end()); }

void Shape::validate() const {
  int64_t n = 1;
  for (int i = 0; i < rank_; ++i) {
    check(dims_[i] >= 0, "shape ", *this, " has a negative extent");
    // Zero extents do not excuse the others: their product must stay representable too.
    int64_t extent = dims_[i] > 0 ? dims_[i] : 1;
    check(extent <= kMaxElements / n, "shape ", *this, " has too many elements");
    n *= extent;
  }
}

}  // namespace sanderling
