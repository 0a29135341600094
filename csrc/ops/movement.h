// Moving elements about: what the operators share that compute nothing.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ops/op.h"

namespace sanderling {

// A copy between two regular grids: element (i0, i1, ...) goes from the sum of i * from stride to the sum of i * to
// stride. Slices, transpositions, broadcasts (from stride 0) and reversals (negative) are all of this kind.
// Usage: add() each dimension, outermost first; offset(); run() any number of times.
class StridedCopy {
 public:
  explicit StridedCopy(size_t element_bytes) : block_(static_cast<int64_t>(element_bytes)) {}

  // Strides and offsets count elements.
  void add(int64_t count, int64_t from_stride, int64_t to_stride);
  void offset(int64_t from, int64_t to);
  // Merges dimensions and finds the fastest order; call once, after the last add().
  void simplify();

  void run(const RunContext&, const void* from, void* to) const;

 private:
  struct Dim {
    int64_t count, from, to;  // strides in bytes, once simplified
  };
  template <class Line>
  void run_lines(const RunContext&, const char* from, char* to, const Line& line) const;

  std::vector<Dim> dims_;
  int64_t from_ = 0, to_ = 0;
  int64_t block_;  // bytes that move together
  bool empty_ = false;
  bool tiled_ = false;  // the last two dimensions are walked in squares: they are transposed
};

// Row-major strides of a shape, in elements.
std::vector<int64_t> strides_of(const Shape&);

// Writes n copies of the element at value; to may be null where n is 0.
void fill_elements(void* to, const void* value, size_t element_bytes, int64_t n);

// Throws Error unless input i is of a type that can be moved (all but packed int4 and resources).
void expect_movable(PrepareContext& ctx, int i);
// Throws Error unless output o has the dtype of input i.
void expect_same_dtype(PrepareContext& ctx, int i, int o);
// A tensor's one scale and zero point, or 0 and 0 where it has none or several: what TFLite compares.
struct ScaleAndZero {
  float scale;
  int32_t zero_point;
};
ScaleAndZero scale_and_zero(const TensorInfo&);
// Throws Error where the scales or zero points of two tensors differ: these operators do not rescale.
void expect_same_quantization(const TensorInfo& a, const TensorInfo& b);

// a * b for extents; throws Error where a tensor could not have it. Shape checks what it is given, but products
// that make an extent must not overflow before.
int64_t extent_product(int64_t a, int64_t b);
// axis in [-rank, rank) as one in [0, rank). Throws Error for others.
int axis_in(int64_t axis, int rank, const char* name = "axis");
// Input i, which must hold one int32 or int64 value.
int64_t int_value(PrepareContext& ctx, int i, const char* name);

}  // namespace sanderling
