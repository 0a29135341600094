"""Layer shapes of well-known networks at a 224 x 224 picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple


class Layer(NamedTuple):
    """One operator.

    `kind` is conv, depthwise, dense, or elementwise: add, mul (by a value for each channel), swish. `size` is the
    height and width of the input.
    """

    kind: str
    size: int
    in_c: int
    out_c: int
    kernel: int = 1
    stride: int = 1

    @property
    def macs(self) -> int:
        """Multiply-adds; 0 for elementwise operators."""
        if self.kind not in ("conv", "depthwise", "dense"):
            return 0
        out = -(-self.size // self.stride)
        depth = self.kernel**2 * (1 if self.kind == "depthwise" else self.in_c)
        return out**2 * self.out_c * depth

    def __str__(self) -> str:
        if self.kind == "dense":
            return f"dense {self.in_c} -> {self.out_c}"
        if self.kind in ("add", "mul", "swish"):
            return f"{self.kind} {self.size}x{self.size}x{self.in_c}"
        stride = f" /{self.stride}" if self.stride > 1 else ""
        channels = str(self.in_c) if self.kind == "depthwise" else f"{self.in_c} -> {self.out_c}"
        return f"{self.kind} {self.kernel}x{self.kernel}{stride}, {self.size}x{self.size}x{channels}"


def _divisible(n: float, by: int = 8) -> int:
    """The nearest multiple, but not less than 90 %."""
    rounded = max(by, int(n + by / 2) // by * by)
    return rounded + by if rounded < 0.9 * n else rounded


def mobilenet_v1() -> Iterator[Layer]:
    yield Layer("conv", 224, 3, 32, 3, 2)
    size, channels = 112, 32
    for out, stride in [
        (64, 1),
        (128, 2),
        (128, 1),
        (256, 2),
        (256, 1),
        (512, 2),
        *[(512, 1)] * 5,
        (1024, 2),
        (1024, 1),
    ]:
        yield Layer("depthwise", size, channels, channels, 3, stride)
        size //= stride
        yield Layer("conv", size, channels, out)
        channels = out
    yield Layer("dense", 1, 1024, 1000)


def _inverted_residual(size: int, channels: int, wide: int, out: int, kernel: int, stride: int) -> Iterator[Layer]:
    if wide != channels:
        yield Layer("conv", size, channels, wide)
    yield Layer("depthwise", size, wide, wide, kernel, stride)
    yield Layer("conv", size // stride, wide, out)
    if stride == 1 and channels == out:
        yield Layer("add", size, out, out)


def mobilenet_v2() -> Iterator[Layer]:
    yield Layer("conv", 224, 3, 32, 3, 2)
    size, channels = 112, 32
    for expand, out, count, stride in [
        (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)
    ]:  # fmt: skip
        for i in range(count):
            step = stride if i == 0 else 1
            yield from _inverted_residual(size, channels, expand * channels, out, 3, step)
            size, channels = size // step, out
    yield Layer("conv", 7, 320, 1280)
    yield Layer("dense", 1, 1280, 1000)


def mobilenet_v3_large() -> Iterator[Layer]:
    yield Layer("conv", 224, 3, 16, 3, 2)
    yield Layer("swish", 112, 16, 16)
    size, channels = 112, 16
    for kernel, wide, out, squeeze, swish, stride in [
        (3, 16, 16, 0, 0, 1), (3, 64, 24, 0, 0, 2), (3, 72, 24, 0, 0, 1), (5, 72, 40, 1, 0, 2), (5, 120, 40, 1, 0, 1),
        (5, 120, 40, 1, 0, 1), (3, 240, 80, 0, 1, 2), (3, 200, 80, 0, 1, 1), (3, 184, 80, 0, 1, 1),
        (3, 184, 80, 0, 1, 1), (3, 480, 112, 1, 1, 1), (3, 672, 112, 1, 1, 1), (5, 672, 160, 1, 1, 2),
        (5, 960, 160, 1, 1, 1), (5, 960, 160, 1, 1, 1),
    ]:  # fmt: skip
        after = size // stride
        for layer in _inverted_residual(size, channels, wide, out, kernel, stride):
            yield layer
            if swish and layer.out_c == wide and layer.kind != "add":
                yield Layer("swish", size if layer.kind == "conv" else after, wide, wide)
            if squeeze and layer.kind == "depthwise":
                yield Layer("conv", 1, wide, _divisible(wide / 4))
                yield Layer("conv", 1, _divisible(wide / 4), wide)
                yield Layer("mul", after, wide, wide)
        size, channels = after, out
    yield Layer("conv", 7, 160, 960)
    yield Layer("swish", 7, 960, 960)
    yield Layer("dense", 1, 960, 1280)
    yield Layer("dense", 1, 1280, 1000)


def efficientnet_lite0() -> Iterator[Layer]:
    yield Layer("conv", 224, 3, 32, 3, 2)
    size, channels = 112, 32
    for expand, kernel, out, count, stride in [
        (1, 3, 16, 1, 1), (6, 3, 24, 2, 2), (6, 5, 40, 2, 2), (6, 3, 80, 3, 2), (6, 5, 112, 3, 1), (6, 5, 192, 4, 2),
        (6, 3, 320, 1, 1),
    ]:  # fmt: skip
        for i in range(count):
            step = stride if i == 0 else 1
            yield from _inverted_residual(size, channels, expand * channels, out, kernel, step)
            size, channels = size // step, out
    yield Layer("conv", 7, 320, 1280)
    yield Layer("dense", 1, 1280, 1000)


def shufflenet_v2() -> Iterator[Layer]:
    yield Layer("conv", 224, 3, 24, 3, 2)
    size, channels = 56, 24  # after a pool
    for out, count in [(116, 4), (232, 8), (464, 4)]:
        half = out // 2
        yield Layer("depthwise", size, channels, channels, 3, 2)
        yield Layer("conv", size // 2, channels, half)
        yield Layer("conv", size, channels, half)
        yield Layer("depthwise", size, half, half, 3, 2)
        size //= 2
        yield Layer("conv", size, half, half)
        for _ in range(count - 1):
            yield Layer("conv", size, half, half)
            yield Layer("depthwise", size, half, half, 3, 1)
            yield Layer("conv", size, half, half)
        channels = out
    yield Layer("conv", 7, 464, 1024)
    yield Layer("dense", 1, 1024, 1000)


def resnet_50() -> Iterator[Layer]:
    yield Layer("conv", 224, 3, 64, 7, 2)
    size, channels = 56, 64  # after a pool
    for narrow, count, stride in [(64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)]:
        for i in range(count):
            step = stride if i == 0 else 1
            yield Layer("conv", size, channels, narrow)
            yield Layer("conv", size, narrow, narrow, 3, step)
            if i == 0:
                yield Layer("conv", size, channels, 4 * narrow, 1, step)
            size //= step
            yield Layer("conv", size, narrow, 4 * narrow)
            yield Layer("add", size, 4 * narrow, 4 * narrow)
            channels = 4 * narrow
    yield Layer("dense", 1, 2048, 1000)


def vgg_16() -> Iterator[Layer]:
    channels = 3
    for size, out, count in [(224, 64, 2), (112, 128, 2), (56, 256, 3), (28, 512, 3), (14, 512, 3)]:
        for _ in range(count):
            yield Layer("conv", size, channels, out, 3)
            channels = out
    yield Layer("dense", 1, 25088, 4096)
    yield Layer("dense", 1, 4096, 4096)
    yield Layer("dense", 1, 4096, 1000)


NETWORKS: dict[str, Callable[[], Iterator[Layer]]] = {
    f.__name__: f
    for f in (mobilenet_v1, mobilenet_v2, mobilenet_v3_large, efficientnet_lite0, shufflenet_v2, resnet_50, vgg_16)
}


def layers(network: str) -> dict[Layer, int]:
    """Distinct layers of a network, and how often it has each."""
    return dict(Counter(NETWORKS[network]()))
