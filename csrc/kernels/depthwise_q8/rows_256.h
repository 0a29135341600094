// The kernel of 256-bit vectors: four rows of 32 channels interleaved; see interleaved.h. Dot says how four rows are
// multiplied by their weights and summed:
//   kHalves: see interleaved.h
//   store_rows(to, half, x): stores a vector with bytes of four rows, in kHalves parts that are `half` bytes apart
//   add(acc, x, w): acc + the products of one part by its weights
#pragma once

#include <immintrin.h>

#include "base/in_register.h"
#include "kernels/depthwise_q8/interleaved.h"
#include "quant/requantize_avx2.h"

namespace sanderling {
namespace {

constexpr int kLanes = 2;
constexpr int kVector = 32;

// An input row: column x begins at base + (x * in_c & mask). A row outside of the picture has mask 0 and the zero point
// everywhere.
struct InputRow {
  const uint8_t* base;
  int64_t mask;
};

// n bytes and zeros; n <= 16.
inline __m128i load_part(const uint8_t* p, int64_t n) {
  if (n == 16) return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  if (n == 8) return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
  alignas(16) uint8_t bytes[16] = {};
  std::memcpy(bytes, p, static_cast<size_t>(n));
  return _mm_load_si128(reinterpret_cast<const __m128i*>(bytes));
}

inline void store_part(uint8_t* p, __m128i x, int64_t n) {
  if (n == 16) return _mm_storeu_si128(reinterpret_cast<__m128i*>(p), x);
  if (n == 8) return _mm_storel_epi64(reinterpret_cast<__m128i*>(p), x);
  alignas(16) uint8_t bytes[16];
  _mm_store_si128(reinterpret_cast<__m128i*>(bytes), x);
  std::memcpy(p, bytes, static_cast<size_t>(n));
}

inline __attribute__((always_inline)) void store(void* p, __m256i x) {
  _mm256_storeu_si256(static_cast<__m256i*>(p), x);
}

// Loads one row of kLanes / width pixels with n channels each; at(l) is where the channels of pixel l begin.
template <int width, bool whole, class At>
inline __attribute__((always_inline)) __m256i load_pixels(const At& at, int64_t n) {
  if (width == 2 && whole) return load_256(at(0));
  const __m128i first = load_part(at(0), whole || width == 2 ? 16 : n);
  const __m128i second = width == 2 ? load_part(at(0) + 16, n - 16) : load_part(at(1), whole ? 16 : n);
  return _mm256_inserti128_si256(_mm256_castsi128_si256(first), second, 1);
}

template <class Dot>
inline __attribute__((always_inline)) void store_interleaved(__m256i r0, __m256i r1, __m256i r2, __m256i r3,
                                                             __m256i flip, uint8_t* to, int64_t quarter) {
  r0 = _mm256_xor_si256(r0, flip), r1 = _mm256_xor_si256(r1, flip);
  r2 = _mm256_xor_si256(r2, flip), r3 = _mm256_xor_si256(r3, flip);
  const __m256i low01 = _mm256_unpacklo_epi8(r0, r1), high01 = _mm256_unpackhi_epi8(r0, r1);
  const __m256i low23 = _mm256_unpacklo_epi8(r2, r3), high23 = _mm256_unpackhi_epi8(r2, r3);
  Dot::store_rows(to, 4 * quarter, _mm256_unpacklo_epi16(low01, low23));
  Dot::store_rows(to + quarter, 4 * quarter, _mm256_unpackhi_epi16(low01, low23));
  Dot::store_rows(to + 2 * quarter, 4 * quarter, _mm256_unpacklo_epi16(high01, high23));
  Dot::store_rows(to + 3 * quarter, 4 * quarter, _mm256_unpackhi_epi16(high01, high23));
}

struct Interleave {
  const Window2d& window;
  const Columns& columns;
  const uint8_t* zeros;
  __m256i flip;
  int64_t first, n;  // output columns
  int64_t end;       // of the input's columns
  int64_t apart;     // columns from each of four rows to the next: 1 where they are columns themselves
};

// Fills the columns of one group of four rows for a block.
template <class Dot, int width, bool whole>
void interleave(const Interleave& t, const InputRow (&rows)[4], const Block& block, uint8_t* to) {
  constexpr int kPixels = kLanes / width;
  const Window2d& w = t.window;
  const int64_t step = w.stride_w * w.in_c, last = (kPixels - 1) * w.stride_w;
  const int64_t left = t.first * w.stride_w - w.pad_w, places = Columns::places_of(w, t.n, kPixels);
  for (int64_t residue = 0; residue < w.stride_w; ++residue, to += t.columns.residue) {
    int64_t x = left + residue;
    for (int64_t place = 0; place < places; place += kPixels, x += kPixels * w.stride_w) {
      uint8_t* at = to + place * 16 * width;
      if (x >= 0 && x + last + 3 * t.apart < t.end) {
        const int64_t offset = x * w.in_c, apart = t.apart * w.in_c;
        auto load = [&](int i) __attribute__((always_inline)) {
          return load_pixels<width, whole>(
              [&](int l) __attribute__((always_inline)) {
                return rows[i].base + ((offset + i * apart + l * step) & rows[i].mask);
              },
              block.channels);
        };
        store_interleaved<Dot>(load(0), load(1), load(2), load(3), t.flip, at, t.columns.quarter);
      } else {
        auto load = [&](int i) __attribute__((always_inline)) {
          return load_pixels<width, whole>(
              [&](int l) __attribute__((always_inline)) {
                const int64_t column = x + i * t.apart + l * w.stride_w;
                return column >= 0 && column < t.end ? rows[i].base + (column * w.in_c & rows[i].mask) : t.zeros;
              },
              block.channels);
        };
        store_interleaved<Dot>(load(0), load(1), load(2), load(3), t.flip, at, t.columns.quarter);
      }
    }
  }
}

// What an output row of a block needs.
struct Row {
  const uint8_t* columns;
  int64_t quarter, taps;
  const int64_t* tap_offsets;
  const int8_t* weights;  // [parts][taps][4 vectors]
  int64_t parts;
  const int32_t* start;  // accumulators, 4 vectors
  NarrowTable narrow;
  const float *scale, *offset;  // of fused_rescale.h; null where not all channels have them
  OutputAvx2 output;
  int64_t pixels, channels, out_c;
};

// Stores up to `n` pixels of a block.
template <int width>
inline __attribute__((always_inline)) void store_pixels(__m256i y, int64_t n, const Row& r, uint8_t* to) {
  if (width == 2 && r.channels == kVector) return store(to, y);
  const __m128i first = _mm256_castsi256_si128(y), second = _mm256_extracti128_si256(y, 1);
  store_part(to, first, width == 2 ? 16 : r.channels);
  if (width == 2)
    store_part(to + 16, second, r.channels - 16);
  else if (n > 1)
    store_part(to + r.out_c, second, r.channels);
}

// `n` vectors of columns, all of one vector of channels: their sums.
template <class Dot, int n>
inline __attribute__((always_inline)) void add_tap(__m256i (&acc)[n], const uint8_t* x, int64_t half, const int8_t* w) {
#pragma GCC unroll 2
  for (int h = 0; h < Dot::kHalves; ++h) {
    const __m256i weights = load_256(w + h * 4 * kVector);
#pragma GCC unroll 4
    for (int i = 0; i < n; ++i) {
      acc[i] = Dot::add(acc[i], load_256(x + h * half + i * kVector), weights);
      in_register(acc[i]);
    }
  }
}

// Three taps, the commonest number, are unrolled.
template <class Dot, int taps, int n>
inline __attribute__((always_inline)) void sum_taps(const Row& r, const uint8_t* x, int j, __m256i (&acc)[n]) {
  constexpr int kTap = Dot::kHalves * 4 * kVector;
  const __m256i start = load_256(r.start + 8 * j);
#pragma GCC unroll 4
  for (int i = 0; i < n; ++i) acc[i] = start;
  x += j * r.quarter;
  const int8_t* w = r.weights + j * kVector;
  if (taps == 3) {
#pragma GCC unroll 3
    for (int tap = 0; tap < 3; ++tap) add_tap<Dot>(acc, x + r.tap_offsets[tap], 4 * r.quarter, w + tap * kTap);
    return;
  }
  for (int64_t part = 0; part < r.parts; ++part)
    for (int64_t tap = 0; tap < r.taps; ++tap, w += kTap) add_tap<Dot>(acc, x + r.tap_offsets[tap], 4 * r.quarter, w);
}

// To bytes, 4 of each vector within 128 bits.
struct FusedRow {
  template <int n>
  static inline __attribute__((always_inline)) __m256i to_bytes(__m256i (&acc)[n], const Row& r, int j) {
    const __m256 scale = _mm256_loadu_ps(r.scale + 8 * j), offset = _mm256_loadu_ps(r.offset + 8 * j);
#pragma GCC unroll 4
    for (int i = 0; i < n; ++i) acc[i] = rescale_fused(acc[i], scale, offset);
    return r.output.low_words(acc[0], acc[1 % n], acc[2 % n], acc[3 % n]);
  }
};

struct NarrowRow {
  template <int n>
  static inline __attribute__((always_inline)) __m256i to_bytes(__m256i (&acc)[n], const Row& r, int j) {
    const NarrowAvx2 table = load_narrow(r.narrow, 8 * j);
#pragma GCC unroll 4
    for (int i = 0; i < n; ++i) acc[i] = requantize_narrow(acc[i], table);
    return r.output(acc[0], acc[1 % n], acc[2 % n], acc[3 % n]);
  }
};

// The outputs of n vectors of columns, of which the first has `left` pixels and those after it.
template <class Dot, int width, class Rescale, int taps, int n>
inline __attribute__((always_inline)) void columns_of_bytes(const Row& r, const uint8_t* x, int64_t left,
                                                            uint8_t* out) {
  constexpr int kPixels = kLanes / width;
  __m256i bytes[4];
#pragma GCC unroll 4
  for (int j = 0; j < 4; ++j) {
    __m256i acc[n];
    sum_taps<Dot, taps>(r, x, j, acc);
    bytes[j] = Rescale::to_bytes(acc, r, j);
  }
  // Four bytes of a column are beside those of the others, and come together.
  const __m256i low01 = _mm256_unpacklo_epi32(bytes[0], bytes[1]), low23 = _mm256_unpacklo_epi32(bytes[2], bytes[3]);
  const __m256i high01 = _mm256_unpackhi_epi32(bytes[0], bytes[1]), high23 = _mm256_unpackhi_epi32(bytes[2], bytes[3]);
  const __m256i y[4] = {_mm256_unpacklo_epi64(low01, low23), _mm256_unpackhi_epi64(low01, low23),
                        _mm256_unpacklo_epi64(high01, high23), _mm256_unpackhi_epi64(high01, high23)};
#pragma GCC unroll 4
  for (int i = 0; i < n; ++i) store_pixels<width>(y[i], left - i * kPixels, r, out + i * kPixels * r.out_c);
}

template <class Dot, int width, class Rescale, int taps>
void row_of_bytes(const Row& r, uint8_t* out) {
  constexpr int kPixels = kLanes / width;
  const uint8_t* x = r.columns;
  int64_t left = r.pixels;
  for (; left > 3 * kPixels; left -= 4 * kPixels, x += 4 * kVector, out += 4 * kPixels * r.out_c)
    columns_of_bytes<Dot, width, Rescale, taps, 4>(r, x, left, out);
  if (left > 2 * kPixels)
    columns_of_bytes<Dot, width, Rescale, taps, 3>(r, x, left, out);
  else if (left > kPixels)
    columns_of_bytes<Dot, width, Rescale, taps, 2>(r, x, left, out);
  else if (left > 0)
    columns_of_bytes<Dot, width, Rescale, taps, 1>(r, x, left, out);
}

// The accumulators of a row, in the order of channels, through `acc` (32 of them).
template <class Dot, int width, class Store>
void row_of_sums(const Row& r, int32_t* acc, const Store& store) {
  constexpr int kPixels = kLanes / width;
  const uint8_t* x = r.columns;
  for (int64_t p = 0; p < r.pixels; p += kPixels, x += kVector) {
    for (int j = 0; j < 4; ++j) {
      __m256i sums[1];
      sum_taps<Dot, 0>(r, x, j, sums);
      const __m256i y = _mm256_sub_epi32(sums[0], load_256(r.narrow.bias + 8 * j));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(acc + 4 * j), _mm256_castsi256_si128(y));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(acc + 16 + 4 * j), _mm256_extracti128_si256(y, 1));
    }
    for (int64_t l = 0; l < smaller(kPixels, r.pixels - p); ++l) store(acc + l * 16 * width, p + l);
  }
}

