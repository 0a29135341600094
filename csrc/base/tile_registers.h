// The shapes of the eight tile registers of AMX, palette 1 (Intel SDM, volume 1, "Programming with Intel AMX").
#pragma once

#include <cstdint>

namespace sanderling {
namespace {

struct alignas(64) TileShapes {
  uint8_t palette = 1, start_row = 0, reserved[14] = {};
  uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};

}  // namespace
}  // namespace sanderling
