// Tiles of up to 12 pixels x 32 channels in registers (vpdpbusd), from gathered rows of unsigned activations.
#include "base/avx512.h"
#include "kernels/conv2d_q8/panels.h"
#include "quant/requantize_avx512.h"

namespace sanderling {
namespace {

constexpr int kLanes = 16;
constexpr int kPanel = 2 * kLanes;      // channels of a tile
constexpr int kRows = 12;               // pixels of a tile: 24 accumulators
constexpr int64_t kPatchBytes = 24576;  // of gathered rows: half of an L1 cache
constexpr int64_t kMostPixels = 8 * kRows;

struct Copy {
  __m512i flip;
  void operator()(const uint8_t* from, int64_t from_step, int64_t bytes, int64_t n, uint8_t* to,
                  int64_t to_step) const {
    const int64_t whole = bytes / 64 * 64;
    const __mmask64 rest = (uint64_t{1} << (bytes - whole)) - 1;
    for (; n > 0; --n, from += from_step, to += to_step) {
      for (int64_t i = 0; i < whole; i += 64)
        _mm512_storeu_si512(to + i, _mm512_xor_si512(_mm512_loadu_si512(from + i), flip));
      _mm512_mask_storeu_epi8(to + whole, rest, _mm512_xor_si512(_mm512_maskz_loadu_epi8(rest, from + whole), flip));
    }
  }
};

// What a tile needs beside its operands.
struct Stage {
  int32_t input_zero;        // of unsigned activations
  const int32_t* row_terms;  // of its pixels; null where the weights' zero point is 0
  NarrowTable narrow;
  ClampAvx512 clamp;
};

int64_t block_pixels(const Conv2dQ8& c) {
  const int64_t n = kPatchBytes / row_length(c) / kRows * kRows;
  return n < kRows ? kRows : (n > kMostPixels ? kMostPixels : n);
}

inline __attribute__((always_inline)) __m512i broadcast4(const uint8_t* p) {
  int32_t x;
  std::memcpy(&x, p, sizeof x);
  return _mm512_set1_epi32(x);
}

inline __mmask32 first_lanes(int64_t n) { return n >= 32 ? ~__mmask32{0} : (__mmask32{1} << n) - 1; }

// 12 rows are four groups of three, so that addresses need few registers.
inline __attribute__((always_inline)) const uint8_t* row(const uint8_t* a, int64_t stride, int r) {
  return a + r * stride;
}

// Products of R pixels and 16 * C channels. Few rows are summed in U parts, so that additions need not wait for each
// other.
template <int R, int C, int U>
inline __attribute__((always_inline)) void multiply(const uint8_t* a, int64_t stride, const int8_t* w, int64_t steps,
                                                    __m512i (&acc)[R][C]) {
  __m512i part[U][R][C];
#pragma GCC unroll 16
  for (int u = 1; u < U; ++u)
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 16
      for (int c = 0; c < C; ++c) part[u][r][c] = _mm512_setzero_si512();
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 16
    for (int c = 0; c < C; ++c) part[0][r][c] = acc[r][c];
  for (; steps >= U; steps -= U, a += 4 * U, w += 64 * C * U) {
#pragma GCC unroll 16
    for (int u = 0; u < U; ++u) {
      __m512i weights[C];
#pragma GCC unroll 16
      for (int c = 0; c < C; ++c) weights[c] = _mm512_loadu_si512(w + 64 * (C * u + c));
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) {
        const __m512i x = broadcast4(row(a, stride, r) + 4 * u);
#pragma GCC unroll 16
        for (int c = 0; c < C; ++c) part[u][r][c] = _mm512_dpbusd_epi32(part[u][r][c], x, weights[c]);
      }
    }
  }
  if (U > 1) {
    for (; steps > 0; --steps, a += 4, w += 64 * C)
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r)
#pragma GCC unroll 16
        for (int c = 0; c < C; ++c)
          part[0][r][c] =
              _mm512_dpbusd_epi32(part[0][r][c], broadcast4(row(a, stride, r)), _mm512_loadu_si512(w + 64 * c));
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 16
    for (int c = 0; c < C; ++c) {
      acc[r][c] = part[0][r][c];
#pragma GCC unroll 16
      for (int u = 1; u < U; ++u) acc[r][c] = _mm512_add_epi32(acc[r][c], part[u][r][c]);
    }
}

// Rescales and stores `n` channels of R pixels.
template <int R, int C>
inline __attribute__((always_inline)) void store_bytes(__m512i (&acc)[R][C], int64_t channel, int64_t n, const Stage& s,
                                                       uint8_t* out, int64_t out_stride) {
#pragma GCC unroll 16
  for (int c = 0; c < C; ++c) {
    const NarrowAvx512 table = load_narrow(s.narrow, channel + kLanes * c);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) acc[r][c] = requantize_narrow(acc[r][c], table);
  }
  // Packing works within 128-bit lanes: the dwords of a row are gathered again by a permutation.
  if constexpr (C == 2) {
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    const __mmask32 mask = first_lanes(n);
#pragma GCC unroll 16
    for (int r = 0; r < R; r += 2) {
      const int next = r + 1 < R ? r + 1 : r;
      const __m512i first = _mm512_packs_epi32(acc[r][0], acc[r][1]);
      const __m512i second = _mm512_packs_epi32(acc[next][0], acc[next][1]);
      const __m512i y = clamp_bytes(_mm512_permutexvar_epi32(order, _mm512_packs_epi16(first, second)), s.clamp);
      _mm256_mask_storeu_epi8(out + r * out_stride, mask, _mm512_castsi512_si256(y));
      if (r + 1 < R) _mm256_mask_storeu_epi8(out + next * out_stride, mask, _mm512_extracti64x4_epi64(y, 1));
    }
  } else {
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    const __mmask16 mask = static_cast<__mmask16>(first_lanes(n));
#pragma GCC unroll 16
    for (int r = 0; r < R; r += 4) {
      const int r1 = r + 1 < R ? r + 1 : r, r2 = r + 2 < R ? r + 2 : r, r3 = r + 3 < R ? r + 3 : r;
      const __m512i first = _mm512_packs_epi32(acc[r][0], acc[r1][0]);
      const __m512i second = _mm512_packs_epi32(acc[r2][0], acc[r3][0]);
      const __m512i y = clamp_bytes(_mm512_permutexvar_epi32(order, _mm512_packs_epi16(first, second)), s.clamp);
      _mm_mask_storeu_epi8(out + r * out_stride, mask, _mm512_castsi512_si128(y));
      if (r + 1 < R) _mm_mask_storeu_epi8(out + r1 * out_stride, mask, _mm512_extracti32x4_epi32(y, 1));
      if (r + 2 < R) _mm_mask_storeu_epi8(out + r2 * out_stride, mask, _mm512_extracti32x4_epi32(y, 2));
      if (r + 3 < R) _mm_mask_storeu_epi8(out + r3 * out_stride, mask, _mm512_extracti32x4_epi32(y, 3));
    }
  }
}

