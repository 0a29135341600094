#include "ops/matmul.h"

namespace sanderling {

matmul::Element matmul_element(const TensorInfo& t) {
  switch (t.dtype) {
    case DType::int8: return matmul::Element::s8;
    case DType::uint8: return matmul::Element::u8;
    case DType::int16: return matmul::Element::s16;
    case DType::float32: return matmul::Element::f32;
    default: fail("tensor '", t.name, "' is ", dtype_name(t.dtype), "; int8, uint8, int16 or float32 expected");
  }
}

PackedRight::PackedRight(PrepareContext& ctx, const RightKernel& kernel, int input, int64_t count, int64_t step,
                         int64_t columns, int64_t depth, const matmul::Source& source)
    : pack_right_(kernel.pack_right), input_(input), count_(count), columns_(columns), depth_(depth), source_(source) {
  step_bytes_ = step * matmul_element_bytes(source.element);
  packed_bytes_ = align(kernel.right_bytes);
  const size_t bytes = static_cast<size_t>(packed_bytes_ * count);
  if (!ctx.is_known(input)) {
    scratch_ = ctx.scratch(bytes);
    return;
  }
  const auto packing = [&](PackRight* pack_right, int64_t item) {
    return [&, pack_right, item](void* to) {
      const void* value = ctx.value_or_null(input);
      ctx.later([operands = *this, pack_right, item, value, to] {
        for (int64_t i = 0; i < operands.count_; ++i)
          pack_right(operands.at(value, i), operands.columns_, operands.depth_, static_cast<char*>(to) + i * item);
      });
    };
  };
  TargetPacking other;
  const matmul::RightPacker* row =
      ctx.target() ? matmul::find_packer(kernel.name, source.int4, *ctx.target()) : nullptr;
  if (row) {
    const int64_t item = align(row->right_bytes);
    other = {row->target, row->name, static_cast<size_t>(item * count), packing(row->pack_right, item)};
  }
  packed_ = ctx.packed(kernel.isa, kernel.name, bytes, {input}, packing(kernel.pack_right, packed_bytes_),
                       row ? &other : nullptr);
}

const char* PackedRight::get(RunContext& run) const {
  if (packed_) return static_cast<const char*>(packed_.get());
  char* to = run.scratch<char>(scratch_);
  const void* value = run.input<char>(input_);
  run.parallel_for(count_, static_cast<double>(columns_ * depth_), [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) pack_right_(at(value, i), columns_, depth_, to + i * packed_bytes_);
  });
  return to;
}

void pack_left_operands(RunContext& run, PackLeft* pack, const matmul::Source& source, const char* data, int64_t count,
                        int64_t rows, int64_t depth, int64_t item, char* packed) {
  run.parallel_for(count * rows, static_cast<double>(depth) * 0.5, [&](int64_t begin, int64_t end, int) {
    while (begin < end) {
      const int64_t i = begin / rows, first = begin % rows;
      const int64_t last = std::min(rows, first + end - begin);
      matmul::Source s = source;
      s.data = data + i * rows * depth * matmul_element_bytes(source.element);
      pack(s, first, last, depth, packed + i * item);
      begin += last - first;
    }
  });
}

}  // namespace sanderling
