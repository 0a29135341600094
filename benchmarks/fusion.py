"""Time networks as their files have them (``fuse=False``) against the engine's own choice of what to join.

    python -m benchmarks.fusion [--size 224] [--seconds 4]

The networks have random weights: MobileNetV2 with the borders that Keras puts before strided convolutions
(ZeroPadding2D), MobileNetV3-large with HARD_SWISH and with x * LOGISTIC(x), without squeeze and excitation, a ResNet's
first stage, and inverted residuals in int8 whose depthwise convolutions are in float between DEQUANTIZE and QUANTIZE.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np

import sanderling
from tests.support.builder import Net, T, const


class Network:
    """A network in the making: each method takes the picture before and returns the next."""

    def __init__(self, dtype: str, size: int) -> None:
        self.dtype, self.net, self.rng = dtype, Net(), np.random.default_rng(0)
        self.x = self.net.input(self.picture(size, size, 3))

    def picture(self, *shape: int) -> T:
        return T(self.dtype, (1, *shape)) if self.dtype == "float32" else T(self.dtype, (1, *shape), 0.05, 3)

    def conv(
        self,
        x: T,
        kernel: int,
        stride: int,
        channels: int = 0,
        act: str = "NONE",
        border: tuple[int, int] | None = None,
    ) -> T:
        """Add a convolution, depthwise where `channels` is 0, behind a PAD of `border` (before and after)."""
        if border is not None:
            _, h, w, c = x.shape
            amounts = const(np.array([[0, 0], border, border, [0, 0]], np.int32))
            x = self.net.op("PAD", [x, amounts], self.picture(h + sum(border), w + sum(border), c))
        _, h, w, c = x.shape
        out, depthwise = channels or c, channels == 0
        shape = (1, kernel, kernel, c) if depthwise else (out, kernel, kernel, c)
        if self.dtype == "float32":
            data = self.rng.normal(size=shape).astype(np.float32) * 0.05
            weights, bias = const(data), const(np.zeros(out, np.float32))
        else:
            scales, axis = np.full(out, 0.005, np.float32), 3 if depthwise else 0
            weights = T("int8", shape, scales, axis=axis, data=self.rng.integers(-127, 128, shape))
            bias = T("int32", (out,), scales * np.float32(0.05), data=self.rng.integers(-500, 500, out))
        size = [-(-n // stride) if border is None else (n - kernel) // stride + 1 for n in (h, w)]
        options = {"padding": "SAME" if border is None else "VALID", "fused_activation_function": act,
                   "stride_h": stride, "stride_w": stride}  # fmt: skip
        op = "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D"
        if depthwise:
            options["depth_multiplier"] = 1
        return self.net.op(op, [x, weights, bias], self.picture(*size, out), **options)

    def add(self, x: T, y: T) -> T:
        return self.net.op("ADD", [x, y], self.picture(*x.shape[1:]), fused_activation_function="NONE")

    def swish(self, x: T) -> T:
        return self.net.op("HARD_SWISH", [x], self.picture(*x.shape[1:]))

    def silu(self, x: T) -> T:
        gate = self.net.op("LOGISTIC", [x], T(self.dtype, x.shape, 1 / 256, -128))
        return self.net.op("MUL", [x, gate], self.picture(*x.shape[1:]), fused_activation_function="NONE")


def mobilenet_v2(dtype: str, size: int) -> bytes:
    """Return MobileNetV2 without its classifier."""
    n = Network(dtype, size)
    x = n.conv(n.x, 3, 2, 32, "RELU6", (0, 1))
    blocks = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]
    for expansion, channels, count, first_stride in blocks:
        for k in range(count):
            y = n.conv(x, 1, 1, x.shape[3] * expansion, "RELU6") if expansion > 1 else x
            strided = k == 0 and first_stride == 2
            y = n.conv(y, 3, 2 if strided else 1, 0, "RELU6", (0, 1) if strided else None)
            y = n.conv(y, 1, 1, channels)
            x = n.add(x, y) if k else y
    return n.net.build(outputs=[n.conv(x, 1, 1, 1280, "RELU6")])


def mobilenet_v3(size: int, function: Callable[[Network, T], T], dtype: str = "int8") -> bytes:
    """Return MobileNetV3-large with this function behind its convolutions."""
    n = Network(dtype, size)
    x = function(n, n.conv(n.x, 3, 2, 16))
    blocks = [
        (3, 16, 16, 1), (3, 64, 24, 2), (3, 72, 24, 1), (5, 72, 40, 2), (5, 120, 40, 1), (5, 120, 40, 1),
        (3, 240, 80, 2), (3, 200, 80, 1), (3, 184, 80, 1), (3, 184, 80, 1), (3, 480, 112, 1), (3, 672, 112, 1),
        (5, 672, 160, 2), (5, 960, 160, 1), (5, 960, 160, 1),
    ]  # fmt: skip
    for kernel, wide, channels, stride in blocks:
        y = function(n, n.conv(x, 1, 1, wide))
        y = function(n, n.conv(y, kernel, stride))
        y = n.conv(y, 1, 1, channels)
        x = n.add(x, y) if y.shape == x.shape else y
    return n.net.build(outputs=[function(n, n.conv(x, 1, 1, 960))])


def resnet_stage(size: int) -> bytes:
    """Return the first stage of ResNet-18 with its stem, int8, with a border before each convolution."""
    n = Network("int8", size)
    x = n.conv(n.x, 7, 2, 64, "RELU", (3, 3))
    window = {"filter_height": 3, "filter_width": 3, "stride_h": 2, "stride_w": 2, "padding": "SAME"}
    half = -(-x.shape[1] // 2)
    x = n.net.op("MAX_POOL_2D", [x], n.picture(half, half, 64), **window)
    for _ in range(2):
        y = n.conv(x, 3, 1, 64, "RELU", (1, 1))
        x = n.add(x, n.conv(y, 3, 1, 64, border=(1, 1)))
    return n.net.build(outputs=[x])


def float_depthwise(size: int) -> bytes:
    """Return four inverted residuals, int8, whose depthwise convolutions are in float."""
    n = Network("int8", size)
    x = n.conv(n.x, 3, 2, 32)
    for channels in (32, 32, 64, 64):
        y = n.conv(x, 1, 1, 4 * channels)
        real = Network("float32", size)
        real.net = n.net
        y = real.conv(n.net.op("DEQUANTIZE", [y], T("float32", y.shape)), 3, 1, act="RELU6")
        x = n.conv(n.net.op("QUANTIZE", [y], n.picture(*y.shape[1:])), 1, 1, channels)
    return n.net.build(outputs=[x])


def compare(content: bytes, threads: int, seconds: float) -> tuple[float, float, float]:
    """Return the median of ratios of time, and the KB of both arenas."""
    as_filed, joined = (sanderling.load(content, threads=threads, fuse=fuse) for fuse in (False, None))
    (t,) = joined.inputs
    rng = np.random.default_rng(1)
    x = rng.normal(size=t.shape).astype(np.float32)
    if t.dtype != "float32":
        x = rng.integers(-128, 128, t.shape).astype(np.int8)
    np.testing.assert_array_equal(as_filed(x), joined(x))

    def timed(model: sanderling.Model) -> float:
        start = time.perf_counter()
        model(x)
        return time.perf_counter() - start

    ratios: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(ratios) < 9:
        pair = {}
        for model in (as_filed, joined) if len(ratios) % 2 else (joined, as_filed):
            timed(model)  # threads of the other still wait for work
            pair[model is joined] = timed(model)
        ratios.append(pair[True] / pair[False])
    return statistics.median(ratios), as_filed.memory.arena / 1024, joined.memory.arena / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=224, help="height and width of the picture")
    parser.add_argument("--seconds", type=float, default=4, help="for each row")
    args = parser.parse_args()
    networks = {
        "MobileNetV2, ZeroPadding2D, int8": mobilenet_v2("int8", args.size),
        "MobileNetV2, ZeroPadding2D, float32": mobilenet_v2("float32", args.size),
        "MobileNetV3-large, HARD_SWISH, int8": mobilenet_v3(args.size, Network.swish),
        "MobileNetV3-large, x * LOGISTIC(x), int8": mobilenet_v3(args.size, Network.silu),
        "MobileNetV3-large, HARD_SWISH, float32": mobilenet_v3(args.size, Network.swish, "float32"),
        "ResNet-18, first stage, borders, int8": resnet_stage(args.size),
        "int8 with float depthwise convolutions": float_depthwise(args.size),
    }
    print("| network | threads | time | arena, KB: steps of the file | joined |\n|---|---:|---:|---:|---:|")
    for name, content in networks.items():
        for threads in (1, 2):
            ratio, before, after = compare(content, threads, args.seconds)
            print(f"| {name} | {threads} | {ratio:.2f} | {before:.0f} | {after:.0f} |", flush=True)


if __name__ == "__main__":
    main()
