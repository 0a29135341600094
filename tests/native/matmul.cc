#include "kernels/matmul/matmul.h"

#include "base/aligned_buffer.h"
#include "check.h"
#include "cpu/pack_targets.h"
#include "isa_select.h"
#include "packed.h"

namespace sanderling::matmul {

using q8 = int32_t;
using q4 = int32_t;
using s16 = int64_t;
using f32 = float;

#define SANDERLING_KERNEL(isa, family) SANDERLING_IF_##isa(extern const Kernel<family> family##_##isa;)
#include "kernels/matmul/kernels.inc"
#undef SANDERLING_KERNEL

}  // namespace sanderling::matmul

namespace sanderling::test {
namespace {

using namespace sanderling::matmul;

constexpr int64_t kCells = kRowBlock * kColumnBlock;

// An operand of `vectors` by `depth` values, either of them dense.
struct Operand {
  std::vector<uint8_t> data;
  Source source;
};

size_t bytes_of(Element e) { return e == Element::s16 ? 2 : (e == Element::f32 ? 4 : 1); }

Operand random_operand(Random& random, Element element, int64_t vectors, int64_t depth, int32_t zero) {
  Operand o;
  if (element == Element::f32) {
    const std::vector<float> values = random.floats(vectors * depth);
    o.data.resize(values.size() * sizeof(float));
    std::memcpy(o.data.data(), values.data(), o.data.size());
  } else {
    o.data = random.bytes(vectors * depth * static_cast<int64_t>(bytes_of(element)));
  }
  const bool by_depth = random.once_in(3);
  o.source = {nullptr, element, by_depth ? 1 : depth, by_depth ? vectors : 1, zero};
  return o;
}

double value(const Operand& o, int64_t vector, int64_t k) {
  const int64_t i = vector * o.source.vector_stride + k * o.source.depth_stride;
  const uint8_t* p = o.data.data() + static_cast<size_t>(i) * bytes_of(o.source.element);
  switch (o.source.element) {
    case Element::s8: return static_cast<int8_t>(*p);
    case Element::u8: return *p;
    case Element::s16: {
      int16_t x;
      std::memcpy(&x, p, sizeof x);
      return x;
    }
    case Element::f32: break;
  }
  float x;
  std::memcpy(&x, p, sizeof x);
  return static_cast<double>(x);
}

// The definition; exact: integer sums of these depths fit the 53 bits of a double. size: sum of the terms' sizes.
double sum_of(const Operand& left, const Operand& right, int64_t row, int64_t column, int64_t depth, double& size) {
  double sum = 0;
  size = 0;
  for (int64_t k = 0; k < depth; ++k) {
    const double term =
        (value(left, row, k) - left.source.zero_point) * (value(right, column, k) - right.source.zero_point);
    sum += term, size += std::fabs(term);
  }
  return sum;
}

template <class Acc>
Acc expected_value(double sum) {
  if constexpr (std::is_same_v<Acc, int32_t>)
    return static_cast<int32_t>(static_cast<uint32_t>(static_cast<int64_t>(sum)));  // modulo 2^32
  else
    return static_cast<Acc>(sum);
}

// Where the row's family has packers: its own one gives the same bytes on any processor.
template <class Acc>
void check_packer(Tally& tally, const Kernel<Acc>& kernel, Isa isa, const Operand& right, int64_t columns,
                  int64_t depth) {
  const auto target = find_pack_target(concat(SANDERLING_FAMILY "/", isa_name(isa)));
  if (!target || isa == Isa::portable) return;
  const RightPacker* packer = find_packer(kernel.int4 ? "q8" : kernel.name, kernel.int4, *target);
  if (packer == nullptr || packer->target != *target || packer->name != std::string(kernel.name))
    return tally.fail("has no packer");
  const size_t bytes = kernel.right_bytes(columns, depth);
  if (packer->right_bytes(columns, depth) != bytes) return tally.fail("packs another number of bytes than its packer");
  AlignedBuffer own(bytes), other(bytes);
  Source source = right.source;
  source.data = right.data.data();
  kernel.pack_right(source, columns, depth, own.data());
  packer->pack_right(source, columns, depth, other.data());
  if (std::memcmp(own.data(), other.data(), bytes) != 0) tally.fail("packs other bytes than its packer");
}

template <class Acc>
void check_kernel(Random& random, Tally& tally, const Kernel<Acc>& kernel, Isa isa, const char* family) {
  constexpr bool kFloat = std::is_same_v<Acc, float>;
  const int64_t rows = random.once_in(3) ? 1 : random.between(1, 40);
  const int64_t columns = random.between(1, random.once_in(2) ? 9 : 150);
  const int64_t depth = random.between(1, random.once_in(2) ? 40 : 300);
  Element left_element = Element::f32, right_element = Element::f32;
  int32_t left_zero = 0, right_zero = 0;
  if constexpr (std::is_same_v<Acc, int32_t>) {
    left_element = right_element = random.once_in(2) ? Element::s8 : Element::u8;
    const int32_t low = left_element == Element::s8 ? -128 : 0;
    left_zero = low + static_cast<int32_t>(random.between(0, 255));
    right_zero = random.once_in(2) ? low + 128 : low + static_cast<int32_t>(random.between(0, 255));
  } else if constexpr (!kFloat) {
    left_element = Element::s16;
    right_element = random.once_in(2) ? Element::s8 : Element::s16;
  }
  if (kernel.int4)
    left_element = right_element = Element::s8, left_zero = static_cast<int8_t>(left_zero), right_zero = 0;
  const Operand left = random_operand(random, left_element, rows, depth, left_zero);
  Operand right = random_operand(random, right_element, columns, depth, right_zero);
  if (kernel.int4)
    for (uint8_t& x : right.data) x = static_cast<uint8_t>(static_cast<int8_t>(x) >> 4);
  else if (std::is_same_v<Acc, int32_t> && random.once_in(2))  // no least value: kernels may compute in another way
    for (uint8_t& x : right.data) x += x == (right_element == Element::s8 ? 0x80 : 0);
  const bool runs = tally.begins("matmul", isa, family,
                                 "rows " + std::to_string(rows) + ", columns " + std::to_string(columns) + ", depth " +
                                     std::to_string(depth) + ", zeros " + std::to_string(left_zero) + "," +
                                     std::to_string(right_zero));
  if (!runs) return;
  check_packer(tally, kernel, isa, right, columns, depth);
  for (Place place : {Place::at_end, Place::at_begin}) {
    const Guarded left_data(left.data.data(), left.data.size(), place);
    const Guarded right_data(right.data.data(), right.data.size(), place);
    Source left_source = left.source, right_source = right.source;
    left_source.data = left_data.as<void>(), right_source.data = right_data.as<void>();
    const Guarded packed_left(kernel.left_bytes(rows, depth), place, kAlignment);
    const Guarded packed_right(kernel.right_bytes(columns, depth), place, kAlignment);
    for (int64_t first = 0; first < rows; first += kRowBlock)
      kernel.pack_left(left_source, first, std::min(first + kRowBlock, rows), depth, packed_left.as<void>());
    kernel.pack_right(right_source, columns, depth, packed_right.as<void>());
    if (!packed_left.whole() || !packed_right.whole()) tally.fail("wrote outside the packed operands");
    for (int64_t row = 0; row < rows; row += kRowBlock)
      for (int64_t column = 0; column < columns; column += kColumnBlock) {
        const Block block = {row, std::min(row + kRowBlock, rows), column, std::min(column + kColumnBlock, columns)};
        const Guarded acc(kCells * sizeof(Acc), place, kAlignment);
        kernel.run(packed_left.as<void>(), packed_right.as<void>(), depth, block, acc.as<Acc>());
        for (int64_t r = block.first_row; r < block.last_row; ++r)
          for (int64_t c = block.first_column; c < block.last_column; ++c) {
            const Acc ours = acc.as<Acc>()[(r - row) * kColumnBlock + c - column];
            double size;
            const double sum = sum_of(left, right, r, c, depth, size);
            if (kFloat ? std::fabs(static_cast<double>(ours) - sum) <= 1e-5 * size : ours == expected_value<Acc>(sum))
              continue;
            tally.fail("acc[" + std::to_string(r) + ", " + std::to_string(c) + "] is " + std::to_string(ours) +
                       "; expected " + std::to_string(sum));
          }
        if (!acc.whole()) tally.fail("wrote outside the accumulators");
        // Packed weights may come from a file: whatever they hold, nothing is touched that is not the kernel's.
        damage(random, packed_right.as<uint8_t>(), kernel.right_bytes(columns, depth));
        kernel.run(packed_left.as<void>(), packed_right.as<void>(), depth, block, acc.as<Acc>());
        if (!acc.whole()) tally.fail("wrote outside the accumulators, given damaged weights");
        kernel.pack_right(right_source, columns, depth, packed_right.as<void>());
      }
  }
}

}  // namespace

void check_matmul(Random& random, Tally& tally) {
#define SANDERLING_KERNEL(isa, family) \
  SANDERLING_IF_##isa(check_kernel(random, tally, sanderling::matmul::family##_##isa, Isa::isa, #family);)
#include "kernels/matmul/kernels.inc"
#undef SANDERLING_KERNEL
}

}  // namespace sanderling::test