// One tile: `n` channels from `channel` (padded) on, of R pixels. With `acc_out` the accumulators are stored, 32 a row.
template <int R, int C>
void tile(const uint8_t* a, int64_t stride, const Panels& p, const int8_t* w, int64_t steps, int64_t channel, int64_t n,
          const Stage& s, uint8_t* out, int64_t out_stride, int32_t* acc_out) {
  __m512i acc[R][C];
  const __m512i zero = _mm512_set1_epi32(s.input_zero);
#pragma GCC unroll 16
  for (int c = 0; c < C; ++c) {
    const __m512i start = _mm512_loadu_si512(p.start + channel + kLanes * c);
    const __m512i sum = _mm512_loadu_si512(p.sum + channel + kLanes * c);
    acc[0][c] = _mm512_sub_epi32(start, _mm512_mullo_epi32(sum, zero));
#pragma GCC unroll 16
    for (int r = 1; r < R; ++r) acc[r][c] = acc[0][c];
  }
  if (s.row_terms != nullptr) {
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 16
      for (int c = 0; c < C; ++c) acc[r][c] = _mm512_add_epi32(acc[r][c], _mm512_set1_epi32(s.row_terms[r]));
  }
  multiply<R, C, (R * C > 6 ? 1 : (R * C > 4 ? 2 : 4))>(a, stride, w, steps, acc);
  if (acc_out == nullptr) return store_bytes<R, C>(acc, channel, n, s, out, out_stride);
  const __m512i bias = _mm512_set1_epi32(INT32_MIN);
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 16
    for (int c = 0; c < C; ++c)
      _mm512_storeu_si512(acc_out + r * kPanel + c * kLanes, _mm512_xor_si512(acc[r][c], bias));
}

using Tile = void (*)(const uint8_t*, int64_t, const Panels&, const int8_t*, int64_t, int64_t, int64_t, const Stage&,
                      uint8_t*, int64_t, int32_t*);
constexpr Tile kTiles[2][kRows + 1] = {
    {nullptr, tile<1, 1>, tile<2, 1>, tile<3, 1>, tile<4, 1>, tile<5, 1>, tile<6, 1>, tile<7, 1>, tile<8, 1>,
     tile<9, 1>, tile<10, 1>, tile<11, 1>, tile<12, 1>},
    {nullptr, tile<1, 2>, tile<2, 2>, tile<3, 2>, tile<4, 2>, tile<5, 2>, tile<6, 2>, tile<7, 2>, tile<8, 2>,
     tile<9, 2>, tile<10, 2>, tile<11, 2>, tile<12, 2>},
};

// -weight_zero * (sum(u) - depth * input_zero) for each row.
void sum_rows(const Conv2dQ8& c, const uint8_t* rows, int64_t n, int32_t* terms) {
  const int64_t length = row_length(c), depth = c.depth();
  const __m512i ones = _mm512_set1_epi8(1);
  for (int64_t r = 0; r < n; ++r, rows += length) {
    __m512i sum = _mm512_setzero_si512();
    for (int64_t k = 0; k < depth; k += 64) {
      const __mmask64 mask = depth - k >= 64 ? ~__mmask64{0} : (uint64_t{1} << (depth - k)) - 1;
      sum = _mm512_dpbusd_epi32(sum, _mm512_maskz_loadu_epi8(mask, rows + k), ones);
    }
    const int32_t from_zero =
        wrapping_sub(_mm512_reduce_add_epi32(sum), wrapping_mul(static_cast<int32_t>(depth), c.input_zero + 128));
    terms[r] = wrapping_mul(-c.weight_zero, from_zero);
  }
}

