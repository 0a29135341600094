// Four rows of 64 channels interleaved, so that a 3x3 window is three vpdpbusd for 16 channels; see interleaved.h.
#include "base/avx512.h"
#include "kernels/depthwise_q8/interleaved.h"
#include "quant/requantize_avx512.h"

namespace sanderling {
namespace {

constexpr int kLanes = 4;
constexpr int kVector = 64;

inline __attribute__((always_inline)) __m512i load(const void* p) { return _mm512_loadu_si512(p); }

// An input row: column x begins at base + (x * in_c & mask). A row outside of the picture has mask 0 and the zero point
// everywhere.
struct InputRow {
  const uint8_t* base;
  int64_t mask;
};

// Loads one row of kLanes / width pixels; at(l) is where the channels of pixel l begin.
template <int width, bool whole, class At>
inline __attribute__((always_inline)) __m512i load_pixels(const At& at, __mmask64 mask) {
  if constexpr (width == 4) {
    return whole ? load(at(0)) : _mm512_maskz_loadu_epi8(mask, at(0));
  } else if constexpr (width == 2) {
    auto half = [&](const uint8_t* p) __attribute__((always_inline)) {
      return whole ? _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))
                   : _mm256_maskz_loadu_epi8(static_cast<__mmask32>(mask), p);
    };
    return _mm512_inserti64x4(_mm512_castsi256_si512(half(at(0))), half(at(1)), 1);
  } else {
    auto quarter = [&](const uint8_t* p) __attribute__((always_inline)) {
      return whole ? _mm_loadu_si128(reinterpret_cast<const __m128i*>(p))
                   : _mm_maskz_loadu_epi8(static_cast<__mmask16>(mask), p);
    };
    __m512i x = _mm512_castsi128_si512(quarter(at(0)));
    x = _mm512_inserti32x4(x, quarter(at(1)), 1);
    x = _mm512_inserti32x4(x, quarter(at(2)), 2);
    return _mm512_inserti32x4(x, quarter(at(3)), 3);
  }
}

inline __attribute__((always_inline)) void store_interleaved(__m512i r0, __m512i r1, __m512i r2, __m512i r3,
                                                             __m512i flip, uint8_t* to, int64_t quarter) {
  r0 = _mm512_xor_si512(r0, flip), r1 = _mm512_xor_si512(r1, flip);
  r2 = _mm512_xor_si512(r2, flip), r3 = _mm512_xor_si512(r3, flip);
  const __m512i low01 = _mm512_unpacklo_epi8(r0, r1), high01 = _mm512_unpackhi_epi8(r0, r1);
  const __m512i low23 = _mm512_unpacklo_epi8(r2, r3), high23 = _mm512_unpackhi_epi8(r2, r3);
  _mm512_storeu_si512(to, _mm512_unpacklo_epi16(low01, low23));
  _mm512_storeu_si512(to + quarter, _mm512_unpackhi_epi16(low01, low23));
  _mm512_storeu_si512(to + 2 * quarter, _mm512_unpacklo_epi16(high01, high23));
  _mm512_storeu_si512(to + 3 * quarter, _mm512_unpackhi_epi16(high01, high23));
}

struct Interleave {
  const Window2d& window;
  const Columns& columns;
  const uint8_t* zeros;
  __m512i flip;
};

