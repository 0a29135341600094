// Tiles of up to 32 pixels x 32 channels in the tile registers (tdpbssd, tdpbusd): 0 to 3 are the accumulators, 4 and 5
// activations of 16 pixels, 6 and 7 weights of 16 channels. Activations are read as they are stored.
#include "base/tile_registers.h"
#include "kernels/conv2d_q8/tiles_512.h"

namespace sanderling {
namespace {

constexpr int kTile = 16;         // rows of a register
constexpr int kRows = 2 * kTile;  // pixels

// Depth that one instruction multiplies: equal shares of at most 64, and if need be a few more of them so that they
// come out even and rows need not be copied.
int64_t share(int64_t bytes) {
  const int64_t least = (bytes + 63) / 64;
  for (int64_t n = least; n <= least + least / 3; ++n)
    if (bytes % (4 * n) == 0) return bytes / n;
  return round_up((bytes + least - 1) / least, 4);
}

// The shapes of the registers, while a kernel runs.
class TileSetting {
 public:
  explicit TileSetting(const Pieces& pieces) : width(share(pieces.bytes)) {}
  TileSetting(const TileSetting&) = delete;
  TileSetting& operator=(const TileSetting&) = delete;
  ~TileSetting() { _tile_release(); }

  void set_rows(int64_t rows) {
    if (rows == rows_) return;
    rows_ = rows;
    TileShapes shapes;
    for (int i = 0; i < 6; ++i) shapes.rows[i] = static_cast<uint8_t>(rows);
    shapes.row_bytes[4] = shapes.row_bytes[5] = static_cast<uint16_t>(width);
    shapes.rows[6] = shapes.rows[7] = static_cast<uint8_t>(width / 4);
    _tile_loadconfig(&shapes);
  }

  const int64_t width;

 private:
  int64_t rows_ = 0;
};

// One register of pixels at a, and with P = 2 another at next.
struct TileOperands {
  const uint8_t *a, *next;
  int64_t stride, piece_stride;
  const int8_t* w;
  int64_t pieces, shares, width;
};

template <bool kSigned, int P, int C>
void multiply(const TileOperands& t) {
  _tile_zero(0);
  if (C > 1) _tile_zero(1);
  if (P > 1) _tile_zero(2);
  if (P > 1 && C > 1) _tile_zero(3);
  const int8_t* w = t.w;
  const int64_t step = t.width * kLanes * C;
  for (int64_t piece = 0; piece < t.pieces; ++piece) {
    const uint8_t *a = t.a + piece * t.piece_stride, *next = t.next + piece * t.piece_stride;
    for (int64_t i = t.shares; i > 0; --i, a += t.width, next += t.width, w += step) {
      _tile_loadd(4, a, t.stride);
      if (P > 1) _tile_loadd(5, next, t.stride);
      _tile_loadd(6, w, 64 * C);
      if (C > 1) _tile_loadd(7, w + 64, 64 * C);
      if constexpr (kSigned) {
        _tile_dpbssd(0, 4, 6);
        if (C > 1) _tile_dpbssd(1, 4, 7);
        if (P > 1) _tile_dpbssd(2, 5, 6);
        if (P > 1 && C > 1) _tile_dpbssd(3, 5, 7);
      } else {
        _tile_dpbusd(0, 4, 6);
        if (C > 1) _tile_dpbusd(1, 4, 7);
        if (P > 1) _tile_dpbusd(2, 5, 6);
        if (P > 1 && C > 1) _tile_dpbusd(3, 5, 7);
      }
    }
  }
}

template <int P, int C>
inline __attribute__((always_inline)) void store_sums(int32_t* sums) {
  constexpr int64_t row = kPanel * sizeof(int32_t);
  _tile_stored(0, sums, row);
  if (C > 1) _tile_stored(1, sums + kLanes, row);
  if (P > 1) _tile_stored(2, sums + kTile * kPanel, row);
  if (P > 1 && C > 1) _tile_stored(3, sums + kTile * kPanel + kLanes, row);
}

using Multiply = void (*)(const TileOperands&);

// Rows of sums as a kernel's outputs.
template <int C>
struct SumRows {
  const int32_t* sums;
  __m512i start[C];
  const int32_t* terms;  // of each row, or null

