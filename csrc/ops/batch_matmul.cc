// BATCH_MATMUL: output[..., m, n] = sum over k of x[..., m, k] * y[..., k, n], batches broadcast. adj_x and adj_y say
// that the last two dimensions of x or y are stored the other way round.
//
// Kinds by dtype (x, y, output): float32; int8; int8 to plain int32 sums; int16 with int16 or int8; hybrid, a float32
// x that is quantized here row by row for an int8 y.
#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "kernels/requantize_q8/requantize_q8.h"
#include "ops/hybrid.h"
#include "ops/matmul.h"
#include "ops/op.h"
#include "quant/requantize.h"

namespace sanderling {
namespace {

using matmul::Block;
using matmul::kColumnBlock;
using matmul::Source;

struct Problem {
  int64_t rows, columns, depth;
  int64_t batches, x_count, y_count;
  bool adj_x, adj_y;
  bool merged;                        // see x_place
  Shape x_batch, y_batch, out_batch;  // three dimensions each

  Source x(const TensorInfo& t) const { return {nullptr, matmul_element(t), adj_x ? 1 : depth, adj_x ? rows : 1, 0}; }
  Source y(const TensorInfo& t) const {
    return {nullptr, matmul_element(t), adj_y ? depth : 1, adj_y ? 1 : columns, 0};
  }

  // The matrix of x or y that batch i of the output takes.
  int64_t x_of(int64_t i) const { return locate(x_batch, i, false); }
  int64_t y_of(int64_t i) const { return locate(y_batch, i, false); }

  // Where the reference's hybrid kernel finds the scales of x and the row sums of y for batch i: not by the place of
  // its matrix but by the sum of the indices of those batch dimensions that are not broadcast. That is right for one
  // such dimension. Where `merged`, it has before taken the last batch dimension of x for rows.
  int64_t x_place(int64_t i) const {
    if (!merged) return locate(x_batch, i, true);
    const int64_t last = x_batch[2] == 1 ? 0 : i % out_batch[2];
    return locate(x_batch.with(2, 1), i, true) * x_batch[2] + last;
  }
  int64_t y_place(int64_t i) const { return locate(y_batch, i, true); }

