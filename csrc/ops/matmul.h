// How operators use the matrix kernels: constant operands packed once, blocks shared among threads.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>

#include "base/aligned_buffer.h"
#include "kernels/matmul/matmul.h"
#include "ops/op.h"

namespace sanderling {

// Element type of a matrix operand. Throws Error for other dtypes.
matmul::Element matmul_element(const TensorInfo&);

inline int64_t matmul_element_bytes(matmul::Element e) {
  return e == matmul::Element::f32 ? 4 : e == matmul::Element::s16 ? 2 : 1;
}

// See RightOperands; what does not depend on the accumulator.
class PackedRight {
 public:
  using RightBytes = size_t(int64_t columns, int64_t depth);
  using PackRight = void(const matmul::Source&, int64_t columns, int64_t depth, void* packed);
  struct RightKernel {
    Isa isa;
    const char* name;
    RightBytes* right_bytes;
    PackRight* pack_right;
  };

  PackedRight(PrepareContext&, const RightKernel&, int input, int64_t count, int64_t step, int64_t columns,
              int64_t depth, const matmul::Source& source);

  // The packed operands, item_bytes() apart; valid during this run.
  const char* get(RunContext&) const;
  int64_t item_bytes() const { return packed_bytes_; }

 private:
  int64_t align(RightBytes* bytes) const { return static_cast<int64_t>(align_up(bytes(columns_, depth_))); }
  matmul::Source at(const void* value, int64_t i) const {
    matmul::Source s = source_;
    s.data = static_cast<const char*>(value) + i * step_bytes_;
    return s;
  }

  PackRight* pack_right_;
  int input_;
  int64_t count_, columns_, depth_, step_bytes_, packed_bytes_;
  matmul::Source source_;
  std::shared_ptr<const void> packed_;
  int scratch_ = -1;
};

// `count` right operands of [columns, depth] that lie in one input: packed now where its value is known, else at the
// beginning of each run.
template <class Acc>
class RightOperands : public PackedRight {
 public:
  // `source` is that of operand 0 with data null; operand i begins i * `step` elements further.
  RightOperands(PrepareContext& ctx, const matmul::Choice<Acc>& choice, int input, int64_t count, int64_t step,
                int64_t columns, int64_t depth, const matmul::Source& source)
      : PackedRight(ctx, {choice.isa, choice.kernel->name, choice.kernel->right_bytes, choice.kernel->pack_right},
                    input, count, step, columns, depth, source) {}
};

// Nanoseconds of a product of [rows, depth] with [columns, depth], roughly.
template <class Acc>
double matmul_cost(const matmul::Kernel<Acc>& kernel, int64_t rows, int64_t columns, int64_t depth) {
  return static_cast<double>(rows * columns) * static_cast<double>(depth + 16) / kernel.macs_per_nanosecond;
}

// Calls store(batch, acc, block) for all blocks of `batches` products of [rows, depth] with [columns, depth]; acc has
// rows of matmul::kColumnBlock. left(batch) and right(batch) are packed operands. Runs on several threads.
template <class Acc, class Left, class Right, class Store>
void matmul_blocks(RunContext& run, const matmul::Kernel<Acc>& kernel, int64_t batches, int64_t rows, int64_t columns,
                   int64_t depth, const Left& left, const Right& right, const Store& store) {
  using matmul::kColumnBlock;
  using matmul::kRowBlock;
  const int64_t row_blocks = (rows + kRowBlock - 1) / kRowBlock;
  const int64_t column_blocks = (columns + kColumnBlock - 1) / kColumnBlock;
  const double cost = matmul_cost(kernel, std::min(rows, kRowBlock), std::min(columns, kColumnBlock), depth);
  run.parallel_for(batches * column_blocks * row_blocks, cost, [&](int64_t begin, int64_t end, int) {
    alignas(kAlignment) Acc acc[kRowBlock * kColumnBlock];
    for (int64_t i = begin; i < end; ++i) {
      // Row blocks innermost: neighbours share the columns, which are the larger operand.
      const int64_t row = i % row_blocks * kRowBlock;
      const int64_t column = i / row_blocks % column_blocks * kColumnBlock;
      const int64_t batch = i / row_blocks / column_blocks;
      const matmul::Block block = {row, std::min(row + kRowBlock, rows), column,
                                   std::min(column + kColumnBlock, columns)};
      kernel.run(left(batch), right(batch), depth, block, acc);
      store(batch, acc, block);
    }
  });
}

using PackLeft = void(const matmul::Source&, int64_t first_row, int64_t last_row, int64_t depth, void* packed);

// See pack_left.
void pack_left_operands(RunContext&, PackLeft*, const matmul::Source&, const char* data, int64_t count, int64_t rows,
                        int64_t depth, int64_t item, char* packed);

// Packs `count` left operands of [rows, depth] that lie one after the other at `data`; the packed ones are `item` bytes
// apart. Runs on several threads where there is much to do.
template <class Acc>
void pack_left(RunContext& run, const matmul::Kernel<Acc>& kernel, const matmul::Source& source, const char* data,
               int64_t count, int64_t rows, int64_t depth, int64_t item, char* packed) {
  pack_left_operands(run, kernel.pack_left, source, data, count, rows, depth, item, packed);
}

// The product of a layer: `rows` rows of input 0, `depth` long each, with the weights of input 1, [columns, depth].
template <class Acc>
class LayerProduct {
 public:
  // Sources with data null.
  LayerProduct(PrepareContext& ctx, const matmul::Choice<Acc>& choice, int64_t rows, int64_t columns, int64_t depth,
               const matmul::Source& input, const matmul::Source& weights)
      : kernel_(*choice.kernel),
        rows_(rows),
        columns_(columns),
        depth_(depth),
        input_(input),
        weights_(ctx, choice, 1, 1, 0, columns, depth, weights),
        packed_(ctx.scratch(kernel_.left_bytes(rows, depth))) {
    ctx.set_kernel(choice.isa, kernel_.name);
  }

  // store(acc, row, first column, n): n accumulators of one row.
  template <class Store>
  void run(RunContext& run, const Store& store) const {
    char* left = run.scratch<char>(packed_);
    pack_left(run, kernel_, input_, run.input<char>(0), 1, rows_, depth_, 0, left);
    const char* right = weights_.get(run);
    matmul_blocks(
        run, kernel_, 1, rows_, columns_, depth_, [&](int64_t) { return left; }, [&](int64_t) { return right; },
        [&](int64_t, const Acc* acc, const matmul::Block& b) {
          for (int64_t r = b.first_row; r < b.last_row; ++r)
            store(acc + (r - b.first_row) * matmul::kColumnBlock, r, b.first_column, b.last_column - b.first_column);
        });
  }

 private:
  const matmul::Kernel<Acc>& kernel_;
  int64_t rows_, columns_, depth_;
  matmul::Source input_;
  RightOperands<Acc> weights_;
  int packed_;
};

}  // namespace sanderling
