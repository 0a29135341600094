// Tiles of up to 12 pixels x 32 channels in registers (vpdpbusd), from gathered rows of unsigned activations.
#include "kernels/conv2d_q8/tiles_512.h"

namespace sanderling {
namespace {

constexpr int kRows = 12;  // 24 accumulators

inline __attribute__((always_inline)) __m512i broadcast4(const uint8_t* p) {
  int32_t x;
  std::memcpy(&x, p, sizeof x);
  return _mm512_set1_epi32(x);
}

// Products of R pixels and 16 * C channels. Few rows are summed in U parts, so that additions need not wait for each
// other.
template <int R, int C, int U>
inline __attribute__((always_inline)) void multiply(const uint8_t* piece, int64_t stride, int64_t piece_stride,
                                                    const int8_t* w, int64_t pieces, int64_t all_steps,
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
  for (; pieces > 0; --pieces, piece += piece_stride) {
    const uint8_t* a = piece;
    int64_t steps = all_steps;
    for (; steps >= U; steps -= U, a += 4 * U, w += 64 * C * U) {
#pragma GCC unroll 16
      for (int u = 0; u < U; ++u) {
        __m512i weights[C];
#pragma GCC unroll 16
        for (int c = 0; c < C; ++c) weights[c] = _mm512_loadu_si512(w + 64 * (C * u + c));
#pragma GCC unroll 16
        for (int r = 0; r < R; ++r) {
          const __m512i x = broadcast4(a + r * stride + 4 * u);
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
                _mm512_dpbusd_epi32(part[0][r][c], broadcast4(a + r * stride), _mm512_loadu_si512(w + 64 * c));
    }
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

struct Tiles : TileDefaults, Rows512 {
  static constexpr int kLanes = sanderling::kLanes, kPanel = sanderling::kPanel, kRows = sanderling::kRows, kStep = 4;
  using Weight = int8_t;
  using Activation = uint8_t;
  using Copy = Copy512;
  using Output = OutputAvx512;
  using Function = void (*)(const TileArguments<Tiles>&, const Panels<int8_t>&, const TileStage<Output>&);

  template <int R, int C>
  static void run(const TileArguments<Tiles>& t, const Panels<int8_t>& p, const TileStage<Output>& s) {
    __m512i acc[R][C];
#pragma GCC unroll 16
    for (int c = 0; c < C; ++c) {
      acc[0][c] = first_sums(t, p, s, c);
#pragma GCC unroll 16
      for (int r = 1; r < R; ++r) acc[r][c] = acc[0][c];
    }
    if (s.row_terms != nullptr) {
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r)
#pragma GCC unroll 16
        for (int c = 0; c < C; ++c) acc[r][c] = _mm512_add_epi32(acc[r][c], _mm512_set1_epi32(s.row_terms[r]));
    }
    multiply<R, C, (R * C > 6 ? 1 : (R * C > 4 ? 2 : 4))>(t.a, t.a_stride, t.a_piece, t.w, t.pieces, t.steps, acc);
    if (t.fused) return store_fused<R, C>(acc, t.channel, t.channels, p.fused, s.output, t.out, t.out_stride);
    if (t.acc_out == nullptr) return store_narrow<R, C>(acc, t.channel, t.channels, s, t.out, t.out_stride);
    const __m512i bias = _mm512_set1_epi32(INT32_MIN);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 16
      for (int c = 0; c < C; ++c)
        _mm512_storeu_si512(t.acc_out + r * kPanel + c * kLanes, _mm512_xor_si512(acc[r][c], bias));
  }

  static Function tile(int64_t channels, int64_t pixels) {
    static constexpr Function functions[2][kRows] = {
        {run<1, 1>, run<2, 1>, run<3, 1>, run<4, 1>, run<5, 1>, run<6, 1>, run<7, 1>, run<8, 1>, run<9, 1>, run<10, 1>,
         run<11, 1>, run<12, 1>},
        {run<1, 2>, run<2, 2>, run<3, 2>, run<4, 2>, run<5, 2>, run<6, 2>, run<7, 2>, run<8, 2>, run<9, 2>, run<10, 2>,
         run<11, 2>, run<12, 2>},
    };
    return functions[channels == kPanel][pixels - 1];
  }
};

}  // namespace

const Conv2dQ8Kernel conv2d_q8_avx512vnni_panels = PanelKernel<Tiles>::kernel();

}  // namespace sanderling