// `at` is the index of the row's first output.
template <class Dot, int width>
void run_row(const DepthwiseQ8& c, const Row& r, const RequantizeTable* wide, const Block& block, int64_t at,
             int32_t* acc, void* output) {
  if (c.multipliers == nullptr) {
    row_of_sums<Dot, width>(r, acc, [&](const int32_t* sums, int64_t p) {
      std::memcpy(static_cast<int32_t*>(output) + at + p * r.out_c, sums,
                  static_cast<size_t>(block.channels) * sizeof(int32_t));
    });
  } else if (wide != nullptr) {
    const OutputStage stage{c.output_zero, c.low, c.high, c.flip};
    row_of_sums<Dot, width>(r, acc, [&](const int32_t* sums, int64_t p) {
      requantize_row(sums, *wide, block.channel, block.channels, stage,
                     static_cast<uint8_t*>(output) + at + p * r.out_c);
    });
  } else {
    const bool three = r.taps == 3 && r.parts == 1;
    const auto run = r.scale != nullptr
                         ? (three ? row_of_bytes<Dot, width, FusedRow, 3> : row_of_bytes<Dot, width, FusedRow, 0>)
                         : (three ? row_of_bytes<Dot, width, NarrowRow, 3> : row_of_bytes<Dot, width, NarrowRow, 0>);
    run(r, static_cast<uint8_t*>(output) + at);
  }
}

