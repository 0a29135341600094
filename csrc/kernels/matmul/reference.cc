// Portable kernels. 8- and 16-bit operands are widened to int16 without their zero points, and depth is padded with
// zeros to a whole number of vectors, so that compilers find dot products of int16 (pmaddwd, smlal) and no tails.
#include "kernels/matmul/matmul.h"

namespace sanderling::matmul {
namespace {

constexpr int64_t kDepthUnit = 8;
constexpr int64_t kHeader = 64;  // bytes before packed vectors of s16

int64_t padded(int64_t depth) { return (depth + kDepthUnit - 1) / kDepthUnit * kDepthUnit; }

template <class T>
void widen(const Source& s, int64_t first, int64_t last, int64_t depth, int16_t* packed) noexcept {
  const T* data = static_cast<const T*>(s.data);
  const int32_t zero = s.zero_point;
  const int64_t stride = padded(depth);
  for (int64_t i = first; i < last; ++i) {
    const T* from = data + i * s.vector_stride;
    int16_t* to = packed + i * stride;
    if (s.depth_stride == 1)
      for (int64_t k = 0; k < depth; ++k) to[k] = static_cast<int16_t>(from[k] - zero);
    else
      for (int64_t k = 0; k < depth; ++k) to[k] = static_cast<int16_t>(from[k * s.depth_stride] - zero);
    for (int64_t k = depth; k < stride; ++k) to[k] = 0;
  }
}

void widen_any(const Source& s, int64_t first, int64_t last, int64_t depth, int16_t* packed) noexcept {
  switch (s.element) {
    case Element::s8: return widen<int8_t>(s, first, last, depth, packed);
    case Element::u8: return widen<uint8_t>(s, first, last, depth, packed);
    case Element::s16: return widen<int16_t>(s, first, last, depth, packed);
    case Element::f32: return;
  }
}

size_t widened_bytes(int64_t vectors, int64_t depth) {
  return static_cast<size_t>(vectors * padded(depth)) * sizeof(int16_t);
}

// q8 -----------------------------------------------------------------------------------------------------------------

// |left - zero| and |right - zero| are at most 255: this many products fit int32.
constexpr int64_t kChunk8 = 32768;

void pack_left_widened(const Source& s, int64_t first, int64_t last, int64_t depth, void* packed) {
  widen_any(s, first, last, depth, static_cast<int16_t*>(packed));
}
void pack_right_q8(const Source& s, int64_t columns, int64_t depth, void* packed) {
  widen_any(s, 0, columns, depth, static_cast<int16_t*>(packed));
}

// Packed vectors begin at multiples of kDepthUnit elements.
const int16_t* aligned(const int16_t* p) noexcept {
  return static_cast<const int16_t*>(__builtin_assume_aligned(p, kDepthUnit * sizeof(int16_t)));
}

int32_t dot(const int16_t* from_x, const int16_t* from_w, int64_t vectors) noexcept {
  const int16_t* __restrict x = aligned(from_x);
  const int16_t* __restrict w = aligned(from_w);
  int32_t sum = 0;
  for (int64_t k = 0; k < vectors * kDepthUnit; ++k) sum += x[k] * w[k];
  return sum;
}

void dot_1x4(const int16_t* from, const int16_t* w, int64_t stride, int64_t vectors, int32_t* sums) noexcept {
  const int16_t* __restrict x = aligned(from);
  const int16_t* __restrict w0 = aligned(w);
  const int16_t* __restrict w1 = aligned(w + stride);
  const int16_t* __restrict w2 = aligned(w + 2 * stride);
  const int16_t* __restrict w3 = aligned(w + 3 * stride);
  int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
  for (int64_t k = 0; k < vectors * kDepthUnit; ++k) {
    s0 += x[k] * w0[k];
    s1 += x[k] * w1[k];
    s2 += x[k] * w2[k];
    s3 += x[k] * w3[k];
  }
  sums[0] = s0, sums[1] = s1, sums[2] = s2, sums[3] = s3;
}

void dot_2x4(const int16_t* from, const int16_t* w, int64_t stride, int64_t vectors, int32_t* sums) noexcept {
  const int16_t* __restrict x = aligned(from);
  const int16_t* __restrict x1 = aligned(from + stride);
  const int16_t* __restrict w0 = aligned(w);
  const int16_t* __restrict w1 = aligned(w + stride);
  const int16_t* __restrict w2 = aligned(w + 2 * stride);
  const int16_t* __restrict w3 = aligned(w + 3 * stride);
  int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0, t0 = 0, t1 = 0, t2 = 0, t3 = 0;
  for (int64_t k = 0; k < vectors * kDepthUnit; ++k) {
    s0 += x[k] * w0[k];
    s1 += x[k] * w1[k];
    s2 += x[k] * w2[k];
    s3 += x[k] * w3[k];
    t0 += x1[k] * w0[k];
    t1 += x1[k] * w1[k];
    t2 += x1[k] * w2[k];
    t3 += x1[k] * w3[k];
  }
  sums[0] = s0, sums[1] = s1, sums[2] = s2, sums[3] = s3;
  sums[4] = t0, sums[5] = t1, sums[6] = t2, sums[7] = t3;
}

// Adds the products of rows [r, r + rows) and columns [c, c + columns) over one chunk of depth to acc, modulo 2^32.
// Add is false for the first chunk.
template <int kRows, int kColumns>
void tile_q8(const int16_t* x, const int16_t* w, int64_t stride, int64_t vectors, bool add, int32_t* acc) noexcept {
  int32_t sums[kRows * kColumns];
  if constexpr (kRows == 2 && kColumns == 4)
    dot_2x4(x, w, stride, vectors, sums);
  else if constexpr (kColumns == 4)
    dot_1x4(x, w, stride, vectors, sums);
  else
    sums[0] = dot(x, w, vectors);
  for (int r = 0; r < kRows; ++r)
    for (int c = 0; c < kColumns; ++c) {
      uint32_t before = add ? static_cast<uint32_t>(acc[r * kColumnBlock + c]) : 0;
      acc[r * kColumnBlock + c] = static_cast<int32_t>(before + static_cast<uint32_t>(sums[r * kColumns + c]));
    }
}

void run_q8(const void* left, const void* right, int64_t depth, const Block& b, int32_t* acc) {
  const int64_t stride = padded(depth);
  const int64_t rows = b.last_row - b.first_row, columns = b.last_column - b.first_column;
  int64_t from = 0;
  do {
    int64_t rest = stride - from;
    int64_t vectors = (rest < kChunk8 ? rest : kChunk8) / kDepthUnit;
    const int16_t* x = static_cast<const int16_t*>(left) + b.first_row * stride + from;
    const int16_t* w = static_cast<const int16_t*>(right) + b.first_column * stride + from;
    const bool add = from > 0;
    int64_t c = 0;
    for (; c + 4 <= columns; c += 4) {
      int64_t r = 0;
      for (; r + 2 <= rows; r += 2)
        tile_q8<2, 4>(x + r * stride, w + c * stride, stride, vectors, add, acc + r * kColumnBlock + c);
      if (r < rows) tile_q8<1, 4>(x + r * stride, w + c * stride, stride, vectors, add, acc + r * kColumnBlock + c);
    }
    for (; c < columns; ++c)
      for (int64_t r = 0; r < rows; ++r)
        tile_q8<1, 1>(x + r * stride, w + c * stride, stride, vectors, add, acc + r * kColumnBlock + c);
    from += kChunk8;
  } while (from < stride);
}

// s16 ----------------------------------------------------------------------------------------------------------------

size_t right_bytes_s16(int64_t columns, int64_t depth) { return kHeader + widened_bytes(columns, depth); }

// The header of packed right operands is how many products with an int16 surely fit int32.
void pack_right_s16(const Source& s, int64_t columns, int64_t depth, void* packed) {
  int16_t* w = reinterpret_cast<int16_t*>(static_cast<char*>(packed) + kHeader);
  widen_any(s, 0, columns, depth, w);
  int32_t largest = 1;
  for (int64_t i = 0; i < columns * padded(depth); ++i) {
    int32_t magnitude = w[i] < 0 ? -w[i] : w[i];
    largest = magnitude > largest ? magnitude : largest;
  }
  *static_cast<int64_t*>(packed) = INT32_MAX / (32768 * static_cast<int64_t>(largest));
}

int64_t dot_s16(const int16_t* __restrict x, const int16_t* __restrict w, int64_t stride, int64_t chunk) noexcept {
  int64_t sum = 0;
  if (chunk < kDepthUnit) {
    for (int64_t k = 0; k < stride; ++k) sum += static_cast<int64_t>(x[k] * w[k]);
    return sum;
  }
  for (int64_t k = 0; k < stride; k += chunk)
    sum += dot(x + k, w + k, (stride - k < chunk ? stride - k : chunk) / kDepthUnit);
  return sum;
}

void run_s16(const void* left, const void* right, int64_t depth, const Block& b, int64_t* acc) {
  const int64_t stride = padded(depth);
  const int64_t chunk = *static_cast<const int64_t*>(right) / kDepthUnit * kDepthUnit;
  const int16_t* x = static_cast<const int16_t*>(left) + b.first_row * stride;
  const int16_t* w =
      reinterpret_cast<const int16_t*>(static_cast<const char*>(right) + kHeader) + b.first_column * stride;
  for (int64_t c = 0; c < b.last_column - b.first_column; ++c)
    for (int64_t r = 0; r < b.last_row - b.first_row; ++r)
      acc[r * kColumnBlock + c] = dot_s16(x + r * stride, w + c * stride, stride, chunk);
}

// f32 ----------------------------------------------------------------------------------------------------------------
// Right operands are interleaved by 16 columns, so that sums run along columns and each keeps the order of k.

typedef float Float4 __attribute__((vector_size(16)));
constexpr int64_t kWidth = 16;

size_t left_bytes_f32(int64_t rows, int64_t depth) { return static_cast<size_t>(rows * depth) * sizeof(float); }
size_t right_bytes_f32(int64_t columns, int64_t depth) {
  return static_cast<size_t>((columns + kWidth - 1) / kWidth * kWidth * depth) * sizeof(float);
}

void pack_left_f32(const Source& s, int64_t first, int64_t last, int64_t depth, void* packed) {
  const float* data = static_cast<const float*>(s.data);
  float* to = static_cast<float*>(packed);
  for (int64_t i = first; i < last; ++i)
    for (int64_t k = 0; k < depth; ++k) to[i * depth + k] = data[i * s.vector_stride + k * s.depth_stride];
}

void pack_right_f32(const Source& s, int64_t columns, int64_t depth, void* packed) {
  const float* data = static_cast<const float*>(s.data);
  float* to = static_cast<float*>(packed);
  for (int64_t c = 0; c < columns; c += kWidth, to += kWidth * depth)
    for (int64_t j = 0; j < kWidth; ++j)
      for (int64_t k = 0; k < depth; ++k)
        to[k * kWidth + j] = c + j < columns ? data[(c + j) * s.vector_stride + k * s.depth_stride] : 0.0f;
}

template <int kRows>
void tile_f32(const float* x, const Float4* w, int64_t depth, float* acc, int64_t columns) noexcept {
  Float4 sum[kRows][4] = {};
  for (int64_t k = 0; k < depth; ++k, w += 4)
    for (int r = 0; r < kRows; ++r) {
      const float v = x[r * depth + k];
      const Float4 value = {v, v, v, v};
      sum[r][0] += value * w[0];
      sum[r][1] += value * w[1];
      sum[r][2] += value * w[2];
      sum[r][3] += value * w[3];
    }
  for (int r = 0; r < kRows; ++r)
    for (int64_t c = 0; c < columns; ++c) acc[r * kColumnBlock + c] = sum[r][c / 4][c % 4];
}

void run_f32(const void* left, const void* right, int64_t depth, const Block& b, float* acc) {
  const int64_t rows = b.last_row - b.first_row;
  const float* x = static_cast<const float*>(left) + b.first_row * depth;
  for (int64_t c = b.first_column; c < b.last_column; c += kWidth) {
    const Float4* w = reinterpret_cast<const Float4*>(static_cast<const float*>(right) + c * depth);
    const int64_t columns = b.last_column - c < kWidth ? b.last_column - c : kWidth;
    float* to = acc + c - b.first_column;
    int64_t r = 0;
    for (; r + 2 <= rows; r += 2) tile_f32<2>(x + r * depth, w, depth, to + r * kColumnBlock, columns);
    if (r < rows) tile_f32<1>(x + r * depth, w, depth, to + r * kColumnBlock, columns);
  }
}

}  // namespace

extern const Kernel<int32_t> q8_portable;
extern const Kernel<int64_t> s16_portable;
extern const Kernel<float> f32_portable;

const Kernel<int32_t> q8_portable = {"q8", widened_bytes, widened_bytes, pack_left_widened, pack_right_q8, run_q8};
const Kernel<int64_t> s16_portable = {"s16",          widened_bytes, right_bytes_s16, pack_left_widened,
                                      pack_right_s16, run_s16};
const Kernel<float> f32_portable = {"f32", left_bytes_f32, right_bytes_f32, pack_left_f32, pack_right_f32, run_f32};

}  // namespace sanderling::matmul