// Fills the columns of one group of four rows for a block.
template <int width, bool whole>
void interleave(const Interleave& t, const InputRow (&rows)[4], const Block& block, uint8_t* to) {
  constexpr int kPixels = kLanes / width;
  // Copies, as stores of bytes might change what references refer to.
  const Window2d w = t.window;
  const Columns columns = t.columns;
  const InputRow row0 = rows[0], row1 = rows[1], row2 = rows[2], row3 = rows[3];
  const uint8_t* const zeros = t.zeros;
  const __m512i flip = t.flip;
  const __mmask64 mask = whole ? ~__mmask64{0} : (uint64_t{1} << block.channels) - 1;
  const int64_t step = w.stride_w * w.in_c, last = (kPixels - 1) * w.stride_w;
  for (int64_t residue = 0; residue < w.stride_w; ++residue, to += columns.residue) {
    int64_t x = residue - w.pad_w;
    for (int64_t place = 0; place < columns.places; place += kPixels, x += kPixels * w.stride_w) {
      uint8_t* at = to + place * 16 * width;
      if (x >= 0 && x + last < w.in_w) {
        const int64_t offset = x * w.in_c;
        auto load_row = [&](const InputRow& row) __attribute__((always_inline)) {
          return load_pixels<width, whole>(
              [&](int l) __attribute__((always_inline)) { return row.base + ((offset + l * step) & row.mask); }, mask);
        };
        store_interleaved(load_row(row0), load_row(row1), load_row(row2), load_row(row3), flip, at, columns.quarter);
      } else {
        auto load_row = [&](const InputRow& row) __attribute__((always_inline)) {
          return load_pixels<width, whole>(
              [&](int l) __attribute__((always_inline)) {
                const int64_t column = x + l * w.stride_w;
                return column >= 0 && column < w.in_w ? row.base + (column * w.in_c & row.mask) : zeros;
              },
              mask);
        };
        store_interleaved(load_row(row0), load_row(row1), load_row(row2), load_row(row3), flip, at, columns.quarter);
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
  const OutputAvx512* output;
  int64_t pixels, channels, out_c;
};

// Stores up to `n` pixels of a block.
template <int width, bool whole>
inline __attribute__((always_inline)) void store_pixels(__m512i y, int64_t n, const Row& r, uint8_t* to) {
  const __mmask64 mask = whole ? ~__mmask64{0} : (uint64_t{1} << r.channels) - 1;
  if constexpr (width == 4 && whole) {
    _mm512_storeu_si512(to, y);
  } else if constexpr (width == 4) {
    _mm512_mask_storeu_epi8(to, mask, y);
  } else if constexpr (width == 2) {
    const __mmask32 m = static_cast<__mmask32>(mask);
    _mm256_mask_storeu_epi8(to, m, _mm512_castsi512_si256(y));
    if (n > 1) _mm256_mask_storeu_epi8(to + r.out_c, m, _mm512_extracti64x4_epi64(y, 1));
  } else {
    const __mmask16 m = static_cast<__mmask16>(mask);
    _mm_mask_storeu_epi8(to, m, _mm512_castsi512_si128(y));
    if (n > 1) _mm_mask_storeu_epi8(to + r.out_c, m, _mm512_extracti32x4_epi32(y, 1));
    if (n > 2) _mm_mask_storeu_epi8(to + 2 * r.out_c, m, _mm512_extracti32x4_epi32(y, 2));
    if (n > 3) _mm_mask_storeu_epi8(to + 3 * r.out_c, m, _mm512_extracti32x4_epi32(y, 3));
  }
}

struct Four {
  __m512i a, b, c, d;
};

inline __attribute__((always_inline)) void add_tap(Four& acc, const uint8_t* x, int64_t quarter, const Four& w) {
  acc.a = _mm512_dpbusd_epi32(acc.a, load(x), w.a);
  acc.b = _mm512_dpbusd_epi32(acc.b, load(x + quarter), w.b);
  acc.c = _mm512_dpbusd_epi32(acc.c, load(x + 2 * quarter), w.c);
  acc.d = _mm512_dpbusd_epi32(acc.d, load(x + 3 * quarter), w.d);
}

inline __attribute__((always_inline)) Four load_four(const void* p) {
  const char* q = static_cast<const char*>(p);
  return {load(q), load(q + kVector), load(q + 2 * kVector), load(q + 3 * kVector)};
}

// The rescaling of a block, loaded once for a row.
struct FusedRow {
  __m512 scale[4], offset[4];
  OutputAvx512 output;
  explicit FusedRow(const Row& r) : output(*r.output) {
    for (int j = 0; j < 4; ++j) {
      scale[j] = _mm512_loadu_ps(r.scale + 16 * j);
      offset[j] = _mm512_loadu_ps(r.offset + 16 * j);
    }
  }
  inline __attribute__((always_inline)) __m512i operator()(const Four& acc) const {
    return output.low_words(rescale_fused(acc.a, scale[0], offset[0]), rescale_fused(acc.b, scale[1], offset[1]),
                            rescale_fused(acc.c, scale[2], offset[2]), rescale_fused(acc.d, scale[3], offset[3]));
  }
};

struct NarrowRow {
  NarrowAvx512 a, b, c, d;
  OutputAvx512 output;
  explicit NarrowRow(const Row& r)
      : a(load_narrow(r.narrow, 0)),
        b(load_narrow(r.narrow, 16)),
        c(load_narrow(r.narrow, 32)),
        d(load_narrow(r.narrow, 48)),
        output(*r.output) {}

  inline __attribute__((always_inline)) __m512i operator()(const Four& acc) const {
    return output(requantize_narrow(acc.a, a), requantize_narrow(acc.b, b), requantize_narrow(acc.c, c),
                  requantize_narrow(acc.d, d));
  }
};

template <int width>
inline __attribute__((always_inline)) Four sum_taps(const Row& r, const uint8_t* x, Four acc) {
  const int8_t* w = r.weights;
  for (int64_t part = 0; part < r.parts; ++part)
    for (int64_t tap = 0; tap < r.taps; ++tap, w += 4 * kVector)
      add_tap(acc, x + r.tap_offsets[tap], r.quarter, load_four(w));
  return acc;
}

template <int width, bool whole, class Rescale>
void row_of_bytes(const Row& row, uint8_t* out) {
  constexpr int kPixels = kLanes / width;
  const Row r = row;  // a copy, as stores of bytes might change what it refers to
  const Rescale rescale(r);
  const Four start = load_four(r.start);
  const uint8_t* x = r.columns;
  if (r.taps == 3 && r.parts == 1) {
    const Four w0 = load_four(r.weights), w1 = load_four(r.weights + 4 * kVector),
               w2 = load_four(r.weights + 8 * kVector);
    const int64_t tap1 = r.tap_offsets[1], tap2 = r.tap_offsets[2];
    for (int64_t p = 0; p < r.pixels; p += kPixels, x += kVector, out += kPixels * r.out_c) {
      Four acc = start;
      add_tap(acc, x, r.quarter, w0);
      add_tap(acc, x + tap1, r.quarter, w1);
      add_tap(acc, x + tap2, r.quarter, w2);
      store_pixels<width, whole>(rescale(acc), r.pixels - p, r, out);
    }
    return;
  }
  for (int64_t p = 0; p < r.pixels; p += kPixels, x += kVector, out += kPixels * r.out_c)
    store_pixels<width, whole>(rescale(sum_taps<width>(r, x, start)), r.pixels - p, r, out);
}

// The accumulators of a row, in the order of channels, through `acc` (64 of them).
template <int width, class Store>
void row_of_sums(const Row& r, int32_t* acc, const Store& store) {
  constexpr int kPixels = kLanes / width;
  const uint8_t* x = r.columns;
  for (int64_t p = 0; p < r.pixels; p += kPixels, x += kVector) {
    const Four sums = sum_taps<width>(r, x, load_four(r.start));
    const __m512i all[4] = {sums.a, sums.b, sums.c, sums.d};
    for (int j = 0; j < 4; ++j) {
      const __m512i y = _mm512_sub_epi32(all[j], load(r.narrow.bias + 16 * j));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(acc + 4 * j), _mm512_castsi512_si128(y));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(acc + 16 + 4 * j), _mm512_extracti32x4_epi32(y, 1));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(acc + 32 + 4 * j), _mm512_extracti32x4_epi32(y, 2));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(acc + 48 + 4 * j), _mm512_extracti32x4_epi32(y, 3));
    }
    for (int64_t l = 0; l < smaller(kPixels, r.pixels - p); ++l) store(acc + l * 16 * width, p + l);
  }
}

