// Four input rows that are interleaved once serve `together` output rows, by weights moved down by stride_h rows each.
#pragma once

#include "kernels/depthwise_q8/depthwise_q8.h"

namespace sanderling {
namespace {

inline int64_t round_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }
inline int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

struct RowGroups {
  int64_t groups;    // of four input rows
  int64_t together;  // output rows
};

inline RowGroups row_groups(const Window2d& w) {
  const int64_t groups = (w.kernel_h + 3) / 4;
  if (w.dilation_h != 1) return {groups, 1};
  const int64_t together = (4 * groups - w.kernel_h) / w.stride_h + 1;
  return {groups, together > w.out_h && w.out_h > 0 ? w.out_h : together};
}

// Signed bytes that a weight may need: w lies within [-128 - weight_zero, 127 - weight_zero].
inline int64_t weight_parts(const DepthwiseQ8& c) { return c.weight_zero == 0 ? 1 : (c.weight_zero > -128 ? 2 : 3); }

// The signed byte `part` of a weight: parts add up to it.
inline int32_t weight_part(int32_t w, int64_t part) {
  for (; part > 0; --part) w -= w < -128 ? -128 : (w > 127 ? 127 : w);
  return w < -128 ? -128 : (w > 127 ? 127 : w);
}

}  // namespace
}  // namespace sanderling
