// The memory of a run of the NEON kernel with dot products.
#pragma once

#include "kernels/depthwise_q8/packed_columns.h"
#include "quant/requantize_neon.h"

namespace sanderling {
namespace {

using namespace dots;

inline int64_t columns(const Window2d& w) { return (w.out_w - 1) * w.stride_w + (w.kernel_w - 1) * w.dilation_w + 1; }

// Scratch: where the columns of each row of taps begin, a row of input_zero, and the interleaved columns.
struct ScratchLayout {
  size_t zeros, columns, group_bytes, bytes;

  explicit ScratchLayout(const DepthwiseQ8& c) {
    const PackedLayout packed(c);
    zeros = align64(static_cast<size_t>(packed.parts * packed.taps) * sizeof(int64_t));
    columns = zeros + align64(static_cast<size_t>(c.window.in_w * c.window.in_c));
    group_bytes = static_cast<size_t>(sanderling::columns(c.window) * kColumn);
    // Two blocks at a time, one after the other.
    bytes = columns + 2 * static_cast<size_t>(packed.rows.groups) * group_bytes;
  }
};

}  // namespace
}  // namespace sanderling
