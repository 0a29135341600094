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
inline matmul::Element matmul_element(const TensorInfo& t) {
  switch (t.dtype) {
    case DType::int8: return matmul::Element::s8;
    case DType::uint8: return matmul::Element::u8;
    case DType::int16: return matmul::Element::s16;
    case DType::float32: return matmul::Element::f32;
    default: fail("tensor '", t.name, "' is ", dtype_name(t.dtype), "; int8, uint8, int16 or float32 expected");
  }
}

inline int64_t matmul_element_bytes(matmul::Element e) {
  return e == matmul::Element::f32 ? 4 : e == matmul::Element::s16 ? 2 : 1;
}

// `count` right operands of [columns, depth] that lie in one input: packed now where its value is known, else at the
// beginning of each run.
template <class Acc>
class RightOperands {
 public:
  // `source` is that of operand 0 with data null; operand i begins i * `step` elements further.
  RightOperands(PrepareContext& ctx, const matmul::Choice<Acc>& choice, int input, int64_t count, int64_t step,
                int64_t columns, int64_t depth, const matmul::Source& source)
      : kernel_(*choice.kernel), input_(input), count_(count), columns_(columns), depth_(depth), source_(source) {
    step_bytes_ = step * matmul_element_bytes(source.element);
    packed_bytes_ = align(kernel_.right_bytes);
    const size_t bytes = static_cast<size_t>(packed_bytes_ * count);
    if (!ctx.is_known(input)) {
      scratch_ = ctx.scratch(bytes);
      return;
    }
    const auto packing = [&](PackRight* pack_right, int64_t item) {
      return [&, pack_right, item](void* to) {
        const void* value = ctx.value_or_null(input);
        for (int64_t i = 0; i < count; ++i) pack_right(at(value, i), columns, depth, static_cast<char*>(to) + i * item);
      };
    };
    TargetPacking other;
    const matmul::RightPacker* row =
        ctx.target() ? matmul::find_packer(kernel_.name, source.int4, *ctx.target()) : nullptr;
    if (row) {
      const int64_t item = align(row->right_bytes);
      other = {row->target, row->name, static_cast<size_t>(item * count), packing(row->pack_right, item)};
    }
    packed_ = ctx.packed(choice.isa, kernel_.name, bytes, {input}, packing(kernel_.pack_right, packed_bytes_),
                         row ? &other : nullptr);
  }

  // The packed operands, item_bytes() apart; valid during this run.
  const char* get(RunContext& run) const {
    if (packed_) return static_cast<const char*>(packed_.get());
    char* to = run.scratch<char>(scratch_);
    const void* value = run.input<char>(input_);
    run.parallel_for(count_, static_cast<double>(columns_ * depth_), [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) kernel_.pack_right(at(value, i), columns_, depth_, to + i * packed_bytes_);
    });
    return to;
  }
  int64_t item_bytes() const { return packed_bytes_; }

 private:
  using RightBytes = size_t(int64_t columns, int64_t depth);
  using PackRight = void(const matmul::Source&, int64_t columns, int64_t depth, void* packed);

  int64_t align(RightBytes* bytes) const { return static_cast<int64_t>(align_up(bytes(columns_, depth_))); }
  matmul::Source at(const void* value, int64_t i) const {
    matmul::Source s = source_;
    s.data = static_cast<const char*>(value) + i * step_bytes_;
    return s;
  }

  const matmul::Kernel<Acc>& kernel_;
  int input_;
  int64_t count_, columns_, depth_, step_bytes_, packed_bytes_;
  matmul::Source source_;
  std::shared_ptr<const void> packed_;
  int scratch_ = -1;
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

// Packs `count` left operands of [rows, depth] that lie one after the other at `data`; the packed ones are `item` bytes
// apart. Runs on several threads where there is much to do.
template <class Acc>
void pack_left(RunContext& run, const matmul::Kernel<Acc>& kernel, const matmul::Source& source, const char* data,
               int64_t count, int64_t rows, int64_t depth, int64_t item, char* packed) {
  run.parallel_for(count * rows, static_cast<double>(depth) * 0.5, [&](int64_t begin, int64_t end, int) {
    while (begin < end) {
      const int64_t i = begin / rows, first = begin % rows;
      const int64_t last = std::min(rows, first + end - begin);
      matmul::Source s = source;
      s.data = data + i * rows * depth * matmul_element_bytes(source.element);
      kernel.pack_left(s, first, last, depth, packed + i * item);
      begin += last - first;
    }
  });
}

}  // namespace sanderling
