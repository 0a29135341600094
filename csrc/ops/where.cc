// WHERE: places of what is not zero. UNIQUE: each value once. REVERSE_SEQUENCE: sequences of their own lengths.
#include <algorithm>
#include <cstring>
#include <vector>

#include "ops/movement.h"
#include "ops/sort_keys.h"

namespace sanderling {
namespace {

// set[i] = x[i] != 0.
using Truth = void (*)(const void* x, int64_t n, uint8_t* set);

template <class T>
void truth_of(const void* x, int64_t n, uint8_t* set) {
  for (int64_t i = 0; i < n; ++i) set[i] = static_cast<const T*>(x)[i] != T{0};
}

Truth truth_function(DType type) {
  switch (type) {
    case DType::float32: return truth_of<float>;
    case DType::int8:
    case DType::uint8:
    case DType::boolean: return truth_of<uint8_t>;
    case DType::int16: return truth_of<uint16_t>;
    case DType::int32:
    case DType::uint32: return truth_of<uint32_t>;
    case DType::int64: return truth_of<uint64_t>;
    default:
      fail("input is ", dtype_name(type), "; float32, int8, uint8, bool, int16, int32, uint32 or int64 expected");
  }
}

// f(number of an element, whether it is set) for all n elements.
template <class F>
void each_truth(const RunContext& run, Truth truth, int64_t n, int64_t bytes, const F& f) {
  constexpr int64_t kBlock = 256;
  uint8_t set[kBlock];
  for (int64_t begin = 0; begin < n; begin += kBlock) {
    const int64_t count = std::min(kBlock, n - begin);
    truth(run.input<char>(0) + begin * bytes, count, set);
    for (int64_t i = 0; i < count; ++i) f(begin + i, set[i]);
  }
}

void find_places(RunContext& run, Truth truth, int64_t n, int64_t bytes, const std::vector<int64_t>& dims) {
  const int64_t rank = static_cast<int64_t>(dims.size());
  int64_t found = 0;
  each_truth(run, truth, n, bytes, [&](int64_t, uint8_t set) { found += set; });
  int64_t* to = static_cast<int64_t*>(run.resize_output(0, {found, rank}));
  each_truth(run, truth, n, bytes, [&](int64_t i, uint8_t set) {
    if (!set) return;
    int64_t rest = i;
    for (int64_t d = rank; d-- > 0; rest /= dims[static_cast<size_t>(d)]) to[d] = rest % dims[static_cast<size_t>(d)];
    to += rank;
  });
}

void find_unique(RunContext& run, SortKeys keys_of, int64_t n, size_t bytes, DType numbers) {
  uint64_t* keys = run.scratch<uint64_t>(0);
  int32_t* order = run.scratch<int32_t>(1);
  int32_t* first = run.scratch<int32_t>(2);  // the first place of the value at each place
  keys_of(run.input<void>(0), n, keys);
  for (int64_t i = 0; i < n; ++i) order[i] = static_cast<int32_t>(i);
  sort_by_key(order, n, keys);
  int64_t count = 0;
  for (int64_t i = 0; i < n; ++i) {
    const bool same = i > 0 && keys[order[i - 1]] == keys[order[i]];
    first[order[i]] = same ? first[order[i - 1]] : order[i];
    count += !same;
  }
  const char* x = run.input<char>(0);
  char* values = static_cast<char*>(run.resize_output(0, {count}));
  int32_t* number = numbers == DType::int32 ? run.output<int32_t>(1) : order;
  int32_t next = 0;
  for (int64_t i = 0; i < n; ++i) {
    if (first[i] == i) {
      std::memcpy(values, x + static_cast<size_t>(i) * bytes, bytes);
      values += bytes;
      number[i] = next++;
    } else {
      number[i] = number[first[i]];
    }
  }
  if (numbers == DType::int64) std::copy(number, number + n, run.output<int64_t>(1));
}

// Input as [outer, a, middle, b, inner], where a and b are the sequence and the batch in either order.
struct Sequences {
  int64_t outer, a, middle, b, bytes;
  bool sequence_first;
};

void reverse_sequences(const RunContext& run, const Sequences& s, DType type) {
  auto length = [&](int64_t i) {
    return type == DType::int64 ? run.input<int64_t>(1)[i] : int64_t{run.input<int32_t>(1)[i]};
  };
  const int64_t extent = s.sequence_first ? s.a : s.b, batches = s.sequence_first ? s.b : s.a;
  for (int64_t i = 0; i < batches; ++i)
    check(length(i) >= 0 && length(i) <= extent, "length ", i, " is ", length(i), ", not in [0, ", extent, "]");
  if (s.outer * s.a * s.middle * s.b * s.bytes == 0) return;
  const char* from = run.input<char>(0);
  char* to = run.output<char>(0);
  const double cost = static_cast<double>(s.middle * s.b) * (4 + static_cast<double>(s.bytes) / 20);
  run.parallel_for(s.outer * s.a, cost, [&](int64_t begin, int64_t end, int) {
    for (int64_t k = begin; k < end; ++k) {
      const int64_t o = k / s.a, i = k % s.a;
      for (int64_t m = 0; m < s.middle; ++m) {
        for (int64_t j = 0; j < s.b; ++j) {
          const int64_t n = length(s.sequence_first ? j : i), at = s.sequence_first ? i : j;
          const int64_t source = at < n ? n - 1 - at : at;
          const int64_t si = s.sequence_first ? source : i, sj = s.sequence_first ? j : source;
          std::memcpy(to + ((k * s.middle + m) * s.b + j) * s.bytes,
                      from + (((o * s.a + si) * s.middle + m) * s.b + sj) * s.bytes, static_cast<size_t>(s.bytes));
        }
      }
    }
  });
}

}  // namespace

void prepare_where(PrepareContext& ctx) {
  ctx.expect_inputs(1, 1);
  ctx.expect_outputs(1);
  const TensorInfo& x = ctx.input(0);
  check(x.shape.rank() >= 1, "input is a scalar; a dimension at least expected");
  check(ctx.output(0).dtype == DType::int64, "output is ", dtype_name(ctx.output(0).dtype), "; int64 expected");
  ctx.output_shape_at_run(0);
  ctx.on_run([truth = truth_function(x.dtype), n = x.shape.elements(),
              bytes = static_cast<int64_t>(dtype_size(x.dtype)),
              dims = std::vector<int64_t>(x.shape.begin(), x.shape.end())](RunContext& run) {
    find_places(run, truth, n, bytes, dims);
  });
}

void prepare_unique(PrepareContext& ctx) {
  ctx.expect_inputs(1, 1);
  ctx.expect_outputs(2);
  const TensorInfo& x = ctx.input(0);
  const DType numbers = ctx.output(1).dtype;
  check(x.shape.rank() == 1, "input has shape ", x.shape, "; a vector expected");
  check(numbers == DType::int32 || numbers == DType::int64, "output 1 is ", dtype_name(numbers),
        "; int32 or int64 expected");
  expect_same_dtype(ctx, 0, 0);
  const int64_t n = x.shape[0];
  check(n <= INT32_MAX, "input has ", n, " elements; fewer than 2^31 expected");
  const SortKeys keys = sort_keys(x.dtype);
  ctx.output_shape_at_run(0);
  ctx.set_output_shape(1, x.shape);
  ctx.scratch(static_cast<size_t>(n) * sizeof(uint64_t));
  for (int i = 0; i < 2; ++i) ctx.scratch(static_cast<size_t>(n) * sizeof(int32_t));
  ctx.on_run([=, bytes = dtype_size(x.dtype)](RunContext& run) { find_unique(run, keys, n, bytes, numbers); });
}

void prepare_reverse_sequence(PrepareContext& ctx) {
  ctx.expect_inputs(2, 2);
  ctx.expect_outputs(1);
  expect_movable(ctx, 0);
  expect_same_dtype(ctx, 0, 0);
  const TensorInfo &x = ctx.input(0), &lengths = ctx.input(1);
  check(lengths.dtype == DType::int32 || lengths.dtype == DType::int64, "lengths (input 1) are ",
        dtype_name(lengths.dtype), "; int32 or int64 expected");
  const int sequence = static_cast<int>(ctx.attributes().integer_in("seq_dim", 0, x.shape.rank() - 1));
  const int batch = static_cast<int>(ctx.attributes().integer_in("batch_dim", 0, x.shape.rank() - 1));
  check(sequence != batch, "options 'seq_dim' and 'batch_dim' are both ", batch);
  check(lengths.shape == Shape({x.shape[batch]}), "lengths (input 1) have shape ", lengths.shape, "; ",
        Shape({x.shape[batch]}), " expected");
  ctx.set_output_shape(0, x.shape);
  const int a = std::min(sequence, batch), b = std::max(sequence, batch), rank = x.shape.rank();
  const Sequences s{x.shape.elements(0, a),
                    x.shape[a],
                    x.shape.elements(a + 1, b),
                    x.shape[b],
                    x.shape.elements(b + 1, rank) * static_cast<int64_t>(dtype_size(x.dtype)),
                    sequence < batch};
  ctx.on_run([s, type = lengths.dtype](RunContext& run) { reverse_sequences(run, s, type); });
}

}  // namespace sanderling
