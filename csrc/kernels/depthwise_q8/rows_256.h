// The kernel of 256-bit vectors: four rows of 32 channels interleaved; see interleaved.h. Dot says how four rows are
// multiplied by their weights and summed:
//   kHalves: see interleaved.h
//   store_rows(to, half, x): stores a vector with bytes of four rows, in kHalves parts that are `half` bytes apart
//   add(acc, x, half, w): acc + the products of what store_rows left at x by the weights at w, for kHalves = 2 in two
//     parts that are 4 vectors apart
#pragma once

#include <immintrin.h>

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
};

// Fills the columns of one group of four rows for a block.
template <class Dot, int width, bool whole>
void interleave(const Interleave& t, const InputRow (&rows)[4], const Block& block, uint8_t* to) {
  constexpr int kPixels = kLanes / width;
  const Window2d& w = t.window;
  const int64_t step = w.stride_w * w.in_c, last = (kPixels - 1) * w.stride_w;
  for (int64_t residue = 0; residue < w.stride_w; ++residue, to += t.columns.residue) {
    int64_t x = residue - w.pad_w;
    for (int64_t place = 0; place < t.columns.places; place += kPixels, x += kPixels * w.stride_w) {
      uint8_t* at = to + place * 16 * width;
      if (x >= 0 && x + last < w.in_w) {
        const int64_t offset = x * w.in_c;
        auto load = [&](int i) __attribute__((always_inline)) {
          return load_pixels<width, whole>(
              [&](int l) __attribute__((always_inline)) { return rows[i].base + ((offset + l * step) & rows[i].mask); },
              block.channels);
        };
        store_interleaved<Dot>(load(0), load(1), load(2), load(3), t.flip, at, t.columns.quarter);
      } else {
        auto load = [&](int i) __attribute__((always_inline)) {
          return load_pixels<width, whole>(
              [&](int l) __attribute__((always_inline)) {
                const int64_t column = x + l * w.stride_w;
                return column >= 0 && column < w.in_w ? rows[i].base + (column * w.in_c & rows[i].mask) : t.zeros;
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
template <int width, bool whole>
inline __attribute__((always_inline)) void store_pixels(__m256i y, int64_t n, const Row& r, uint8_t* to) {
  if (width == 2 && whole) return store(to, y);
  const __m128i first = _mm256_castsi256_si128(y), second = _mm256_extracti128_si256(y, 1);
  store_part(to, first, whole || width == 2 ? 16 : r.channels);
  if (width == 2)
    store_part(to + 16, second, r.channels - 16);
  else if (n > 1)
    store_part(to + r.out_c, second, whole ? 16 : r.channels);
}

struct Four {
  __m256i a, b, c, d;
};

template <class Dot>
inline __attribute__((always_inline)) void add_tap(Four& acc, const uint8_t* x, int64_t quarter, const int8_t* w) {
  acc.a = Dot::add(acc.a, x, 4 * quarter, w);
  acc.b = Dot::add(acc.b, x + quarter, 4 * quarter, w + kVector);
  acc.c = Dot::add(acc.c, x + 2 * quarter, 4 * quarter, w + 2 * kVector);
  acc.d = Dot::add(acc.d, x + 3 * quarter, 4 * quarter, w + 3 * kVector);
}

inline __attribute__((always_inline)) Four load_four(const void* p) {
  const char* q = static_cast<const char*>(p);
  return {load_256(q), load_256(q + kVector), load_256(q + 2 * kVector), load_256(q + 3 * kVector)};
}

struct FusedRow {
  static inline __attribute__((always_inline)) __m256i vector(__m256i sums, const Row& r, int j) {
    return rescale_fused(sums, _mm256_loadu_ps(r.scale + 8 * j), _mm256_loadu_ps(r.offset + 8 * j));
  }
  static inline __attribute__((always_inline)) __m256i to_bytes(const Four& acc, const Row& r) {
    return r.output.low_words(vector(acc.a, r, 0), vector(acc.b, r, 1), vector(acc.c, r, 2), vector(acc.d, r, 3));
  }
};

struct NarrowRow {
  static inline __attribute__((always_inline)) __m256i to_bytes(const Four& acc, const Row& row) {
    const NarrowTable& t = row.narrow;
    const __m256i a = requantize_narrow(acc.a, load_narrow(t, 0)), b = requantize_narrow(acc.b, load_narrow(t, 8));
    const __m256i c = requantize_narrow(acc.c, load_narrow(t, 16)), d = requantize_narrow(acc.d, load_narrow(t, 24));
    return row.output(a, b, c, d);
  }
};

template <class Dot>
inline __attribute__((always_inline)) Four sum_taps(const Row& r, const uint8_t* x, Four acc) {
  const int8_t* w = r.weights;
  for (int64_t part = 0; part < r.parts; ++part)
    for (int64_t tap = 0; tap < r.taps; ++tap, w += Dot::kHalves * 4 * kVector)
      add_tap<Dot>(acc, x + r.tap_offsets[tap], r.quarter, w);
  return acc;
}

template <class Dot, int width, bool whole, class Rescale>
void row_of_bytes(const Row& r, uint8_t* out) {
  constexpr int kPixels = kLanes / width;
  const Four start = load_four(r.start);
  const uint8_t* x = r.columns;
  if (r.taps == 3 && r.parts == 1) {
    constexpr int kTap = Dot::kHalves * 4 * kVector;
    const int64_t tap1 = r.tap_offsets[1], tap2 = r.tap_offsets[2];
    for (int64_t p = 0; p < r.pixels; p += kPixels, x += kVector, out += kPixels * r.out_c) {
      Four acc = start;
      add_tap<Dot>(acc, x, r.quarter, r.weights);
      add_tap<Dot>(acc, x + tap1, r.quarter, r.weights + kTap);
      add_tap<Dot>(acc, x + tap2, r.quarter, r.weights + 2 * kTap);
      store_pixels<width, whole>(Rescale::to_bytes(acc, r), r.pixels - p, r, out);
    }
    return;
  }
  for (int64_t p = 0; p < r.pixels; p += kPixels, x += kVector, out += kPixels * r.out_c)
    store_pixels<width, whole>(Rescale::to_bytes(sum_taps<Dot>(r, x, start), r), r.pixels - p, r, out);
}

// The accumulators of a row, in the order of channels, through `acc` (32 of them).
template <class Dot, int width, class Store>
void row_of_sums(const Row& r, int32_t* acc, const Store& store) {
  constexpr int kPixels = kLanes / width;
  const uint8_t* x = r.columns;
  for (int64_t p = 0; p < r.pixels; p += kPixels, x += kVector) {
    const Four sums = sum_taps<Dot>(r, x, load_four(r.start));
    const __m256i all[4] = {sums.a, sums.b, sums.c, sums.d};
    for (int j = 0; j < 4; ++j) {
      const __m256i y = _mm256_sub_epi32(all[j], load_256(r.narrow.bias + 8 * j));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(acc + 4 * j), _mm256_castsi256_si128(y));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(acc + 16 + 4 * j), _mm256_extracti128_si256(y, 1));
    }
    for (int64_t l = 0; l < smaller(kPixels, r.pixels - p); ++l) store(acc + l * 16 * width, p + l);
  }
}

template <class Dot, int width>
void run_row(const DepthwiseQ8& c, const Row& r, const RequantizeTable* wide, const Block& block, int64_t row,
             int32_t* acc, void* output) {
  const int64_t at = row * c.window.out_w * r.out_c + block.channel;
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
    const bool whole = block.channels == 16 * width;
    const auto run =
        r.scale != nullptr
            ? (whole ? row_of_bytes<Dot, width, true, FusedRow> : row_of_bytes<Dot, width, false, FusedRow>)
            : (whole ? row_of_bytes<Dot, width, true, NarrowRow> : row_of_bytes<Dot, width, false, NarrowRow>);
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

template <class Dot>
void run_256(const DepthwiseQ8& c, const void* packed, const uint8_t* input, void* output, int64_t row_begin,
             int64_t row_end, void* scratch) noexcept {
  const Window2d& w = c.window;
  const PackedLayout<kLanes, Dot::kHalves> at(c);
  const ScratchLayout<kLanes, Dot::kHalves> own(c);
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
  for (int64_t row = row_begin; row < row_end;) {
    const int64_t batch = row / w.out_h, y = row % w.out_h;
    const int64_t n = smaller(at.rows.together, smaller(row_end - row, w.out_h - y));
    const uint8_t* picture = input + batch * w.in_h * w.in_w * w.in_c;
    const int64_t top = y * w.stride_h - w.pad_h;
    const int64_t slots = (n - 1) * w.stride_h + w.kernel_h;
    for (int64_t b = 0; b < at.blocks; ++b) {
      const Block block = block_at<kLanes>(w.out_c, b);
      const Columns shape(w, block.width, kLanes, Dot::kHalves);
      const Interleave t{w, shape, zeros, flip};
      for (int64_t group = 0; group < at.rows.groups; ++group) {
        InputRow rows[4];
        for (int64_t i = 0; i < 4; ++i) {
          const int64_t slot = 4 * group + i, in_y = top + slot * w.dilation_h;
          rows[i] = slot < slots && in_y >= 0 && in_y < w.in_h
                        ? InputRow{picture + in_y * w.in_w * w.in_c + block.channel, -1}
                        : InputRow{zeros, 0};
        }
        uint8_t* to = columns + group * w.stride_w * shape.residue;
        if (block.width == 2)
          interleave_block<Dot, 2>(t, rows, block, to);
        else
          interleave_block<Dot, 1>(t, rows, block, to);
        for (int64_t j = 0; j < w.kernel_w; ++j)
          tap_offsets[group * w.kernel_w + j] = shape.tap(w, group, j, block.width);
      }
      const int64_t entry = b * at.kEntries;
      Row r{columns,
            shape.quarter,
            at.taps,
            tap_offsets,
            nullptr,
            within(used_parts[b], 1, at.parts),
            start + entry,
            {narrow.bias + entry, narrow.twice + entry, narrow.offset + entry, narrow.threshold + entry,
             narrow.right + entry},
            may_fuse && fused.has[b] ? fused.scale + entry : nullptr,
            fused.offset + entry,
            stage,
            w.out_w,
            block.channels,
            w.out_c};
      for (int64_t i = 0; i < n; ++i) {
        r.weights = reinterpret_cast<const int8_t*>(base + b * at.block_bytes + i * at.row_bytes);
        const RequantizeTable* table = base[at.is_wide] ? &wide : nullptr;
        if (block.width == 2)
          run_row<Dot, 2>(c, r, table, block, row + i, acc, output);
        else
          run_row<Dot, 1>(c, r, table, block, row + i, acc, output);
      }
    }
    row += n;
  }
}

}  // namespace

}  // namespace sanderling
