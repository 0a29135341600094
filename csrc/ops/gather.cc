// GATHER, GATHER_ND and EMBEDDING_LOOKUP: pieces of a tensor, by index. SCATTER_ND: sums of pieces, by index.
#include <cstring>
#include <vector>

#include "ops/movement.h"

namespace sanderling {
namespace {

// Input `input`, of int16, int32 or int64.
class Indices {
 public:
  Indices(const RunContext& run, int input, DType type) : data_(run.input<char>(input)), type_(type) {}
  int64_t operator[](int64_t i) const {
    if (type_ == DType::int32) return at<int32_t>(i);
    return type_ == DType::int64 ? at<int64_t>(i) : at<int16_t>(i);
  }

 private:
  template <class I>
  int64_t at(int64_t i) const {
    return reinterpret_cast<const I*>(data_)[i];
  }

  const char* data_;
  DType type_;
};

void expect_indices(PrepareContext& ctx, int i) {
  DType t = ctx.input(i).dtype;
  check(t == DType::int16 || t == DType::int32 || t == DType::int64, "indices (input ", i, ") are ", dtype_name(t),
        "; int16, int32 or int64 expected");
}

void check_index(int64_t index, int64_t extent, int64_t at) {
  check(index >= 0 && index < extent, "index ", index, " (number ", at, ") is not in [0, ", extent, ")");
}

// Rows of one shape, to be found by an index of `depth` coordinates.
struct IndexedRows {
  std::vector<int64_t> extents, strides;  // of the indexed dimensions; strides in bytes
  int64_t bytes = 1;                      // of one row

  IndexedRows(const Shape& shape, int depth, DType type) {
    const int64_t element = static_cast<int64_t>(dtype_size(type));
    bytes = shape.elements(depth, shape.rank()) * element;
    for (int d = 0; d < depth; ++d) {
      extents.push_back(shape[d]);
      strides.push_back(shape.elements(d + 1, shape.rank()) * element);
    }
  }
  // Bytes up to the row of index number i.
  int64_t offset(const Indices& indices, int64_t i) const {
    int64_t at = 0;
    const int64_t depth = static_cast<int64_t>(strides.size());
    for (int64_t d = 0; d < depth; ++d) at += indices[i * depth + d] * strides[static_cast<size_t>(d)];
    return at;
  }
  void check_all(const Indices& indices, int64_t count) const {
    const int64_t depth = static_cast<int64_t>(strides.size());
    // Indices without coordinates take no memory: there may be more of them than can be counted.
    if (depth == 0) return;
    for (int64_t i = 0; i < count; ++i)
      for (int64_t d = 0; d < depth; ++d) check_index(indices[i * depth + d], extents[static_cast<size_t>(d)], i);
  }
};

// Depth of the indices of GATHER_ND and SCATTER_ND into a tensor of `rank` dimensions.
int index_depth(const TensorInfo& indices, int rank) {
  check(indices.shape.rank() >= 1, "indices have shape ", indices.shape, "; a vector at least expected");
  check(indices.shape.back(1) <= rank, "indices have ", indices.shape.back(1), " coordinates for a tensor of rank ",
        rank);
  return static_cast<int>(indices.shape.back(1));
}

// output[i] = rows[index i], where consecutive groups of indices address consecutive blocks of the input.
void copy_rows(const RunContext& run, const Indices& indices, int64_t count, const IndexedRows& rows, const char* from,
               char* to) {
  rows.check_all(indices, count);
  if (rows.bytes == 0) return;
  run.parallel_for(count, 3 + static_cast<double>(rows.bytes) / 20, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i)
      std::memcpy(to + i * rows.bytes, from + rows.offset(indices, i), static_cast<size_t>(rows.bytes));
  });
}

}  // namespace

void prepare_gather_nd(PrepareContext& ctx) {
  ctx.expect_inputs(2, 2);
  ctx.expect_outputs(1);
  expect_movable(ctx, 0);
  expect_same_dtype(ctx, 0, 0);
  expect_indices(ctx, 1);
  const TensorInfo &x = ctx.input(0), &indices = ctx.input(1);
  check(x.shape.rank() >= 1, "input 0 is a scalar");
  const int depth = index_depth(indices, x.shape.rank());
  std::vector<int64_t> dims(indices.shape.begin(), indices.shape.end() - 1);
  dims.insert(dims.end(), x.shape.begin() + depth, x.shape.end());
  ctx.set_output_shape(0, Shape(dims));
  const IndexedRows rows(x.shape, depth, x.dtype);
  ctx.on_run([rows, count = indices.shape.outer(), type = indices.dtype](RunContext& run) {
    copy_rows(run, Indices(run, 1, type), count, rows, run.input<char>(0), run.output<char>(0));
  });
}