template <int width>
void run_row(const DepthwiseQ8& c, const Row& r, const RequantizeTable* wide, const Block& block, int64_t row,
             int32_t* acc, void* output) {
  const int64_t at = row * c.window.out_w * r.out_c + block.channel;
  if (c.multipliers == nullptr) {
    row_of_sums<width>(r, acc, [&](const int32_t* sums, int64_t p) {
      std::memcpy(static_cast<int32_t*>(output) + at + p * r.out_c, sums,
                  static_cast<size_t>(block.channels) * sizeof(int32_t));
    });
  } else if (wide != nullptr) {
    const OutputStage stage{c.output_zero, c.low, c.high, c.flip};
    row_of_sums<width>(r, acc, [&](const int32_t* sums, int64_t p) {
      requantize_row(sums, *wide, block.channel, block.channels, stage,
                     static_cast<uint8_t*>(output) + at + p * r.out_c);
    });
  } else {
    const bool whole = block.channels == 16 * width;
    const auto run = r.scale != nullptr
                         ? (whole ? row_of_bytes<width, true, FusedRow> : row_of_bytes<width, false, FusedRow>)
                         : (whole ? row_of_bytes<width, true, NarrowRow> : row_of_bytes<width, false, NarrowRow>);
    run(r, static_cast<uint8_t*>(output) + at);
  }
}

template <int width>
void interleave_block(const Interleave& t, const InputRow (&rows)[4], const Block& block, uint8_t* to) {
  if (block.channels == 16 * width)
    interleave<width, true>(t, rows, block, to);
  else
    interleave<width, false>(t, rows, block, to);
}

