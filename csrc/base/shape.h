// A tensor's extents: at most kMaxRank dimensions, stored inline.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

#include "base/error.h"

namespace sanderling {

class Shape {
 public:
  static constexpr int kMaxRank = 8;
  // Elements that one tensor may have: index arithmetic on bytes then fits int64 with room to spare.
  static constexpr int64_t kMaxElements = int64_t{1} << 40;

  Shape() = default;
  Shape(std::initializer_list<int64_t> dims) : Shape(dims.begin(), static_cast<int>(dims.size())) {}
  explicit Shape(const std::vector<int64_t>& dims) : Shape(dims.data(), static_cast<int>(dims.size())) {}
  // Throws Error on a negative extent, too many dimensions or elements.
  Shape(const int64_t* dims, int64_t rank) {
    check(rank >= 0 && rank <= kMaxRank, "a tensor has ", rank, " dimensions; at most ", kMaxRank, " are supported");
    rank_ = static_cast<int>(rank);
    for (int i = 0; i < rank_; ++i) dims_[i] = dims[i];
    validate();
  }

  int rank() const { return rank_; }
  int64_t operator[](int i) const { return dims_[i]; }
  // Extent of dimension i counted from the end: back(1) is the last.
  int64_t back(int i) const { return dims_[rank_ - i]; }
  const int64_t* begin() const { return dims_; }
  const int64_t* end() const { return dims_ + rank_; }

  int64_t elements() const { return elements(0, rank_); }
  // Product of the extents first <= i < last; 1 when empty.
  int64_t elements(int first, int last) const {
    int64_t n = 1;
    for (int i = first; i < last; ++i) n *= dims_[i];
    return n;
  }
  // Elements without the last dimension (rank 0: 1).
  int64_t outer() const { return elements(0, rank_ > 0 ? rank_ - 1 : 0); }

  // The same shape with dimension i set to extent.
  Shape with(int i, int64_t extent) const {
    Shape s = *this;
    s.dims_[i] = extent;
    s.validate();
    return s;
  }
  Shape without(int i) const {
    Shape s;
    for (int k = 0; k < rank_; ++k)
      if (k != i) s.dims_[s.rank_++] = dims_[k];
    return s;
  }
  // Rank n by putting ones in front.
  Shape extended(int n) const {
    check(n >= rank_ && n <= kMaxRank, "shape ", *this, " has more than ", n, " dimensions");
    Shape s;
    s.rank_ = n;
    for (int i = 0; i < n; ++i) s.dims_[i] = i < n - rank_ ? 1 : dims_[i - (n - rank_)];
    return s;
  }

  bool operator==(const Shape& o) const {
    if (rank_ != o.rank_) return false;
    for (int i = 0; i < rank_; ++i)
      if (dims_[i] != o.dims_[i]) return false;
    return true;
  }
  bool operator!=(const Shape& o) const { return !(*this == o); }

  friend void append_text(std::string& to, const Shape& s) {
    to += '[';
    for (int i = 0; i < s.rank_; ++i) to += (i ? ", " : "") + std::to_string(s.dims_[i]);
    to += ']';
  }

 private:
  void validate() const {
    int64_t n = 1;
    for (int i = 0; i < rank_; ++i) {
      check(dims_[i] >= 0, "shape ", *this, " has a negative extent");
      // Zero extents do not excuse the others: their product must stay representable too.
      int64_t extent = dims_[i] > 0 ? dims_[i] : 1;
      check(extent <= kMaxElements / n, "shape ", *this, " has too many elements");
      n *= extent;
    }
  }

  int rank_ = 0;
  int64_t dims_[kMaxRank] = {};
};

}  // namespace sanderling