  template <int R>
  inline __attribute__((always_inline)) void load(int64_t row, __m512i (&acc)[R][C]) const {
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 2
      for (int c = 0; c < C; ++c)
        acc[r][c] = _mm512_add_epi32(start[c], _mm512_loadu_si512(sums + (row + r) * kPanel + c * kLanes));
    if (terms == nullptr) return;
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 2
      for (int c = 0; c < C; ++c) acc[r][c] = _mm512_add_epi32(acc[r][c], _mm512_set1_epi32(terms[row + r]));
  }

  // rescale(acc, half), bytes(a, b, c, d): see store_bytes.
  template <int R, class Rescale, class Bytes>
  inline __attribute__((always_inline)) void store(int64_t row, int64_t n, uint8_t* out, int64_t out_stride,
                                                   const Rescale& rescale, const Bytes& bytes) const {
    __m512i acc[R][C];
    load(row, acc);
#pragma GCC unroll 2
    for (int c = 0; c < C; ++c)
#pragma GCC unroll 4
      for (int r = 0; r < R; ++r) acc[r][c] = rescale(acc[r][c], c);
    store_bytes<R, C>(acc, n, out + row * out_stride, out_stride, bytes);
  }
  template <class Rescale, class Bytes>
  inline __attribute__((always_inline)) void store_all(int64_t rows, int64_t n, uint8_t* out, int64_t out_stride,
                                                       const Rescale& rescale, const Bytes& bytes) const {
    int64_t r = 0;
    for (; r + 4 <= rows; r += 4) store<4>(r, n, out, out_stride, rescale, bytes);
    if (rows - r >= 2) store<2>(r, n, out, out_stride, rescale, bytes), r += 2;
    if (rows > r) store<1>(r, n, out, out_stride, rescale, bytes);
  }
};

struct Tiles : Rows512 {
  static constexpr bool kSubtracts = false;
  static constexpr int kLanes = sanderling::kLanes, kPanel = sanderling::kPanel, kRows = sanderling::kRows, kStep = 4;
  static constexpr bool kByPanel = true;
  using Weight = int8_t;
  using Activation = uint8_t;
  using Copy = Copy512;
  using Output = OutputAvx512;
  using Setting = TileSetting;

  static int shift(const Conv2dQ8& c) { return c.flip; }
  static int64_t padded(int64_t bytes) { return round_up(bytes, share(bytes)); }
  // The zero point of weights is taken off by sums of unsigned activations.
  static bool takes(const Conv2dQ8& c) noexcept { return c.flip != 0 || c.weight_zero == 0; }
  // Shallow windows and few pixels leave most of a register empty, and the unit sleeps between runs of small networks:
  // to wake it takes longer than it saves.
  static bool pays(const Conv2dQ8& c) noexcept {
    const Pieces at(c, padded);
    const double macs =
        static_cast<double>(c.pixels()) * static_cast<double>(c.window.out_c) * static_cast<double>(c.depth());
    return at.bytes >= 24 * (at.length / share(at.bytes)) && c.pixels() >= 8 && macs >= 2e6;
  }