bool takes(const DepthwiseQ8& c) noexcept { return takes_interleaved(c); }

size_t packed_bytes(const DepthwiseQ8& c) noexcept { return PackedLayout<kLanes, 1>(c).bytes; }

void pack(const DepthwiseQ8& c, const uint8_t* weights, const int32_t* bias, void* packed) noexcept {
  pack_interleaved<kLanes, 1>(c, weights, bias, packed);
}

// All columns of a row.
Strip whole_rows(const Window2d& w) { return {w, row_groups(w).groups, w.out_w}; }

size_t scratch_bytes(const DepthwiseQ8& c) noexcept { return ScratchLayout<kLanes, 1>(c, whole_rows(c.window)).bytes; }

void run(const DepthwiseQ8& c, const void* packed, const uint8_t* input, void* output, int64_t row_begin,
         int64_t row_end, void* scratch) noexcept {
  const Window2d& w = c.window;
  const PackedLayout<kLanes, 1> at(c);
  const ScratchLayout<kLanes, 1> own(c, whole_rows(w));
  const char* base = static_cast<const char*>(packed);
  char* memory = static_cast<char*>(scratch);
  int32_t* start = reinterpret_cast<int32_t*>(memory);
  int64_t* tap_offsets = reinterpret_cast<int64_t*>(memory + own.taps);
  int32_t* acc = reinterpret_cast<int32_t*>(memory + own.acc);
  uint8_t* zeros = reinterpret_cast<uint8_t*>(memory + own.zeros);
  uint8_t* columns = reinterpret_cast<uint8_t*>(memory + own.columns);
  const int32_t* used_parts = reinterpret_cast<const int32_t*>(base + at.used_parts);
  const RequantizeTable wide = view_requantize_table(base + at.wide, w.out_c);

  const __m512i zero = _mm512_set1_epi32(c.input_zero + 128);
  const FusedTable fused = view_fused_table(base + at.fused, at.entries);
  const bool may_fuse = !base[at.is_wide] && fused_table_holds(base + at.fused, c.input_zero);
  for (int64_t e = 0; e < at.entries; e += 16) {
    const void* own_start =
        may_fuse && fused.has[e / at.kEntries] ? static_cast<const void*>(fused.start + e) : base + at.start + 4 * e;
    _mm512_storeu_si512(start + e,
                        _mm512_sub_epi32(load(own_start), _mm512_mullo_epi32(load(base + at.sum + 4 * e), zero)));
  }
  std::memset(zeros, static_cast<uint8_t>(c.input_zero) ^ c.flip, 64);

  const OutputAvx512 stage(c.output_zero, c.low, c.high, c.flip);
  const __m512i flip = _mm512_set1_epi8(static_cast<char>(c.flip ^ 0x80));
  const NarrowTable narrow = view_narrow_table(base + at.narrow, static_cast<size_t>(at.entries));
  for (int64_t row = row_begin; row < row_end;) {
    const int64_t batch = row / w.out_h, y = row % w.out_h;
    const int64_t n = smaller(at.rows.together, smaller(row_end - row, w.out_h - y));
    const uint8_t* picture = input + batch * w.in_h * w.in_w * w.in_c;
    const int64_t top = y * w.stride_h - w.pad_h;
    const int64_t slots = (n - 1) * w.stride_h + w.kernel_h;
    for (int64_t b = 0; b < at.blocks; ++b) {
      const Block block = block_at<kLanes>(w.out_c, b);
      const Columns shape(w, w.out_w, block.width, kLanes, 1);
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
        if (block.width == 4)
          interleave_block<4>(t, rows, block, to);
        else if (block.width == 2)
          interleave_block<2>(t, rows, block, to);
        else
          interleave_block<1>(t, rows, block, to);
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
            &stage,
            w.out_w,
            block.channels,
            w.out_c};
      for (int64_t i = 0; i < n; ++i) {
        r.weights = reinterpret_cast<const int8_t*>(base + b * at.block_bytes + i * at.row_bytes);
        const RequantizeTable* table = base[at.is_wide] ? &wide : nullptr;
        if (block.width == 4)
          run_row<4>(c, r, table, block, row + i, acc, output);
        else if (block.width == 2)
          run_row<2>(c, r, table, block, row + i, acc, output);
        else
          run_row<1>(c, r, table, block, row + i, acc, output);
      }
    }
    row += n;
  }
}

}  // namespace

const DepthwiseQ8Kernel depthwise_q8_avx512vnni_interleaved = {takes, packed_bytes, pack, scratch_bytes, run};

}  // namespace sanderling