 private:
  int64_t locate(const Shape& s, int64_t i, bool sum) const {
    const int64_t index[3] = {i / out_batch[2] / out_batch[1], i / out_batch[2] % out_batch[1], i % out_batch[2]};
    int64_t place = 0;
    for (int d = 0; d < 3; ++d) place = (sum ? place : place * s[d]) + (s[d] == 1 ? 0 : index[d]);
    return place;
  }
};

Shape batch_of(const Shape& s) { return Shape(s.extended(5).begin(), 3); }

// Checks shapes, sets the output's.
Problem set_problem(PrepareContext& ctx) {
  const Shape &x = ctx.input(0).shape, &y = ctx.input(1).shape;
  check(x.rank() >= 2 && x.rank() <= 5 && y.rank() >= 2 && y.rank() <= 5, "inputs have shapes ", x, " and ", y,
        "; 2 to 5 dimensions expected");
  Problem p;
  p.adj_x = ctx.attributes().boolean("adj_x");
  p.adj_y = ctx.attributes().boolean("adj_y");
  p.rows = x.back(p.adj_x ? 1 : 2);
  p.depth = x.back(p.adj_x ? 2 : 1);
  p.columns = y.back(p.adj_y ? 2 : 1);
  check(y.back(p.adj_y ? 1 : 2) == p.depth, "inputs of shapes ", x, " and ", y, " cannot be multiplied (adj_x ",
        p.adj_x, ", adj_y ", p.adj_y, ")");
  p.x_batch = p.out_batch = batch_of(x);
  p.y_batch = batch_of(y);
  for (int i = 0; i < 3; ++i) {
    check(p.x_batch[i] == p.y_batch[i] || p.x_batch[i] == 1 || p.y_batch[i] == 1, "batches of ", x, " and ", y,
          " cannot be broadcast");
    if (p.x_batch[i] == 1) p.out_batch = p.out_batch.with(i, p.y_batch[i]);
  }
  const int64_t out[5] = {p.out_batch[0], p.out_batch[1], p.out_batch[2], p.rows, p.columns};
  const int rank = std::max(x.rank(), y.rank());
  ctx.set_output_shape(0, Shape(out + 5 - rank, rank));
  ctx.set_macs(p.out_batch.elements() * p.rows * p.columns * p.depth);
  p.x_count = p.x_batch.elements();
  p.y_count = p.y_batch.elements();
  p.batches = p.rows * p.columns == 0 ? 0 : p.out_batch.elements();
  p.merged = !p.adj_x && x.rank() > 2 && y.rank() > 2 && y.back(3) == 1;
  return p;
}

// Products of x and y; store(acc, n, out) writes n results, which have `bytes` each.
template <class Acc>
void prepare_products(PrepareContext& ctx, matmul::Choice<Acc> choice, Problem problem, int32_t x_zero, int32_t y_zero,
                      int64_t bytes, Function<void(const Acc*, int64_t n, void* out)> store) {
  ctx.set_kernel(choice.isa);
  const matmul::Kernel<Acc>& kernel = *choice.kernel;
  if (problem.y_count == 1 && !problem.adj_x && problem.batches > 0) {
    // One large product.
    problem.rows *= problem.x_count;
    problem.x_count = 1;
    problem.batches = std::min<int64_t>(problem.batches, 1);
  }
  auto p = std::make_shared<const Problem>(std::move(problem));
  Source x = p->x(ctx.input(0)), y = p->y(ctx.input(1));
  x.zero_point = x_zero;
  y.zero_point = y_zero;
  RightOperands<Acc> right(ctx, choice, 1, p->y_count, p->columns * p->depth, p->columns, p->depth, y);
  const int64_t item = static_cast<int64_t>(align_up(kernel.left_bytes(p->rows, p->depth)));
  const int packed = ctx.scratch(static_cast<size_t>(p->x_count * item));
  ctx.on_run([p, x, right, item, packed, bytes, store = std::move(store), &kernel](RunContext& run) {
    if (p->batches == 0) return;
    char* left = run.scratch<char>(packed);
    pack_left(run, kernel, x, run.input<char>(0), p->x_count, p->rows, p->depth, item, left);
    const char* weights = right.get(run);
    char* out = run.output<char>(0);
    matmul_blocks(
        run, kernel, p->batches, p->rows, p->columns, p->depth, [&](int64_t i) { return left + p->x_of(i) * item; },
        [&](int64_t i) { return weights + p->y_of(i) * right.item_bytes(); },
        [&](int64_t i, const Acc* acc, const Block& b) {
          for (int64_t r = b.first_row; r < b.last_row; ++r)
            store(acc + (r - b.first_row) * kColumnBlock, b.last_column - b.first_column,
                  out + ((i * p->rows + r) * p->columns + b.first_column) * bytes);
        });
  });
}

// The multiplier of quantized kinds, and that every tensor has one scale.
Multiplier product_multiplier(PrepareContext& ctx) {
  for (const TensorInfo* t : {&ctx.input(0), &ctx.input(1), &ctx.output(0)})
    check(t->quantization.scale.size() == 1, "tensor '", t->name, "' has ", t->quantization.scale.size(),
          " quantization scales; one expected");
  // The product in float is the reference's.
  const float product = ctx.input(0).scale() * ctx.input(1).scale();
  return quantize_multiplier(static_cast<double>(product) / static_cast<double>(ctx.output(0).scale()));
}

void prepare_int8(PrepareContext& ctx, const Problem& p) {
  std::array<Multiplier, kColumnBlock> m;
  m.fill(product_multiplier(ctx));
  const RequantizeStage stage = {ctx.output(0).zero_point(), -128, 127};
  RequantizeQ8Kernel* const requantize = choose_requantize_q8(ctx.isa()).run;
  prepare_products<int32_t>(ctx, matmul::choose_q8(ctx.isa()), p, ctx.input(0).zero_point(), ctx.input(1).zero_point(),
                            1, [m, stage, requantize](const int32_t* acc, int64_t n, void* out) {
                              requantize(acc, nullptr, m.data(), n, stage, static_cast<uint8_t*>(out));
                            });
}

void prepare_sums(PrepareContext& ctx, const Problem& p) {
  prepare_products<int32_t>(
      ctx, matmul::choose_q8(ctx.isa()), p, 0, 0, 4,
      [](const int32_t* acc, int64_t n, void* out) { std::copy(acc, acc + n, static_cast<int32_t*>(out)); });
}

void prepare_int16(PrepareContext& ctx, const Problem& p) {
  const Multiplier m = product_multiplier(ctx);
  for (const TensorInfo* t : {&ctx.input(0), &ctx.input(1), &ctx.output(0)})
    check(t->zero_point() == 0, "tensor '", t->name, "' has zero point ", t->zero_point(), "; 0 expected with int16");
  prepare_products<int64_t>(ctx, matmul::choose_s16(ctx.isa()), p, 0, 0, 2,
                            [m](const int64_t* acc, int64_t n, void* to) {
                              int16_t* out = static_cast<int16_t*>(to);

                              for (int64_t i = 0; i < n; ++i)
                                out[i] = static_cast<int16_t>(clamp(requantize(acc[i], m), -32768, 32767));
                            });
}

void prepare_float(PrepareContext& ctx, const Problem& p) {
  prepare_products<float>(ctx, matmul::choose_f32(ctx.isa()), p, 0, 0, 4, [](const float* acc, int64_t n, void* out) {
    std::copy(acc, acc + n, static_cast<float*>(out));
  });
}

// Sums of the rows of y, as [y_count, columns].
void row_sums(const Problem& p, const int8_t* y, int32_t* sums) {
  const Source s = {nullptr, matmul::Element::s8, p.adj_y ? p.depth : 1, p.adj_y ? 1 : p.columns, 0};
  for (int64_t i = 0; i < p.y_count; ++i, y += p.columns * p.depth)
    for (int64_t c = 0; c < p.columns; ++c) {
      int32_t sum = 0;
      for (int64_t k = 0; k < p.depth; ++k) sum = wrapping_add(sum, y[c * s.vector_stride + k * s.depth_stride]);
      *sums++ = sum;
    }
}

// The reference subtracts in float and truncates.
int32_t without_offset(int32_t sum, int32_t row_sum, int32_t offset) {
  float v = static_cast<float>(sum) - static_cast<float>(row_sum) * static_cast<float>(offset);
  return v >= 2147483648.0f ? INT32_MAX : v >= -2147483648.0f ? static_cast<int32_t>(v) : INT32_MIN;
}

void prepare_hybrid(PrepareContext& ctx, Problem problem) {
  auto p = std::make_shared<const Problem>(std::move(problem));
  const TensorInfo& y = ctx.input(1);
  auto scale = std::make_shared<const std::vector<float>>(y.quantization.scale.vector());
  check(scale->size() == 1 || static_cast<int64_t>(scale->size()) == p->columns, "input 1 has ", scale->size(),
        " quantization scales; 1 or ", p->columns, " expected");
  const bool asymmetric = ctx.attributes().boolean("asymmetric_quantize_inputs");
  const matmul::Choice<int32_t> choice = matmul::choose_q8(ctx.isa());
  const matmul::Kernel<int32_t>* kernel = choice.kernel;
  ctx.set_kernel(choice.isa);
  RightOperands<int32_t> right(ctx, choice, 1, p->y_count, p->columns * p->depth, p->columns, p->depth, p->y(y));
  const int64_t rows = p->x_count * p->rows,
                item = static_cast<int64_t>(align_up(kernel->left_bytes(p->rows, p->depth)));
  const int packed = ctx.scratch(static_cast<size_t>(p->x_count * item));
  const int transposed = p->adj_x ? ctx.scratch(static_cast<size_t>(rows * p->depth) * sizeof(float)) : -1;
  const int quantized = ctx.scratch(static_cast<size_t>(rows * p->depth));
  const int params = ctx.scratch(static_cast<size_t>(rows) * sizeof(RowQuantization));
  const int sums = ctx.scratch(static_cast<size_t>(p->y_count * p->columns) * sizeof(int32_t));
  const HybridRows& hybrid = *choose_hybrid_rows(ctx.isa()).run;
  ctx.on_run([=, &hybrid, kernel = kernel](RunContext& run) {
    if (p->batches == 0) return;
    const float* x = run.input<float>(0);
    if (p->adj_x) {
      float* to = run.scratch<float>(transposed);
      for (int64_t i = 0; i < p->x_count; ++i)
        for (int64_t r = 0; r < p->rows; ++r)
          for (int64_t k = 0; k < p->depth; ++k)
            to[(i * p->rows + r) * p->depth + k] = x[(i * p->depth + k) * p->rows + r];
      x = to;
    }
    int8_t* q = run.scratch<int8_t>(quantized);
    RowQuantization* row = run.scratch<RowQuantization>(params);
    run.parallel_for(rows, static_cast<double>(p->depth) * 3, [&](int64_t begin, int64_t end, int) {
      for (int64_t r = begin; r < end; ++r)
        row[r] = quantize_row(x + r * p->depth, p->depth, asymmetric, q + r * p->depth, hybrid);
    });
    Source source = {nullptr, matmul::Element::s8, p->depth, 1, 0};
    char* left = run.scratch<char>(packed);
    pack_left(run, *kernel, source, reinterpret_cast<const char*>(q), p->x_count, p->rows, p->depth, item, left);
    const char* weights = right.get(run);
    int32_t* row_sum = run.scratch<int32_t>(sums);
    if (asymmetric) row_sums(*p, run.input<int8_t>(1), row_sum);
    float* out = run.output<float>(0);
    const bool per_channel = scale->size() > 1;
    matmul_blocks(
        run, *kernel, p->batches, p->rows, p->columns, p->depth, [&](int64_t i) { return left + p->x_of(i) * item; },
        [&](int64_t i) { return weights + p->y_of(i) * right.item_bytes(); },
        [&](int64_t i, const int32_t* acc, const Block& b) {
          const int64_t x_place = p->x_place(i);
          const int32_t* batch_sums = row_sum + p->y_place(i) * p->columns;
          for (int64_t r = b.first_row; r < b.last_row; ++r) {
            const RowQuantization rq = row[x_place * p->rows + r];
            float* to = out + (i * p->rows + r) * p->columns;
            for (int64_t c = b.first_column; c < b.last_column; ++c) {
              int32_t sum = acc[(r - b.first_row) * kColumnBlock + c - b.first_column];
              if (asymmetric) sum = without_offset(sum, batch_sums[c], rq.zero_point);
              to[c] = rq.scale * (*scale)[per_channel ? static_cast<size_t>(c) : 0] * static_cast<float>(sum);
            }
          }
        });
  });
}

}  // namespace

void prepare_batch_matmul(PrepareContext& ctx) {
  ctx.expect_inputs(2, 2);
  ctx.expect_outputs(1);
  const DType x = ctx.input(0).dtype, y = ctx.input(1).dtype, out = ctx.output(0).dtype;
  Problem p = set_problem(ctx);
  if (x == DType::float32 && out == DType::float32) {
    if (y == DType::float32) return prepare_float(ctx, p);
    if (y == DType::int8) return prepare_hybrid(ctx, std::move(p));
  }
  if (x == DType::int8 && y == DType::int8 && out == DType::int8) return prepare_int8(ctx, p);
  if (x == DType::int8 && y == DType::int8 && out == DType::int32) return prepare_sums(ctx, p);
  if (x == DType::int16 && (y == DType::int16 || y == DType::int8) && out == DType::int16) return prepare_int16(ctx, p);
  fail("inputs and output are ", dtype_name(x), ", ", dtype_name(y), " and ", dtype_name(out),
       "; supported are float32; float32 with int8; int8 to int8 or int32; int16 with int16 or int8 to int16");
}

}  // namespace sanderling