void prepare_gather(PrepareContext& ctx) {
  ctx.expect_inputs(2, 2);
  ctx.expect_outputs(1);
  expect_movable(ctx, 0);
  expect_same_dtype(ctx, 0, 0);
  expect_indices(ctx, 1);
  const Shape &x = ctx.input(0).shape, &indices = ctx.input(1).shape;
  const int axis = axis_in(ctx.attributes().integer("axis", 0), x.rank(), "option 'axis'");
  int64_t shared = ctx.attributes().integer("batch_dims", 0);
  if (shared < 0) shared += indices.rank();
  check(shared >= 0 && shared <= axis && shared <= indices.rank(), "option 'batch_dims' is ",
        ctx.attributes().integer("batch_dims", 0), "; at most the axis (", axis, ") and the rank of the indices (",
        indices.rank(), ") expected");
  const int batch_dims = static_cast<int>(shared);
  for (int d = 0; d < batch_dims; ++d)
    check(x[d] == indices[d], "input and indices have shapes ", x, " and ", indices, ", which differ in dimension ", d,
          " of batch_dims ", batch_dims);
  std::vector<int64_t> dims(x.begin(), x.begin() + axis);
  dims.insert(dims.end(), indices.begin() + batch_dims, indices.end());
  dims.insert(dims.end(), x.begin() + axis + 1, x.end());
  ctx.set_output_shape(0, Shape(dims));

  const int64_t batches = x.elements(0, batch_dims), outer = x.elements(batch_dims, axis), extent = x[axis];
  const int64_t count = indices.elements(batch_dims, indices.rank());
  const int64_t bytes = x.elements(axis + 1, x.rank()) * static_cast<int64_t>(dtype_size(ctx.input(0).dtype));
  ctx.on_run([=, type = ctx.input(1).dtype](RunContext& run) {
    const Indices index(run, 1, type);
    for (int64_t i = 0; i < batches * count; ++i) check_index(index[i], extent, i);
    if (bytes == 0 || count == 0) return;
    const char* from = run.input<char>(0);
    char* to = run.output<char>(0);
    const double cost = static_cast<double>(count) * (3 + static_cast<double>(bytes) / 20);
    run.parallel_for(batches * outer, cost, [&](int64_t begin, int64_t end, int) {
      for (int64_t k = begin; k < end; ++k) {
        const int64_t row = k / outer * count;
        for (int64_t i = 0; i < count; ++i)
          std::memcpy(to + (k * count + i) * bytes, from + (k * extent + index[row + i]) * bytes,
                      static_cast<size_t>(bytes));
      }
    });
  });
}

void prepare_embedding_lookup(PrepareContext& ctx) {
  ctx.expect_inputs(2, 2);
  ctx.expect_outputs(1);
  expect_movable(ctx, 1);
  const TensorInfo &index = ctx.input(0), &table = ctx.input(1), &out = ctx.output(0);
  check(index.dtype == DType::int32 && index.shape.rank() == 1, "input 0 is ", dtype_name(index.dtype), " of shape ",
        index.shape, "; a vector of int32 expected");
  check(table.shape.rank() >= 2, "the table (input 1) has shape ", table.shape, "; 2 dimensions at least expected");
  const int64_t count = index.shape[0];
  ctx.set_output_shape(0, table.shape.with(0, count));
  if (table.dtype == out.dtype) {
    const IndexedRows rows(table.shape, 1, table.dtype);
    ctx.on_run([rows, count](RunContext& run) {
      copy_rows(run, Indices(run, 0, DType::int32), count, rows, run.input<char>(1), run.output<char>(0));
    });
    return;
  }
  const bool bytes = table.dtype == DType::int8 || table.dtype == DType::uint8;
  check(bytes && out.dtype == DType::float32, "the table is ", dtype_name(table.dtype), " and the output ",
        dtype_name(out.dtype), "; the same types, or int8 or uint8 and float32 expected");
  check(table.quantized() && table.quantization.zero_point[0] == 0, "the table needs scales and zero points of 0");
  const std::vector<float> scales = table.quantization.scale.vector();
  check(scales.size() == 1 || table.quantization.axis == 0, "the table has scales along dimension ",
        table.quantization.axis, "; 0 expected");
  // TFLite reads uint8 as int8 here.
  ctx.on_run([scales, count, rows = IndexedRows(table.shape, 1, table.dtype)](RunContext& run) {
    const int32_t* indices = run.input<int32_t>(0);
    rows.check_all(Indices(run, 0, DType::int32), count);
    run.parallel_for(count, 3 + static_cast<double>(rows.bytes) / 4, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) {
        const int8_t* from = run.input<int8_t>(1) + indices[i] * rows.bytes;
        float* to = run.output<float>(0) + i * rows.bytes;
        const float scale = scales.size() > 1 ? scales[static_cast<size_t>(indices[i])] : scales[0];
        for (int64_t j = 0; j < rows.bytes; ++j) to[j] = static_cast<float>(from[j]) * scale;
      }
    });
  });
}

