// A tensor's extents: at most kMaxRank dimensions, stored inline.
#pragma once

#include <cstdint>
#include <initializer_list>
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
  Shape(const int64_t* dims, int64_t rank);

  int rank() const { return rank_; }
  int64_t operator[](int i) const { return dims_[i]; }
  // Extent of dimension i counted from the end: back(1) is the last.
  int64_t back(int i) const { return dims_[rank_ - i]; }
  const int64_t* begin() const { return dims_; }
  const int64_t* end() const { return dims_ + rank_; }

  int64_t elements() const;
  // Product of the extents first <= i < last; 1 when empty.
  int64_t elements(int first, int last) const;
  // Elements without the last dimension (rank 0: 1).
  int64_t outer() const;

  // The same shape with dimension i set to extent.
  Shape with(int i, int64_t extent) const;
  Shape without(int i) const;
  // Rank n by putting ones in front.
  Shape extended(int n) const;

  bool operator==(const Shape& o) const;
  bool operator!=(const Shape& o) const { return !(*this == o); }

 private:
  void validate() const;

  int rank_ = 0;
  int64_t dims_[kMaxRank] = {};
};

}  // namespace sanderling