template <class Dot, int width>
void interleave_block(const Interleave& t, const InputRow (&rows)[4], const Block& block, uint8_t* to) {
  if (block.channels == 16 * width)
    interleave<Dot, width, true>(t, rows, block, to);
  else
    interleave<Dot, width, false>(t, rows, block, to);
}

// A picture one pixel wide is turned: its rows are columns, of which each is interleaved with the three after it.
inline bool is_turned(const Window2d& w) {
  return w.in_w == 1 && w.out_w == 1 && w.kernel_w == 1 && w.stride_h == 1 && w.dilation_h == 1;
}

// As many columns as leave half of an L1 cache to pictures, as the next channels are in the same lines.
template <class Dot>
Strip strip_256(const DepthwiseQ8& c) {
  constexpr int64_t kBytes = 12288, kGroup = 4 * kLanes, kColumn = Dot::kHalves * 4 * kVector;
  Strip strip{c.window, row_groups(c.window).groups, 0};
  Window2d& w = strip.window;
  if (is_turned(w)) {
    w.in_w = w.in_h, w.out_w = w.out_h, w.pad_w = w.pad_h, w.kernel_w = 4 * strip.groups - 3;
    w.in_h = w.out_h = w.kernel_h = w.stride_w = w.dilation_w = 1, w.pad_h = 0;
    strip.groups = 1;
  }
  const int64_t n = kBytes / (strip.groups * w.stride_w * kColumn) / kGroup * kGroup;
  strip.n = smaller(n < kGroup ? kGroup : n, w.out_w);
  return strip;
}