bool takes(const Conv2dQ8&) noexcept { return true; }

size_t packed_bytes(const Conv2dQ8& c) noexcept { return PanelLayout<kLanes>(c).bytes; }

void pack(const Conv2dQ8& c, const uint8_t* weights, const int32_t* bias, void* packed) noexcept {
  pack_panels<kLanes, kPanel>(c, weights, bias, packed);
}

// Scratch: accumulators of a tile, row terms, gathered rows.
constexpr size_t kAccBytes = kRows * kPanel * sizeof(int32_t);
constexpr size_t kTermBytes = kMostPixels * sizeof(int32_t);

size_t scratch_bytes(const Conv2dQ8& c) noexcept {
  const size_t rows = reads_input(c) ? 0 : static_cast<size_t>(block_pixels(c) * row_length(c));
  return kAccBytes + kTermBytes + rows;
}

// Accumulators of a tile to where they go when the narrow form does not hold or no rescaling is wanted.
void finish(const Conv2dQ8& c, const Panels& p, const int32_t* acc, int64_t rows, int64_t n, int64_t pixel,
            int64_t channel, void* output) {
  const OutputStage stage{c.output_zero, c.low, c.high, c.flip};
  for (int64_t r = 0; r < rows; ++r, acc += kPanel) {
    const int64_t at = (pixel + r) * c.window.out_c + channel;
    if (c.multipliers == nullptr)
      std::memcpy(static_cast<int32_t*>(output) + at, acc, static_cast<size_t>(n) * sizeof(int32_t));
    else
      requantize_row(acc, *p.wide, channel, n, stage, static_cast<uint8_t*>(output) + at);
  }
}

void run(const Conv2dQ8& c, const void* packed, const uint8_t* input, void* output, Conv2dQ8Part part,
         void* scratch) noexcept {
  const int64_t length = row_length(c), block = block_pixels(c), out = c.group_out();
  const PanelLayout<kLanes> at(c);
  const Panels p = view_panels<kLanes>(c, packed);
  char* memory = static_cast<char*>(scratch);
  int32_t* acc = reinterpret_cast<int32_t*>(memory);
  int32_t* terms = reinterpret_cast<int32_t*>(memory + kAccBytes);
  uint8_t* rows = reinterpret_cast<uint8_t*>(memory + kAccBytes + kTermBytes);
  const bool direct = reads_input(c), to_bytes = c.multipliers != nullptr && p.wide == nullptr;
  const Copy copy{_mm512_set1_epi8(static_cast<char>(c.flip ^ 0x80))};
  Stage stage{c.input_zero + 128, nullptr, p.narrow, make_clamp(c.low, c.high, c.flip)};
  const int64_t first = c.groups == 1 ? part.channel_begin : 0, last = c.groups == 1 ? part.channel_end : out;
  if (!direct && length != c.depth()) std::memset(rows, 0, static_cast<size_t>(block * length));

  for (int64_t begin = part.pixel_begin; begin < part.pixel_end; begin += block) {
    const int64_t pixels = part.pixel_end - begin < block ? part.pixel_end - begin : block;
    // Tiles of nearly equal height.
    const int64_t tiles = (pixels + kRows - 1) / kRows, height = pixels / tiles, taller = pixels % tiles;
    for (int64_t g = 0; g < c.groups; ++g) {
      const uint8_t* a = direct ? input + begin * length : rows;
      if (!direct) gather(c, copy, input, g, begin, pixels, rows);
      if (c.weight_zero != 0) sum_rows(c, a, pixels, terms);
      for (int64_t o = first; o < last; o += kPanel) {
        const int64_t padded = at.padded - o < kPanel ? at.padded - o : kPanel,
                      n = last - o < padded ? last - o : padded;
        const int8_t* w = p.weights + (g * at.padded + o) * length;
        int64_t r = 0;
        for (int64_t t = 0; t < tiles; ++t) {
          const int64_t size = height + (t < taller ? 1 : 0);
          if (c.weight_zero != 0) stage.row_terms = terms + r;
          uint8_t* to = static_cast<uint8_t*>(output) + (begin + r) * c.window.out_c + g * out + o;
          kTiles[padded == kPanel][size](a + r * length, length, p, w, length / 4, g * at.padded + o, n, stage, to,
                                         c.window.out_c, to_bytes ? nullptr : acc);
          if (!to_bytes) finish(c, p, acc, size, n, begin + r, g * out + o, output);
          r += size;
        }
      }
    }
  }
}

}  // namespace

const Conv2dQ8Kernel conv2d_q8_avx512vnni_panels = {takes, kMostPixels, kPanel, packed_bytes, pack, scratch_bytes, run};

}  // namespace sanderling
