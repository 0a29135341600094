#include "ops/movement.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace sanderling {
namespace {

struct Bytes16 {
  uint64_t a, b;
};

// n elements of type T between any two byte strides.
template <class T>
void copy_line(const char* from, int64_t from_stride, char* to, int64_t to_stride, int64_t n) {
  constexpr int64_t kSize = sizeof(T);
  T v;
  if (from_stride == 0 && to_stride == kSize) {
    std::memcpy(&v, from, sizeof(T));
    for (int64_t i = 0; i < n; ++i) std::memcpy(to + i * kSize, &v, sizeof(T));
  } else if (to_stride == kSize) {
    for (int64_t i = 0; i < n; ++i) {
      std::memcpy(&v, from + i * from_stride, sizeof(T));
      std::memcpy(to + i * kSize, &v, sizeof(T));
    }
  } else {
    for (int64_t i = 0; i < n; ++i) {
      std::memcpy(&v, from + i * from_stride, sizeof(T));
      std::memcpy(to + i * to_stride, &v, sizeof(T));
    }
  }
}

// n blocks of sizeof(T) to 2 * sizeof(T) bytes, each as two elements that may overlap.
template <class T>
void copy_blocks(size_t bytes, const char* from, int64_t from_stride, char* to, int64_t to_stride, int64_t n) {
  const size_t second = bytes - sizeof(T);
  T a, b;
  for (int64_t i = 0; i < n; ++i, from += from_stride, to += to_stride) {
    std::memcpy(&a, from, sizeof a);
    std::memcpy(&b, from + second, sizeof b);
    std::memcpy(to, &a, sizeof a);
    std::memcpy(to + second, &b, sizeof b);
  }
}

constexpr int64_t kTile = 32;

// Exchanges the bits of `mask` in x, moved up by `shift`, with those in y.
inline void exchange(uint64_t& x, uint64_t& y, uint64_t mask, int shift) {
  const uint64_t difference = ((x >> shift) ^ y) & mask;
  y ^= difference;
  x ^= difference << shift;
}

// 8 x 8 bytes: rows from_stride apart become columns, to rows to_stride apart.
inline void transpose_bytes(const char* from, int64_t from_stride, char* to, int64_t to_stride) {
  uint64_t r[8];
  for (int i = 0; i < 8; ++i) std::memcpy(&r[i], from + i * from_stride, 8);
  for (int i = 0; i < 4; ++i) exchange(r[i], r[i + 4], 0x00000000FFFFFFFF, 32);
  for (int i : {0, 1, 4, 5}) exchange(r[i], r[i + 2], 0x0000FFFF0000FFFF, 16);
  for (int i : {0, 2, 4, 6}) exchange(r[i], r[i + 1], 0x00FF00FF00FF00FF, 8);
  for (int i = 0; i < 8; ++i) std::memcpy(to + i * to_stride, &r[i], 8);
}

// rows x columns bytes, transposed; neighbours in a row are next to each other, and those in a column behind.
void transpose_tile(const char* from, int64_t from_stride, char* to, int64_t to_stride, int64_t rows, int64_t columns) {
  const int64_t whole_rows = rows / 8 * 8, whole_columns = columns / 8 * 8;
  for (int64_t j = 0; j < whole_columns; j += 8)
    for (int64_t i = 0; i < whole_rows; i += 8)
      transpose_bytes(from + i * from_stride + j, from_stride, to + j * to_stride + i, to_stride);
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = i < whole_rows ? whole_columns : 0; j < columns; ++j)
      to[j * to_stride + i] = from[i * from_stride + j];
}

}  // namespace

void StridedCopy::add(int64_t count, int64_t from_stride, int64_t to_stride) {
  if (count == 0) empty_ = true;
  if (count != 1) dims_.push_back({count, from_stride * block_, to_stride * block_});
}

void StridedCopy::offset(int64_t from, int64_t to) {
  from_ += from * block_;
  to_ += to * block_;
}

void StridedCopy::simplify() {
  if (empty_) return;
  std::vector<Dim> merged;
  for (const Dim& d : dims_) {
    if (!merged.empty() && merged.back().from == d.from * d.count && merged.back().to == d.to * d.count)
      merged.back() = {merged.back().count * d.count, d.from, d.to};
    else
      merged.push_back(d);
  }
  if (!merged.empty() && merged.back().from == block_ && merged.back().to == block_) {
    block_ *= merged.back().count;
    merged.pop_back();
  }
  if (merged.empty()) merged.push_back({1, 0, 0});
  if (merged.size() >= 2 && block_ <= 16 && merged.back().from != 0) {
    auto near = std::min_element(merged.begin(), merged.end() - 1, [](const Dim& a, const Dim& b) {
      return std::llabs(a.from ? a.from : INT64_MAX) < std::llabs(b.from ? b.from : INT64_MAX);
    });
    tiled_ = near->from != 0 && std::llabs(near->from) < std::llabs(merged.back().from) && near->count >= 4 &&
             merged.back().count >= 4;
    if (tiled_) std::rotate(near, near + 1, merged.end() - 1);
  }
  dims_ = std::move(merged);
}