template <class Dot>
size_t scratch_bytes_256(const DepthwiseQ8& c) {
  return ScratchLayout<kLanes, Dot::kHalves>(c, strip_256<Dot>(c)).bytes;
}

template <class Dot>
void run_256(const DepthwiseQ8& c, const void* packed, const uint8_t* input, void* output, int64_t row_begin,
             int64_t row_end, void* scratch) noexcept {
  const Strip strip = strip_256<Dot>(c);
  const Window2d& w = strip.window;
  const bool turned = is_turned(c.window);
  const PackedLayout<kLanes, Dot::kHalves> at(c);
  const ScratchLayout<kLanes, Dot::kHalves> own(c, strip);
  const char* base = static_cast<const char*>(packed);
  char* memory = static_cast<char*>(scratch);
  int32_t* start = reinterpret_cast<int32_t*>(memory);
  int64_t* tap_offsets = reinterpret_cast<int64_t*>(memory + own.taps);
  int32_t* acc = reinterpret_cast<int32_t*>(memory + own.acc);
  uint8_t* zeros = reinterpret_cast<uint8_t*>(memory + own.zeros);
  uint8_t* columns = reinterpret_cast<uint8_t*>(memory + own.columns);
  const int32_t* used_parts = reinterpret_cast<const int32_t*>(base + at.used_parts);
  const RequantizeTable wide = view_requantize_table(base + at.wide, w.out_c);

  const __m256i zero = _mm256_set1_epi32(c.input_zero + 128);
  const FusedTable fused = view_fused_table(base + at.fused, at.entries);
  const bool may_fuse = !base[at.is_wide] && fused_table_holds(base + at.fused, c.input_zero);
  for (int64_t e = 0; e < at.entries; e += 8) {
    const void* own_start =
        may_fuse && fused.has[e / at.kEntries] ? static_cast<const void*>(fused.start + e) : base + at.start + 4 * e;
    store(start + e, _mm256_sub_epi32(load_256(own_start), _mm256_mullo_epi32(load_256(base + at.sum + 4 * e), zero)));
  }
  std::memset(zeros, static_cast<uint8_t>(c.input_zero) ^ c.flip, 64);

  const OutputAvx2 stage(c.output_zero, c.low, c.high, c.flip);
  const __m256i flip = _mm256_set1_epi8(static_cast<char>(c.flip ^ 0x80));
  const NarrowTable narrow = view_narrow_table(base + at.narrow, static_cast<size_t>(at.entries));
  // For blocks of one lane and of two.
  const Columns shapes[2] = {{w, strip.n, 1, kLanes, Dot::kHalves}, {w, strip.n, 2, kLanes, Dot::kHalves}};
  for (int64_t width = 1; width <= 2; ++width)
    for (int64_t tap = 0; tap < at.taps; ++tap)
      tap_offsets[(width - 1) * at.taps + tap] =
          turned ? shapes[width - 1].tap(w, 0, 4 * tap, width)
                 : shapes[width - 1].tap(w, tap / w.kernel_w, tap % w.kernel_w, width);
  Row r{columns, 0, at.taps, nullptr, nullptr, 0, nullptr, {}, nullptr, nullptr, stage, 0, 0, w.out_c};
  for (int64_t row = row_begin; row < row_end;) {
    const int64_t batch = row / c.window.out_h, y = row % c.window.out_h,
                  left = smaller(row_end - row, c.window.out_h - y);
    // Rows, each with columns from `begin` to `end`.
    const int64_t n = turned ? 1 : smaller(at.rows.together, left);
    const int64_t begin = turned ? y : 0, end = turned ? y + left : w.out_w;
    // Rows that no output needs may not be there.
    const int64_t columns_end = turned ? smaller(w.in_w, end - 1 - w.pad_w + c.window.kernel_h) : w.in_w;
    const uint8_t* picture = input + batch * w.in_h * w.in_w * w.in_c;
    const int64_t top = turned ? 0 : y * w.stride_h - w.pad_h;
    const int64_t slots = (n - 1) * w.stride_h + w.kernel_h;
    for (int64_t b = 0; b < at.blocks; ++b) {
      const Block block = block_at<kLanes>(w.out_c, b);
      const Columns& shape = shapes[block.width - 1];
      const int64_t entry = b * at.kEntries;
      r.tap_offsets = tap_offsets + (block.width - 1) * at.taps;
      r.quarter = shape.quarter;
      r.parts = within(used_parts[b], 1, at.parts);
      r.start = start + entry;
      r.narrow = {narrow.bias + entry, narrow.twice + entry, narrow.offset + entry, narrow.threshold + entry,
                  narrow.right + entry};
      r.scale = may_fuse && fused.has[b] ? fused.scale + entry : nullptr;
      r.offset = fused.offset + entry;
      r.channels = block.channels;
      for (int64_t first = begin; first < end; first += strip.n) {
        r.pixels = smaller(strip.n, end - first);
        const Interleave t{w, shape, zeros, flip, first, r.pixels, columns_end, turned};
        for (int64_t group = 0; group < strip.groups; ++group) {
          InputRow rows[4];
          for (int64_t i = 0; i < 4; ++i) {
            const int64_t slot = turned ? 0 : 4 * group + i, in_y = top + slot * w.dilation_h;
            rows[i] = slot < slots && in_y >= 0 && in_y < w.in_h
                          ? InputRow{picture + in_y * w.in_w * w.in_c + block.channel, -1}
                          : InputRow{zeros, 0};
          }
          uint8_t* to = columns + group * w.stride_w * shape.residue;
          if (block.width == 2)
            interleave_block<Dot, 2>(t, rows, block, to);
          else
            interleave_block<Dot, 1>(t, rows, block, to);
        }
        for (int64_t i = 0; i < n; ++i) {
          r.weights = reinterpret_cast<const int8_t*>(base + b * at.block_bytes + i * at.row_bytes);
          const RequantizeTable* table = base[at.is_wide] ? &wide : nullptr;
          const int64_t pixel = turned ? row - y + first : (row + i) * w.out_w + first;
          if (block.width == 2)
            run_row<Dot, 2>(c, r, table, block, pixel * w.out_c + block.channel, acc, output);
          else
            run_row<Dot, 1>(c, r, table, block, pixel * w.out_c + block.channel, acc, output);
        }
      }
    }
    row += turned ? left : n;
  }
}

}  // namespace

}  // namespace sanderling
