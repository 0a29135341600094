// Matrix products, the work inside FULLY_CONNECTED (but for float), BATCH_MATMUL and TRANSPOSE_CONV:
//
//   acc[r, c] = sum over k in [0, depth) of (left[r, k] - left_zero) * (right[c, k] - right_zero)
//
//   q8    8-bit operands of either sign and any zero point; exact modulo 2^32
//   q4    the same for right operands whose values are int4, in [-8, 7], as int8; two lie in a byte of the packed form
//   s16   left int16, right int8 or int16; exact in int64. Zero points such that (right - right_zero) fits int16
//   f32   float, summed in the order of k, with or without rounding each product; no zero points
//
// The right operand (weights) is packed once where it is constant, the left one for each run. The formats of packed
// operands are each kernel's own: zero points, and what a kernel needs to correct for them, go into the packed data.
// A packed buffer is 64-byte aligned and the caller's.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sanderling {

enum class Isa : int;
enum class PackTarget : int;

namespace matmul {

// Blocks that `run` is asked for start at multiples of these, and end at the next multiple or at the operand's end.
constexpr int64_t kRowBlock = 16;
constexpr int64_t kColumnBlock = 64;

enum class Element : uint8_t { s8, u8, s16, f32 };

// An unpacked operand: vector i (a row of left, a column of right) has element k at
// data[i * vector_stride + k * depth_stride]; strides in elements.
struct Source {
  const void* data;
  Element element;
  int64_t vector_stride, depth_stride;
  int32_t zero_point;
  bool int4 = false;  // the values, as int8, are in [-8, 7]
};

struct Block {
  int64_t first_row, last_row;
  int64_t first_column, last_column;
};

template <class Acc>
struct Kernel {
  const char* name;
  size_t (*left_bytes)(int64_t rows, int64_t depth);
  size_t (*right_bytes)(int64_t columns, int64_t depth);
  // Packs rows [first, last) only; different ranges may be packed by different threads.
  void (*pack_left)(const Source&, int64_t first, int64_t last, int64_t depth, void* packed);
  void (*pack_right)(const Source&, int64_t columns, int64_t depth, void* packed);
  // Writes acc[(r - first_row) * kColumnBlock + c - first_column] for the block.
  void (*run)(const void* left, const void* right, int64_t depth, const Block&, Acc* acc);
  double macs_per_nanosecond = 7;  // roughly
  bool int4 = false;               // q4
};

// The best kernel that needs no more than `isa`, and what it needs.
template <class Acc>
struct Choice {
  const Kernel<Acc>* kernel;
  Isa isa;
};
// `int4`: whether the right operand is.
Choice<int32_t> choose_q8(Isa isa, bool int4 = false);
Choice<int64_t> choose_s16(Isa isa);
Choice<float> choose_f32(Isa isa);

// How another processor packs the right operand, for the kernel that it chooses.
struct RightPacker {
  PackTarget target;
  const char* name;
  size_t (*right_bytes)(int64_t columns, int64_t depth);
  void (*pack_right)(const Source&, int64_t columns, int64_t depth, void* packed);
};
// `kernel`: q8, s16 or f32; `int4` as above. Null: as the portable kernel.
const RightPacker* find_packer(const char* kernel, bool int4, PackTarget best);

}  // namespace matmul
}  // namespace sanderling
