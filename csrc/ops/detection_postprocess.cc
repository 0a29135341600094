// TFLite_Detection_PostProcess: boxes from encodings relative to anchors, then non-maximum suppression: for each class
// ("regular") or once with each box's best class ("fast").
#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>

#include "ops/op.h"
#include "ops/sort_keys.h"

namespace sanderling {
namespace {

enum { kEncodings, kPredictions, kAnchors };
enum { kBoxes, kClasses, kScores, kCount };

struct Box {
  float y_min, x_min, y_max, x_max;
};

struct Candidate {
  int64_t box, label;
  float score;
};

struct Params {
  int64_t boxes, classes, labels, coordinates;  // labels: classes and the background, if it is there
  int64_t max_detections, classes_per_detection, detections_per_class;
  bool regular;
  float score_threshold, iou_threshold;
  double y_scale, x_scale, h_scale, w_scale;
  DType encoding_dtype, prediction_dtype;
  float scale[3];  // of quantized inputs
  int32_t zero_point[3];
  int decoded, scores, column, keys, order, active, selected, merged;  // scratch memory

  int64_t background() const { return labels - classes; }
  int64_t results() const { return max_detections * classes_per_detection; }
};

float area(const Box& b) { return (b.y_max - b.y_min) * (b.x_max - b.x_min); }

float intersection_over_union(const Box& a, const Box& b) {
  const float area_a = area(a), area_b = area(b);
  if (area_a <= 0 || area_b <= 0) return 0.0f;
  const float height = std::min(a.y_max, b.y_max) - std::max(a.y_min, b.y_min);
  const float width = std::min(a.x_max, b.x_max) - std::max(a.x_min, b.x_min);
  const float both = std::max(height, 0.0f) * std::max(width, 0.0f);
  return both / (area_a + area_b - both);
}

template <class T>
void dequantize(const RunContext& run, const Params& p, int input, int64_t at, int64_t n, float* to) {
  const T* q = run.input<T>(input) + at;
  for (int64_t i = 0; i < n; ++i) to[i] = static_cast<float>(q[i] - p.zero_point[input]) * p.scale[input];
}

// Values of an input as floats.
void load(const RunContext& run, const Params& p, int input, DType dtype, int64_t at, int64_t n, float* to) {
  if (dtype == DType::uint8)
    dequantize<uint8_t>(run, p, input, at, n, to);
  else if (dtype == DType::int8)
    dequantize<int8_t>(run, p, input, at, n, to);
  else
    std::copy_n(run.input<float>(input) + at, n, to);
}

void decode(const RunContext& run, const Params& p, Box* boxes) {
  for (int64_t i = 0; i < p.boxes; ++i) {
    float e[4], a[4];  // y, x, h, w
    load(run, p, kEncodings, p.encoding_dtype, i * p.coordinates, 4, e);
    load(run, p, kAnchors, p.encoding_dtype, i * 4, 4, a);
    const float y = static_cast<float>(e[0] / p.y_scale * a[2] + a[0]);
    const float x = static_cast<float>(e[1] / p.x_scale * a[3] + a[1]);
    const float half_h = static_cast<float>(0.5 * std::exp(e[2] / p.h_scale) * a[2]);
    const float half_w = static_cast<float>(0.5 * std::exp(e[3] / p.w_scale) * a[3]);
    boxes[i] = {y - half_h, x - half_w, y + half_h, x + half_w};
    check(!(boxes[i].y_min > boxes[i].y_max) && !(boxes[i].x_min > boxes[i].x_max), "box ", i,
          " has a negative extent (its anchor's height and width are ", a[2], " and ", a[3], ")");
  }
}

// Boxes of scores at or above the threshold, best first, without those that overlap a better one too much; at most
// `most`. Of equal scores the first comes first. Returns how many there are in run.scratch(p.selected).
int64_t suppress(const RunContext& run, const Params& p, const Box* boxes, const float* scores, int64_t most) {
  uint64_t* keys = run.scratch<uint64_t>(p.keys);
  int32_t* order = run.scratch<int32_t>(p.order);
  uint8_t* active = run.scratch<uint8_t>(p.active);
  int32_t* selected = run.scratch<int32_t>(p.selected);
  int64_t kept = 0, count = 0;
  for (int64_t i = 0; i < p.boxes; ++i)
    if (scores[i] >= p.score_threshold) order[kept++] = static_cast<int32_t>(i);
  sort_keys(DType::float32)(scores, p.boxes, keys);
  for (int64_t i = 0; i < p.boxes; ++i) keys[i] = ~keys[i];
  sort_by_key(order, kept, keys);
  std::fill_n(active, kept, uint8_t{1});
  for (int64_t i = 0; i < kept && count < most; ++i) {
    if (!active[i]) continue;
    selected[count++] = order[i];
    for (int64_t j = i + 1; j < kept; ++j)
      if (active[j] && intersection_over_union(boxes[order[i]], boxes[order[j]]) > p.iou_threshold) active[j] = 0;
  }
  return count;
}

void write(const RunContext& run, const Box& box, int64_t label, float score, int64_t at) {
  std::memcpy(run.output<Box>(kBoxes) + at, &box, sizeof(Box));
  run.output<float>(kClasses)[at] = static_cast<float>(label);
  run.output<float>(kScores)[at] = score;
}

int64_t regular(const RunContext& run, const Params& p, const Box* boxes, const float* scores) {
  float* column = run.scratch<float>(p.column);
  const int32_t* selected = run.scratch<int32_t>(p.selected);
  // Best candidates so far, and room for them merged with those of the next class.
  Candidate* best = run.scratch<Candidate>(p.merged);
  Candidate* next = best + p.max_detections;
  Candidate* merged = next + p.detections_per_class;
  int64_t count = 0;
  for (int64_t label = 0; label < p.classes; ++label) {
    for (int64_t i = 0; i < p.boxes; ++i) column[i] = scores[i * p.labels + p.background() + label];
    const int64_t found = suppress(run, p, boxes, column, p.detections_per_class);
    for (int64_t i = 0; i < found; ++i) next[i] = {selected[i], label, column[selected[i]]};
    Candidate* end = std::merge(best, best + count, next, next + found, merged,
                                [](const Candidate& a, const Candidate& b) { return a.score > b.score; });
    count = std::min<int64_t>(end - merged, p.max_detections);
    std::copy_n(merged, count, best);
  }
  for (int64_t i = 0; i < count; ++i) write(run, boxes[best[i].box], best[i].label, best[i].score, i);
  return count;
}

int64_t fast(const RunContext& run, const Params& p, const Box* boxes, const float* scores) {
  float* best = run.scratch<float>(p.column);
  for (int64_t i = 0; i < p.boxes; ++i) {
    const float* row = scores + i * p.labels + p.background();
    best[i] = *std::max_element(row, row + p.classes);
  }
  const int64_t count = suppress(run, p, boxes, best, p.max_detections);
  const int32_t* selected = run.scratch<int32_t>(p.selected);
  int32_t* order = run.scratch<int32_t>(p.merged);
  const int64_t each = std::min(p.classes_per_detection, p.classes);
  for (int64_t k = 0; k < count; ++k) {
    const float* row = scores + selected[k] * p.labels + p.background();
    for (int64_t c = 0; c < p.classes; ++c) order[c] = static_cast<int32_t>(c);
    // Of equal scores the first class comes first; a NaN comes last.
    auto better = [row](int32_t a, int32_t b) {
      const bool nan_a = std::isnan(row[a]), nan_b = std::isnan(row[b]);
      if (nan_a || nan_b || row[a] == row[b]) return nan_a != nan_b ? nan_b : a < b;
      return row[a] > row[b];
    };
    std::partial_sort(order, order + each, order + p.classes, better);
    for (int64_t c = 0; c < each; ++c)
      write(run, boxes[selected[k]], order[c], row[order[c]], k * p.classes_per_detection + c);
  }
  return count;
}

void run_detection(const Params& p, RunContext& run) {
  Box* boxes = run.scratch<Box>(p.decoded);
  decode(run, p, boxes);
  const float* scores = run.input<float>(kPredictions);
  if (p.prediction_dtype != DType::float32) {
    float* to = run.scratch<float>(p.scores);
    load(run, p, kPredictions, p.prediction_dtype, 0, p.boxes * p.labels, to);
    scores = to;
  }
  std::fill_n(run.output<float>(kBoxes), p.results() * 4, 0.0f);
  std::fill_n(run.output<float>(kClasses), p.results(), 0.0f);
  std::fill_n(run.output<float>(kScores), p.results(), 0.0f);
  *run.output<float>(kCount) =
      static_cast<float>(p.regular ? regular(run, p, boxes, scores) : fast(run, p, boxes, scores));
}

Params read_params(PrepareContext& ctx) {
  const Attributes& options = ctx.attributes();
  Params p{};
  p.max_detections = options.integer_in("max_detections", 0, INT32_MAX);
  p.classes_per_detection = options.integer_in("max_classes_per_detection", 1, INT32_MAX);
  p.regular = options.boolean("use_regular_nms");
  p.detections_per_class = options.has("detections_per_class") ? options.integer("detections_per_class") : 100;
  p.detections_per_class = std::min(p.detections_per_class, p.max_detections);
  check(!p.regular || p.detections_per_class > 0,
        "options 'detections_per_class' and 'max_detections' must be positive");
  p.classes = options.integer_in("num_classes", 1, INT32_MAX);
  p.score_threshold = static_cast<float>(options.real("nms_score_threshold"));
  p.iou_threshold = static_cast<float>(options.real("nms_iou_threshold"));
  check(p.iou_threshold > 0 && p.iou_threshold <= 1, "option 'nms_iou_threshold' is ", p.iou_threshold,
        "; more than 0 and at most 1 expected");
  // The reference holds these as floats.
  auto scale = [&](const char* name) { return static_cast<double>(static_cast<float>(options.real(name))); };
  p.y_scale = scale("y_scale");
  p.x_scale = scale("x_scale");
  p.h_scale = scale("h_scale");
  p.w_scale = scale("w_scale");
  return p;
}

void expect_dtype(const TensorInfo& t) {
  check(t.dtype == DType::float32 || t.dtype == DType::uint8 || t.dtype == DType::int8, "input '", t.name, "' is ",
        dtype_name(t.dtype), "; float32, uint8 or int8 expected");
}

}  // namespace

void prepare_detection_postprocess(PrepareContext& ctx) {
  ctx.expect_inputs(3, 3);
  ctx.expect_outputs(4);
  auto params = std::make_shared<Params>(read_params(ctx));
  Params& p = *params;
  const TensorInfo &encodings = ctx.input(kEncodings), &predictions = ctx.input(kPredictions);
  const TensorInfo& anchors = ctx.input(kAnchors);
  expect_dtype(encodings);
  expect_dtype(predictions);
  check(anchors.dtype == encodings.dtype, "anchors are ", dtype_name(anchors.dtype), ", but box encodings ",
        dtype_name(encodings.dtype));
  p.encoding_dtype = encodings.dtype;
  p.prediction_dtype = predictions.dtype;
  for (int i = 0; i < 3; ++i)
    if (ctx.input(i).dtype != DType::float32) {
      p.scale[i] = ctx.input(i).scale();
      p.zero_point[i] = ctx.input(i).zero_point();
    }
  check(encodings.shape.rank() == 3 && encodings.shape[0] == 1 && encodings.shape[2] >= 4, "box encodings have shape ",
        encodings.shape, "; [1, boxes, 4 or more] expected");
  p.boxes = encodings.shape[1];
  p.coordinates = encodings.shape[2];
  check(predictions.shape.rank() == 3 && predictions.shape[0] == 1 && predictions.shape[1] == p.boxes,
        "class predictions have shape ", predictions.shape, "; [1, ", p.boxes, ", classes] expected");
  p.labels = predictions.shape[2];
  check(p.background() == 0 || p.background() == 1, "class predictions have ", p.labels,
        " classes; option 'num_classes' (", p.classes, ") or one more for the background expected");
  check(anchors.shape.rank() == 2 && anchors.shape[0] >= p.boxes && anchors.shape[1] == 4, "anchors have shape ",
        anchors.shape, "; [", p.boxes, ", 4] expected");
  for (int i = 0; i < 4; ++i)
    check(ctx.output(i).dtype == DType::float32, "output ", i, " is ", dtype_name(ctx.output(i).dtype),
          "; float32 expected");
  ctx.set_output_shape(kBoxes, {1, p.results(), 4});
  ctx.set_output_shape(kClasses, {1, p.results()});
  ctx.set_output_shape(kScores, {1, p.results()});
  ctx.set_output_shape(kCount, {1});

  const size_t n = static_cast<size_t>(p.boxes);
  // No class has more detections than there are boxes.
  p.detections_per_class = std::min(p.detections_per_class, p.boxes);
  p.decoded = ctx.scratch(n * sizeof(Box));
  p.scores = ctx.scratch(p.prediction_dtype == DType::float32 ? 0 : predictions.shape.elements() * sizeof(float));
  p.column = ctx.scratch(n * sizeof(float));
  p.keys = ctx.scratch(n * sizeof(uint64_t));
  p.order = ctx.scratch(n * sizeof(int32_t));
  p.active = ctx.scratch(n);
  p.selected = ctx.scratch(n * sizeof(int32_t));
  const int64_t candidates = 2 * (p.max_detections + p.detections_per_class);
  p.merged = ctx.scratch(p.regular ? static_cast<size_t>(candidates) * sizeof(Candidate)
                                   : static_cast<size_t>(p.classes) * sizeof(int32_t));
  ctx.on_run([params](RunContext& run) { run_detection(*params, run); });
}

}  // namespace sanderling
