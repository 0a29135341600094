// CONV_2D of int16 with int8 weights: the windows of a block of output pixels are gathered into rows, and the matrix
// kernels multiply them with the weights.
#include <algorithm>
#include <cstring>

#include "ops/convolution.h"
#include "ops/matmul.h"

namespace sanderling {
namespace {

// The windows of output pixels [first, last), counted through all batches, in the channels of one group; zeros outside
// the picture.
void gather_windows(const Window2d& w, int64_t groups, int64_t group, const int16_t* input, int64_t first, int64_t last,
                    int16_t* to) {
  const int64_t channels = w.in_c / groups;
  for (int64_t pixel = first; pixel < last; ++pixel) {
    const int64_t top = pixel / w.out_w % w.out_h * w.stride_h - w.pad_h, left = pixel % w.out_w * w.stride_w - w.pad_w;
    const int16_t* picture = input + pixel / (w.out_w * w.out_h) * w.in_h * w.in_w * w.in_c + group * channels;
    for (int64_t i = 0; i < w.kernel_h; ++i) {
      const int64_t y = top + i * w.dilation_h;
      for (int64_t j = 0; j < w.kernel_w; ++j, to += channels) {
        const int64_t x = left + j * w.dilation_w;
        if (y < 0 || y >= w.in_h || x < 0 || x >= w.in_w)
          std::fill(to, to + channels, int16_t{0});
        else
          std::memcpy(to, picture + (y * w.in_w + x) * w.in_c, static_cast<size_t>(channels) * sizeof(int16_t));
      }
    }
  }
}

class MatmulConvolution {
 public:
  MatmulConvolution(PrepareContext& ctx, const Window2d& w, int64_t groups, const matmul::Choice<int64_t>& choice)
      : window_(w),
        groups_(groups),
        depth_(w.kernel_h * w.kernel_w * (w.in_c / groups)),
        group_out_(w.out_c / groups),
        kernel_(*choice.kernel),
        right_(ctx, choice, 1, groups, group_out_ * depth_, group_out_, depth_,
               {nullptr, matmul::Element::s8, depth_, 1, 0}) {
    ctx.set_kernel(choice.isa);
    // A 1x1 filter reads its rows where they are.
    direct_ = groups == 1 && w.kernel_h == 1 && w.kernel_w == 1 && w.stride_h == 1 && w.stride_w == 1;
    const size_t threads = static_cast<size_t>(ctx.threads());
    rows_bytes_ = direct_ ? 0 : align_up(static_cast<size_t>(matmul::kRowBlock * depth_) * sizeof(int16_t));
    left_bytes_ = align_up(kernel_.left_bytes(matmul::kRowBlock, depth_));
    rows_ = ctx.scratch(rows_bytes_ * threads);
    left_ = ctx.scratch(left_bytes_ * threads);
  }

  // store(acc, pixel, first channel, n): n accumulators of one output pixel.
  template <class Store>
  void run(RunContext& run, const Store& store) const {
    const char* right = right_.get(run);
    const int16_t* x = run.input<int16_t>(0);
    const int64_t pixels = window_.batches * window_.out_h * window_.out_w;
    const double cost = matmul_cost(kernel_, std::min(pixels, matmul::kRowBlock), window_.out_c, depth_);
    const int64_t blocks = (pixels + matmul::kRowBlock - 1) / matmul::kRowBlock;
    run.parallel_for(blocks, cost, [&](int64_t begin, int64_t end, int thread) {
      alignas(kAlignment) int64_t acc[matmul::kRowBlock * matmul::kColumnBlock];
      char* rows = run.scratch<char>(rows_) + rows_bytes_ * static_cast<size_t>(thread);
      char* left = run.scratch<char>(left_) + left_bytes_ * static_cast<size_t>(thread);
      for (int64_t i = begin; i < end; ++i) {
        const int64_t first = i * matmul::kRowBlock, n = std::min(matmul::kRowBlock, pixels - first);
        for (int64_t g = 0; g < groups_; ++g) {
          const void* from = rows;
          if (direct_)
            from = x + first * depth_;
          else
            gather_windows(window_, groups_, g, x, first, first + n, reinterpret_cast<int16_t*>(rows));
          kernel_.pack_left({from, matmul::Element::s16, depth_, 1, 0}, 0, n, depth_, left);
          for (int64_t c = 0; c < group_out_; c += matmul::kColumnBlock) {
            const int64_t columns = std::min(matmul::kColumnBlock, group_out_ - c);
            kernel_.run(left, right + g * right_.item_bytes(), depth_, {0, n, c, c + columns}, acc);
            for (int64_t r = 0; r < n; ++r)
              store(acc + r * matmul::kColumnBlock, first + r, g * group_out_ + c, columns);
          }
        }
      }
    });
  }

 private:
  Window2d window_;
  int64_t groups_, depth_, group_out_;
  const matmul::Kernel<int64_t>& kernel_;
  RightOperands<int64_t> right_;
  bool direct_;
  size_t rows_bytes_, left_bytes_;
  int rows_, left_;
};

}  // namespace

void prepare_conv_2d_16x8(PrepareContext& ctx, const ConvolutionTensors& t, const Window2d& w, int64_t groups) {
  Int16Stage stage(ctx, t, w.out_c);
  for (int32_t zero : t.weights.quantization.zero_point)
    check(zero == 0, "int8 weights have zero point ", zero, "; 0 expected");
  MatmulConvolution conv(ctx, w, groups, matmul::choose_s16(ctx.isa()));
  const int64_t out_c = w.out_c;
  ctx.on_run([conv, stage, out_c](RunContext& run) {
    conv.run(run, [&](const int64_t* acc, int64_t pixel, int64_t channel, int64_t n) {
      stage.store(run, acc, channel, n, run.output<int16_t>(0) + pixel * out_c + channel);
    });
  });
}

}  // namespace sanderling
