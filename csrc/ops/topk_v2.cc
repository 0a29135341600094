// TOPK_V2: the k largest values of each row, best first; of equal values the earlier one. NaN comes last.
#include <algorithm>
#include <cstdint>
#include <cstring>

#include "ops/op.h"
#include "ops/sort_keys.h"

namespace sanderling {
namespace {

struct KeyedPlace {
  uint64_t key;
  int64_t at;
};

bool ranks_before(const KeyedPlace& a, const KeyedPlace& b) { return a.key > b.key || (a.key == b.key && a.at < b.at); }

// The places of the best k of a row of n elements, best first.
void top_of_row(SortKeys keys_of, const char* row, int64_t bytes, int64_t n, int64_t k, KeyedPlace* top) {
  constexpr int64_t kKeys = 128;
  uint64_t keys[kKeys];
  KeyedPlace* end = top + k;  // A heap of the best so far, the worst of them in front.
  for (int64_t begin = 0; begin < n; begin += kKeys) {
    const int64_t count = std::min(kKeys, n - begin);
    keys_of(row + begin * bytes, count, keys);
    for (int64_t i = 0; i < count; ++i) {
      const KeyedPlace next{keys[i], begin + i};
      if (next.at < k) {
        top[next.at] = next;
        if (next.at + 1 == k) std::make_heap(top, end, ranks_before);
      } else if (next.key > top->key) {  // of equal ones the earlier stays
        std::pop_heap(top, end, ranks_before);
        end[-1] = next;
        std::push_heap(top, end, ranks_before);
      }
    }
  }
  std::sort_heap(top, end, ranks_before);
}

struct TopRows {
  int64_t n, k, rows, bytes;
  SortKeys keys;
  bool wide;  // indices are int32, not int16
};

void run_top(const RunContext& run, const TopRows& t) {
  const double cost = 2.0 * static_cast<double>(t.n) + 20.0 * static_cast<double>(t.k);
  run.parallel_for(t.rows, cost, [&](int64_t begin, int64_t end, int thread) {
    KeyedPlace* top = run.scratch<KeyedPlace>(0) + thread * t.k;
    for (int64_t r = begin; r < end; ++r) {
      const char* row = run.input<char>(0) + r * t.n * t.bytes;
      top_of_row(t.keys, row, t.bytes, t.n, t.k, top);
      for (int64_t i = 0; i < t.k; ++i) {
        const int64_t to = r * t.k + i;
        std::memcpy(run.output<char>(0) + to * t.bytes, row + top[i].at * t.bytes, static_cast<size_t>(t.bytes));
        if (t.wide)
          run.output<int32_t>(1)[to] = static_cast<int32_t>(top[i].at);
        else
          run.output<int16_t>(1)[to] = static_cast<int16_t>(top[i].at);
      }
    }
  });
}

int64_t read_k(PrepareContext& ctx) {
  check(ctx.input(1).shape.elements() == 1, "k has shape ", ctx.input(1).shape, "; one number expected");
  if (ctx.input(1).dtype == DType::int16) return ctx.value<int16_t>(1)[0];
  return ctx.int_values(1)[0];
}

}  // namespace

void prepare_topk_v2(PrepareContext& ctx) {
  ctx.expect_inputs(2, 2);
  ctx.expect_outputs(2);
  const TensorInfo& x = ctx.input(0);
  check(x.dtype == ctx.output(0).dtype, "input is ", dtype_name(x.dtype), " but output is ",
        dtype_name(ctx.output(0).dtype));
  check(x.shape.rank() >= 1, "input is a scalar; at least one dimension expected");
  int64_t k = std::max<int64_t>(0, read_k(ctx));
  check(k <= x.shape.back(1), "k is ", k, ", more than the ", x.shape.back(1), " elements of a row");
  Shape out = x.shape.with(x.shape.rank() - 1, k);
  ctx.set_output_shape(0, out);
  ctx.set_output_shape(1, out);
  const SortKeys keys = sort_keys(x.dtype);
  const DType index = ctx.output(1).dtype;
  check(index == DType::int32 || index == DType::int16, "output 1 is ", dtype_name(index), "; int32 or int16 expected");
  const bool wide = index == DType::int32;
  const int64_t n = x.shape.back(1), rows = k == 0 ? 0 : x.shape.outer();
  check(rows == 0 || n <= (wide ? INT32_MAX : INT16_MAX), "rows of ", n, " elements exceed the type of the indices");
  ctx.scratch(static_cast<size_t>(ctx.threads() * k) * sizeof(KeyedPlace));
  ctx.on_run([t = TopRows{n, k, rows, static_cast<int64_t>(dtype_size(x.dtype)), keys, wide}](RunContext& run) {
    run_top(run, t);
  });
}

}  // namespace sanderling
