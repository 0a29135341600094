// WHERE: places of what is not zero. UNIQUE: each value once. REVERSE_SEQUENCE: sequences of their own lengths.
#include <algorithm>
#include <cstring>
#include <type_traits>
#include <vector>

#include "ops/movement.h"

namespace sanderling {
namespace {

template <class T>
void find_places(RunContext& run, int64_t n, const std::vector<int64_t>& dims) {
  const T* x = run.input<T>(0);
  const int64_t rank = static_cast<int64_t>(dims.size());
  int64_t found = 0;
  for (int64_t i = 0; i < n; ++i) found += x[i] != T{0};
  int64_t* to = static_cast<int64_t*>(run.resize_output(0, {found, rank}));
  for (int64_t i = 0; i < n; ++i) {
    if (x[i] == T{0}) continue;
    int64_t rest = i;
    for (int64_t d = rank; d-- > 0; rest /= dims[static_cast<size_t>(d)]) to[d] = rest % dims[static_cast<size_t>(d)];
    to += rank;
  }
}

// A strict order of all values: NaNs are equal to each other and above the rest.
template <class T>
bool below(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) return a < b || (a == a && b != b);
  return a < b;
}

template <class T, class I>
void find_unique(RunContext& run, int64_t n) {
  const T* x = run.input<T>(0);
  I* number = run.output<I>(1);
  int32_t* order = run.scratch<int32_t>(0);
  int32_t* first = run.scratch<int32_t>(1);  // the first place of the value at each place
  for (int64_t i = 0; i < n; ++i) order[i] = static_cast<int32_t>(i);
  std::sort(order, order + n, [x](int32_t a, int32_t b) {
    if (below(x[a], x[b])) return true;
    return !below(x[b], x[a]) && a < b;
  });
  int64_t count = 0;
  for (int64_t i = 0; i < n; ++i) {
    const bool same = i > 0 && !below(x[order[i - 1]], x[order[i]]);
    first[order[i]] = same ? first[order[i - 1]] : order[i];
    count += !same;
  }
  T* values = static_cast<T*>(run.resize_output(0, {count}));
  int64_t next = 0;
  for (int64_t i = 0; i < n; ++i) {
    if (first[i] == i) {
      values[next] = x[i];
      number[i] = static_cast<I>(next++);
    } else {
      number[i] = number[first[i]];
    }
  }
}

template <class T>
RunFunction unique_function(int64_t n, DType numbers) {
  if (numbers == DType::int64) return [n](RunContext& run) { find_unique<T, int64_t>(run, n); };
  return [n](RunContext& run) { find_unique<T, int32_t>(run, n); };
}

RunFunction unique_function(int64_t n, DType type, DType numbers) {
  switch (type) {
    case DType::float32: return unique_function<float>(n, numbers);
    case DType::int8: return unique_function<int8_t>(n, numbers);
    case DType::uint8: return unique_function<uint8_t>(n, numbers);
    case DType::int16: return unique_function<int16_t>(n, numbers);
    case DType::int32: return unique_function<int32_t>(n, numbers);
    case DType::int64: return unique_function<int64_t>(n, numbers);
    default: fail("input is ", dtype_name(type), "; float32, int8, uint8, int16, int32 or int64 expected");
  }
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
  auto set = [&](auto zero) {
    ctx.on_run([n = x.shape.elements(), dims = std::vector<int64_t>(x.shape.begin(), x.shape.end())](RunContext& run) {
      find_places<decltype(zero)>(run, n, dims);
    });
  };
  switch (x.dtype) {
    case DType::float32: return set(0.0f);
    case DType::int8:
    case DType::uint8:
    case DType::boolean: return set(uint8_t{0});
    case DType::int16: return set(int16_t{0});
    case DType::int32:
    case DType::uint32: return set(int32_t{0});
    case DType::int64: return set(int64_t{0});
    default:
      fail("input is ", dtype_name(x.dtype), "; float32, int8, uint8, bool, int16, int32, uint32 or int64 expected");
  }
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
  RunFunction run = unique_function(n, x.dtype, numbers);
  ctx.output_shape_at_run(0);
  ctx.set_output_shape(1, x.shape);
  for (int i = 0; i < 2; ++i) ctx.scratch(static_cast<size_t>(n) * sizeof(int32_t));
  ctx.on_run(std::move(run));
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
