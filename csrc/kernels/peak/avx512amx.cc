#include <immintrin.h>

#include "base/tile_registers.h"
#include "kernels/peak/peak.h"

namespace sanderling {
namespace {

// Tiles 0 to 5 take the products of tiles 6 and 7, which are all ones.
int64_t run_tiles(int64_t loops) noexcept {
  const TileShapes shapes;
  alignas(64) int8_t ones[1024];
  for (int8_t& one : ones) one = 1;
  _tile_loadconfig(&shapes);
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  _tile_zero(4);
  _tile_zero(5);
  _tile_loadd(6, ones, 64);
  _tile_loadd(7, ones, 64);
  for (int64_t i = 0; i < loops; ++i) {
    _tile_dpbssd(0, 6, 7);
    _tile_dpbssd(1, 6, 7);
    _tile_dpbssd(2, 6, 7);
    _tile_dpbssd(3, 6, 7);
    _tile_dpbssd(4, 6, 7);
    _tile_dpbssd(5, 6, 7);
  }
  alignas(64) int32_t sums[6][256];
  _tile_stored(0, sums[0], 64);
  _tile_stored(1, sums[1], 64);
  _tile_stored(2, sums[2], 64);
  _tile_stored(3, sums[3], 64);
  _tile_stored(4, sums[4], 64);
  _tile_stored(5, sums[5], 64);
  _tile_release();
  int64_t total = 0;
  for (const auto& tile : sums)
    for (int32_t x : tile) total += x;
  return total;
}

}  // namespace

const PeakLoop peak_avx512amx_tdpbssd = {false, run_tiles};

}  // namespace sanderling
