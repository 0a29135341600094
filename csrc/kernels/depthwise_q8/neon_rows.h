// The walk of the NEON kernel over the rows of a picture.
#pragma once

#include "kernels/depthwise_q8/neon_3x3.h"

namespace sanderling {
namespace {

// Narrow::row<kind> does the narrow blocks of a row.
template <class Narrow, RequantizeNeon kKind>
void run_rows(const Window2d& w, const Work& work, Rows& rows, uint8_t* output, int64_t begin, int64_t end) {
  for (int64_t row = begin; row < end; ++row) {
    rows.move_to(row);
    uint8_t* out = output + row * w.out_w * w.out_c;
    if (work.narrow > 0) Narrow::template row<kKind>(w, work, rows, out);
    if (work.narrow < work.blocks) wide_blocks<kKind>(w, work, rows, out);
  }
}

template <class Narrow>
void run_kernel(const DepthwiseQ8& c, const void* packed, const uint8_t* input, void* output, int64_t row_begin,
                int64_t row_end, void* scratch) {
  const Layout at = layout(c);
  const char* base = static_cast<const char*>(packed);
  Header header;
  std::memcpy(&header, packed, sizeof header);
  const FusedTable table = view_fused_table(base + at.fused, at.blocks * kBlock);
  const int64_t narrow = header.narrow < 0 ? 0 : smaller(header.narrow, at.blocks);
  // There are no loops of their own for blocks beside fused ones that kAny has.
  const bool fuses = kFusesRows && has_fused_loops(c) && fused_table_holds(base + at.fused, c.input_zero) &&
                     (header.kind == RequantizeNeon::kRelu || all_fused(table, narrow));
  const uint8_t* fused = fuses ? table.has : nullptr;
  Rows rows(c, at, packed, table, fused, input, scratch);
  const bool unclamped = c.is_whole_relu();
  const Work work{rows.start(),
                  rows.bias(),
                  base + at.records,
                  header.light < 0 ? 0 : smaller(header.light, narrow),
                  narrow,
                  at.blocks,
                  at.taps,
                  at.narrow_bytes,
                  at.wide_bytes,
                  output_stage_neon(c.output_zero, c.low, c.high, c.flip),
                  unclamped,
                  table,
                  fused};
  uint8_t* out = static_cast<uint8_t*>(output);
  switch (header.kind) {
    case RequantizeNeon::kRelu:
      return run_rows<Narrow, RequantizeNeon::kRelu>(c.window, work, rows, out, row_begin, row_end);
    case RequantizeNeon::kRight:
      return run_rows<Narrow, RequantizeNeon::kRight>(c.window, work, rows, out, row_begin, row_end);
    case RequantizeNeon::kAny:
      return run_rows<Narrow, RequantizeNeon::kAny>(c.window, work, rows, out, row_begin, row_end);
  }
}

}  // namespace
}  // namespace sanderling