template <class Line>
void StridedCopy::run_lines(const RunContext& run, const char* from, char* to, const Line& line) const {
  const Dim& last = dims_.back();
  const int outer_dims = static_cast<int>(dims_.size()) - (tiled_ ? 2 : 1);
  const Dim near = tiled_ ? dims_[static_cast<size_t>(outer_dims)] : Dim{1, 0, 0};
  const bool bytes = tiled_ && block_ == 1 && near.from == 1 && last.to == 1;
  const int64_t tiles = (near.count + kTile - 1) / kTile;
  int64_t items = tiles;
  for (int d = 0; d < outer_dims; ++d) items *= dims_[static_cast<size_t>(d)].count;
  const double cost = static_cast<double>(last.count * std::min(near.count, kTile)) *
                      (block_ <= 16 ? 0.7 : 4.0 + static_cast<double>(block_) / 20);
  run.parallel_for(items, cost, [&](int64_t begin, int64_t end, int) {
    for (int64_t item = begin; item < end; ++item) {
      const char* f = from;
      char* t = to;
      int64_t rest = item / tiles;
      for (int d = outer_dims - 1; d >= 0; --d) {
        const Dim& dim = dims_[static_cast<size_t>(d)];
        int64_t i = rest % dim.count;
        rest /= dim.count;
        f += i * dim.from;
        t += i * dim.to;
      }
      if (!tiled_) {
        line(f, last.from, t, last.to, last.count);
        continue;
      }
      const int64_t low = item % tiles * kTile, high = std::min(low + kTile, near.count);
      if (bytes) {
        transpose_tile(f + low, last.from, t + low * near.to, near.to, last.count, high - low);
        continue;
      }
      for (int64_t j = 0; j < last.count; j += kTile)
        for (int64_t i = low; i < high; ++i)
          line(f + i * near.from + j * last.from, last.from, t + i * near.to + j * last.to, last.to,
               std::min(kTile, last.count - j));
    }
  });
}

void StridedCopy::run(const RunContext& run, const void* source, void* target) const {
  if (empty_) return;
  const char* from = static_cast<const char*>(source) + from_;
  char* to = static_cast<char*>(target) + to_;
  switch (block_) {
    case 1: return run_lines(run, from, to, copy_line<uint8_t>);
    case 2: return run_lines(run, from, to, copy_line<uint16_t>);
    case 4: return run_lines(run, from, to, copy_line<uint32_t>);
    case 8: return run_lines(run, from, to, copy_line<uint64_t>);
    case 16: return run_lines(run, from, to, copy_line<Bytes16>);
    default: break;
  }
  const size_t bytes = static_cast<size_t>(block_);
  const auto blocks = [&](auto copy) {
    run_lines(run, from, to, [bytes, copy](const char* f, int64_t from_stride, char* t, int64_t to_stride, int64_t n) {
      copy(bytes, f, from_stride, t, to_stride, n);
    });
  };
  // Few bytes are moved faster than memcpy is called.
  if (bytes < 4) return blocks(copy_blocks<uint16_t>);
  if (bytes < 8) return blocks(copy_blocks<uint32_t>);
  if (bytes < 16) return blocks(copy_blocks<uint64_t>);
  if (bytes <= 32) return blocks(copy_blocks<Bytes16>);
  blocks([](size_t size, const char* f, int64_t from_stride, char* t, int64_t to_stride, int64_t n) {
    for (int64_t i = 0; i < n; ++i) std::memcpy(t + i * to_stride, f + i * from_stride, size);
  });
}

std::vector<int64_t> strides_of(const Shape& shape) {
  std::vector<int64_t> strides(static_cast<size_t>(shape.rank()));
  for (int d = 0; d < shape.rank(); ++d) strides[static_cast<size_t>(d)] = shape.elements(d + 1, shape.rank());
  return strides;
}

void fill_elements(void* to, const void* value, size_t element_bytes, int64_t n) {
  if (n <= 0) return;
  char* t = static_cast<char*>(to);
  const char* v = static_cast<const char*>(value);
  switch (element_bytes) {
    case 1: std::memset(t, static_cast<unsigned char>(*v), static_cast<size_t>(n)); return;
    case 2: return copy_line<uint16_t>(v, 0, t, 2, n);
    case 4: return copy_line<uint32_t>(v, 0, t, 4, n);
    default: return copy_line<uint64_t>(v, 0, t, 8, n);
  }
}

void expect_movable(PrepareContext& ctx, int i) {
  DType t = ctx.input(i).dtype;
  check(t != DType::int4 && t != DType::resource, "input ", i, " is ", dtype_name(t),
        "; float32, float16, float64, int8, uint8, int16, uint16, int32, uint32, int64, uint64 or bool expected");
}

void expect_same_dtype(PrepareContext& ctx, int i, int o) {
  check(ctx.input(i).dtype == ctx.output(o).dtype, "input ", i, " is ", dtype_name(ctx.input(i).dtype), " but output ",
        o, " is ", dtype_name(ctx.output(o).dtype));
}

ScaleAndZero scale_and_zero(const TensorInfo& t) {
  if (t.quantization.scale.size() != 1) return {0.0f, 0};
  return {t.scale(), t.zero_point()};
}

void expect_same_quantization(const TensorInfo& a, const TensorInfo& b) {
  ScaleAndZero p = scale_and_zero(a), q = scale_and_zero(b);
  check(p.scale == q.scale && p.zero_point == q.zero_point, "'", a.name, "' has scale ", p.scale, " and zero point ",
        p.zero_point, " but '", b.name, "' has ", q.scale, " and ", q.zero_point, "; they must be equal");
}

int64_t extent_product(int64_t a, int64_t b) {
  check(b == 0 || a <= Shape::kMaxElements / b, "an extent of ", a, " times ", b, " is too large");
  return a * b;
}

int axis_in(int64_t axis, int rank, const char* name) {
  check(axis >= -rank && axis < rank, name, " is ", axis, ", not in [", -rank, ", ", rank, ")");
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

int64_t int_value(PrepareContext& ctx, int i, const char* name) {
  check(ctx.input(i).shape.elements() == 1, name, " (input ", i, ") has shape ", ctx.input(i).shape,
        "; one value expected");
  return ctx.int_values(i)[0];
}

}  // namespace sanderling