namespace {

template <class T>
void add_row(const char* update, char* row, int64_t n) {
  const T* from = reinterpret_cast<const T*>(update);
  T* to = reinterpret_cast<T*>(row);
  for (int64_t j = 0; j < n; ++j) to[j] = static_cast<T>(to[j] + from[j]);
}

// Bools, whatever bytes stand for them.
void or_row(const char* update, char* row, int64_t n) {
  for (int64_t j = 0; j < n; ++j) row[j] = row[j] || update[j];
}

using AddRow = void (*)(const char*, char*, int64_t);

// Sums of integers wrap: they are taken without sign.
AddRow add_row_for(DType type) {
  switch (type) {
    case DType::float32: return add_row<float>;
    case DType::int8:
    case DType::uint8: return add_row<uint8_t>;
    case DType::int16:
    case DType::uint16: return add_row<uint16_t>;
    case DType::int32:
    case DType::uint32: return add_row<uint32_t>;
    case DType::int64:
    case DType::uint64: return add_row<uint64_t>;
    case DType::boolean: return or_row;
    default:
      fail("updates (input 1) are ", dtype_name(type),
           "; float32, int8, uint8, int16, uint16, int32, uint32, int64, uint64 or bool expected");
  }
}

}  // namespace

void prepare_scatter_nd(PrepareContext& ctx) {
  ctx.expect_inputs(3, 3);
  ctx.expect_outputs(1);
  expect_same_dtype(ctx, 1, 0);
  expect_indices(ctx, 0);
  const TensorInfo &indices = ctx.input(0), &updates = ctx.input(1);
  const AddRow add = add_row_for(updates.dtype);
  check(ctx.input(2).shape.rank() == 1, "the shape (input 2) has shape ", ctx.input(2).shape, "; a vector expected");
  const Shape shape(ctx.int_values(2));
  const int depth = index_depth(indices, shape.rank());
  std::vector<int64_t> dims(indices.shape.begin(), indices.shape.end() - 1);
  dims.insert(dims.end(), shape.begin() + depth, shape.end());
  check(std::vector<int64_t>(updates.shape.begin(), updates.shape.end()) == dims, "updates have shape ", updates.shape,
        "; indices of shape ", indices.shape, " into ", shape, " do not fit");
  ctx.set_output_shape(0, shape);
  const int64_t element = static_cast<int64_t>(dtype_size(updates.dtype));
  const size_t bytes = static_cast<size_t>(shape.elements() * element);
  const IndexedRows rows(shape, depth, updates.dtype);
  ctx.on_run([=, count = indices.shape.outer(), type = indices.dtype](RunContext& run) {
    const Indices index(run, 0, type);
    rows.check_all(index, count);
    if (bytes == 0) return;
    char* out = run.output<char>(0);
    std::memset(out, 0, bytes);
    // In order, on one thread: an index may come twice, and float sums must not depend on the threads.
    for (int64_t i = 0; i < count; ++i)
      add(run.input<char>(1) + i * rows.bytes, out + rows.offset(index, i), rows.bytes / element);
  });
}

}  // namespace sanderling