  // As store_fused and store_narrow; the tables stay in registers for all rows (4 to 8 % of a layer).
  template <int C>
  static void rescale_rows(const TileArguments<Tiles>& t, const Panels<int8_t>& p, const Output& output,
                           const SumRows<C>& from, int64_t rows, uint8_t* out) {
    if (t.fused) {
      __m512 scale[C], offset[C];
      for (int c = 0; c < C; ++c) {
        scale[c] = _mm512_loadu_ps(p.fused.scale + t.channel + kLanes * c);
        offset[c] = _mm512_loadu_ps(p.fused.offset + t.channel + kLanes * c);
      }
      from.store_all(
          rows, t.channels, out, t.out_stride,
          [&](__m512i x, int c) __attribute__((always_inline)) { return rescale_fused(x, scale[c], offset[c]); },
          [&](__m512i a, __m512i b, __m512i c, __m512i d)
              __attribute__((always_inline)) { return output.low_words(a, b, c, d); });
    } else {
      NarrowAvx512 table[C];
      for (int c = 0; c < C; ++c) table[c] = load_narrow(p.narrow, t.channel + kLanes * c);
      from.store_all(
          rows, t.channels, out, t.out_stride,
          [&](__m512i x, int c) __attribute__((always_inline)) { return requantize_narrow(x, table[c]); }, output);
    }
  }

  template <int C, class Finish>
  static void panel_of(Setting& setting, bool is_signed, const TileArguments<Tiles>& t, const Panels<int8_t>& p,
                       const TileStage<Output>& s, int64_t pixels, int32_t* memory, const Finish& finish) {
    static constexpr Multiply functions[2][2] = {{multiply<false, 1, C>, multiply<false, 2, C>},
                                                 {multiply<true, 1, C>, multiply<true, 2, C>}};
    const int64_t rows = pixels < kTile ? pixels : kTile;
    setting.set_rows(rows);
    SumRows<C> from{};
    for (int c = 0; c < C; ++c) from.start[c] = first_sums(t, p, s, c);
    TileOperands operands{nullptr,      nullptr, t.a_stride, t.a_piece, t.w, t.pieces, t.steps * kStep / setting.width,
                          setting.width};
    // The last register of pixels ends with the last pixel: some rows of it were done before.
    const auto first = [&](int64_t row) { return row + rows > pixels ? pixels - rows : row; };
    const auto store = [&](int64_t tile) {
      for (int64_t row = tile; row < pixels && row < tile + kRows; row += kTile) {
        const int64_t done = row - first(row), count = rows - done;
        int32_t* sums = memory + (row - tile + done) * kPanel;
        from.sums = sums, from.terms = s.row_terms == nullptr ? nullptr : s.row_terms + row;
        if (t.acc_out == nullptr) {
          rescale_rows<C>(t, p, s.output, from, count, t.out + row * t.out_stride);
          continue;
        }
        for (int64_t r = 0; r < count; ++r) {
          __m512i acc[1][C];
          from.load(r, acc);
          for (int c = 0; c < C; ++c)
            _mm512_storeu_si512(sums + r * kPanel + c * kLanes,
                                _mm512_xor_si512(acc[0][c], _mm512_set1_epi32(INT32_MIN)));
        }
        finish(sums, row, count);
      }
    };
    // The products of a tile are made while the sums of the one before are rescaled.
    for (int64_t row = 0; row < pixels; row += kRows) {
      const bool two = row + kTile < pixels;
      operands.a = t.a + first(row) * t.a_stride;
      operands.next = two ? t.a + first(row + kTile) * t.a_stride : operands.a;
      functions[is_signed][two](operands);
      if (row > 0) store(row - kRows);
      if (two)
        store_sums<2, C>(memory);
      else
        store_sums<1, C>(memory);
    }
    store((pixels - 1) / kRows * kRows);
  }

  template <class Finish>
  static void panel(Setting& setting, const Conv2dQ8& c, const TileArguments<Tiles>& t, const Panels<int8_t>& p,
                    const TileStage<Output>& s, int64_t pixels, bool whole, int32_t* memory, const Finish& finish) {
    if (whole)
      panel_of<2>(setting, c.flip == 0, t, p, s, pixels, memory, finish);
    else
      panel_of<1>(setting, c.flip == 0, t, p, s, pixels, memory, finish);
  }
};

}  // namespace

const Conv2dQ8Kernel conv2d_q8_avx512amx_tiles = PanelKernel<Tiles>::kernel();

}  // namespace sanderling
