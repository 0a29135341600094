"""Rewrites before a model is planned: the reference's bits with fewer steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sanderling
from sanderling import ModelError
from tests.support.builder import Net, T, const
from tests.support.compare import compare
from tests.support.plans import steps

borders = st.lists(st.integers(0, 4), min_size=4, max_size=4)
sizes = st.tuples(st.integers(1, 12), st.integers(1, 12))


def picture(dtype: str, shape: Sequence[int], seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if dtype == "float32":
        return rng.normal(size=shape).astype(np.float32)
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    return rng.integers(low, high, shape, dtype, endpoint=True)


class Padded:
    """A picture with a border and a convolution of it, in the making."""

    def __init__(self, dtype: str, size: tuple[int, int], channels: int, zero: int = 3) -> None:
        self.dtype, self.size, self.channels = dtype, size, channels
        self.q: dict[str, Any] = {} if dtype == "float32" else {"scale": 0.05, "zero_point": zero}
        self.net = Net()
        self.x = self.net.input(self.picture(size))

    def picture(self, size: tuple[int, int], channels: int | None = None, **other: Any) -> T:
        return T(self.dtype, (1, *size, channels or self.channels), **{**self.q, **other})

    def pad(self, amounts: Sequence[int], value: T | None = None, channels: Sequence[int] = (0, 0), **other: Any) -> T:
        top, bottom, left, right = amounts
        rows = np.array([[0, 0], [top, bottom], [left, right], channels], np.int32)
        size = self.size[0] + top + bottom, self.size[1] + left + right
        y = self.picture(size, self.channels + sum(channels), **other)
        return self.net.op("PAD" if value is None else "PADV2", [self.x, const(rows), *([value] if value else [])], y)

    def convolution(self, x: T, kernel: int | tuple[int, int] = 3, stride: int = 2, dilation: int = 1, *,
                    depthwise: bool = False, out: int = 5, seed: int = 0, **options: Any) -> T:  # fmt: skip
        rng = np.random.default_rng(seed)
        kernel = (kernel, kernel) if isinstance(kernel, int) else kernel
        _, h, w, c = x.shape
        out = c if depthwise else out
        shape = (1, *kernel, c) if depthwise else (out, *kernel, c)
        if self.dtype == "float32":
            weights = T("float32", shape, data=rng.normal(size=shape).astype(np.float32))
            bias = T("float32", (out,), data=rng.normal(size=out).astype(np.float32))
        else:
            low, zero = (0, 120) if self.dtype == "uint8" else (-127, 0)
            scale: Any = 0.01 if self.dtype == "uint8" else rng.uniform(0.005, 0.02, out).astype(np.float32)
            data = rng.integers(low, low + 255, shape)
            axis = 3 if depthwise else 0
            kind = "uint8" if self.dtype == "uint8" else "int8"
            weights = T(kind, shape, scale, 0 if kind == "int8" else zero, axis=axis, data=data)
            accumulator = "int64" if self.dtype == "int16" else "int32"
            bias = T(accumulator, (out,), np.float32(0.05) * np.float32(scale), data=rng.integers(-500, 500, out))
        reach = [(k - 1) * dilation + 1 for k in kernel]
        size = tuple(max(0, (n - r) // stride + 1) for n, r in zip((h, w), reach, strict=True))
        options = {"padding": "VALID", "stride_h": stride, "stride_w": stride, "dilation_h_factor": dilation,
                   "dilation_w_factor": dilation, **options}  # fmt: skip
        op = "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D"
        if depthwise:
            options["depth_multiplier"] = 1
        other = {} if self.dtype in ("float32", "int16") else {"scale": 0.2, "zero_point": 7}
        return self.net.op(op, [x, weights, bias], self.picture(size, out, **other), **options)


@given(
    st.sampled_from(["int8", "uint8", "int16", "float32"]), sizes, st.sampled_from([1, 3, 8, 33]), borders,
    st.tuples(st.integers(1, 5), st.integers(1, 5)), st.integers(1, 3), st.integers(1, 2), st.booleans(),
    st.booleans(), st.integers(0, 99), st.integers(1, 2),
)  # fmt: skip
def test_border_of_zeros(
    dtype: str, size: tuple[int, int], channels: int, amounts: list[int], kernel: tuple[int, int], stride: int,
    dilation: int, depthwise: bool, v2: bool, seed: int, threads: int,
) -> None:  # fmt: skip
    zero = {"int8": -4, "uint8": 130, "int16": 0, "float32": 0}[dtype]
    p = Padded(dtype, size, channels, zero)
    value = T(dtype, (1,), data=[zero], **p.q) if v2 else None
    y = p.convolution(p.pad(amounts, value), kernel, stride, dilation, depthwise=depthwise, seed=seed)
    if 0 in y.shape:
        return
    content, x = p.net.build(outputs=[y]), picture(dtype, p.x.shape, seed)
    magnitude = 10.0 if dtype == "float32" else 0.0
    compare(content, [x], threads=threads, magnitude=magnitude)
    reach = [(k - 1) * dilation for k in kernel]
    fits = max(amounts[:2]) <= reach[0] and max(amounts[2:]) <= reach[1]
    assert ("PAD" in "".join(steps(sanderling.load(content)))) == (not fits)
    plain = sanderling.load(content, fuse=False)
    assert len(steps(plain)) == 2
    np.testing.assert_array_equal(plain(x), sanderling.load(content, threads=threads)(x))


def test_border_in_a_chain_and_at_other_sizes() -> None:
    p = Padded("int8", (24, 31), 16)
    first = p.convolution(p.x, 1, 1, out=32, padding="SAME")
    p.x, p.size, p.channels, p.q = first, (24, 31), 32, {"scale": 0.2, "zero_point": 7}
    second = p.convolution(p.pad([0, 1, 0, 1]), 3, 2, depthwise=True)
    content = p.net.build(outputs=[p.convolution(second, 1, 1, out=8)])
    model = sanderling.load(content, fuse=True, threads=2)
    assert steps(model) == ["CONV_2D", "DEPTHWISE_CONV_2D", "CONV_2D"]
    assert [s["fused"] for s in model._runner.steps(0)] == [0, 0, 0]
    for size in ((24, 31), (9, 8), (2, 2), (1, 1), (24, 31)):
        shape = (1, *size, 16)
        model.resize(shape)
        x = picture("int8", shape)
        plain = sanderling.load(content, fuse=False)
        plain.resize(shape)
        np.testing.assert_array_equal(model(x), plain(x))


def refused(p: Padded, outputs: Sequence[T]) -> None:
    """Assert that the PAD stays, with the reference's results."""
    content = p.net.build(outputs=outputs)
    assert steps(sanderling.load(content)) == [node.op for node in p.net.graph().nodes]
    compare(content, [picture(p.dtype, p.x.shape)], magnitude=10.0)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "float32"])
def test_border_that_others_read(dtype: str) -> None:
    p = Padded(dtype, (6, 7), 4)
    padded = p.pad([0, 1, 0, 1])
    y = p.convolution(padded)
    refused(p, [y, padded])
    p = Padded(dtype, (6, 7), 4)
    padded = p.pad([0, 1, 0, 1])
    refused(p, [p.convolution(padded), p.convolution(padded, 2)])


def test_border_of_another_value() -> None:
    p = Padded("float32", (6, 7), 4)
    refused(p, [p.convolution(p.pad([1, 1, 1, 1], const(np.float32([0.5]))))])
    p = Padded("int8", (6, 7), 4)
    refused(p, [p.convolution(p.pad([1, 1, 1, 1], T("int8", (1,), data=[0], **p.q)))])


def test_border_of_channels_or_pictures() -> None:
    p = Padded("int8", (6, 7), 4)
    refused(p, [p.convolution(p.pad([1, 1, 1, 1], channels=(0, 1)))])


@pytest.mark.parametrize("other", [{"zero_point": 4}, {"scale": 0.06}])
def test_border_of_another_quantization(other: dict[str, Any]) -> None:
    p = Padded("int8", (6, 7), 4)
    refused(p, [p.convolution(p.pad([1, 1, 1, 1], **other))])


def test_border_before_padding_and_wider_than_the_window() -> None:
    p = Padded("int8", (6, 7), 4)
    refused(p, [p.convolution(p.pad([1, 1, 1, 1]), padding="SAME")])
    p = Padded("int8", (6, 7), 4)
    refused(p, [p.convolution(p.pad([3, 1, 1, 1]))])


def test_border_under_infinite_weights() -> None:
    p = Padded("float32", (6, 7), 1)
    padded = p.pad([1, 1, 1, 1])
    infinite = const(np.full((1, 3, 3, 1), np.inf, np.float32))
    options = {"padding": "VALID", "stride_h": 2, "stride_w": 2}
    y = p.net.op("CONV_2D", [padded, infinite, const(np.zeros(1, np.float32))], p.picture((3, 4), 1), **options)
    refused(p, [y])


def test_border_that_is_computed() -> None:
    p = Padded("int8", (6, 7), 4)
    amounts = p.net.input(T("int32", (4, 2)))
    padded = p.net.op("PAD", [p.x, amounts], p.picture((8, 9)))
    content = p.net.build(outputs=[p.convolution(padded)])
    assert steps(sanderling.load(content)) == ["PAD", "CONV_2D"]
    compare(content, [picture("int8", p.x.shape), np.int32([[0, 0], [1, 1], [1, 1], [0, 0]])])


def test_negative_border_is_refused_by_its_name() -> None:
    p = Padded("int8", (6, 7), 4)
    content = p.net.build(outputs=[p.convolution(p.pad([1, -1, 1, 1]))])
    with pytest.raises(ModelError, match=r"operator 0 \(PAD\): paddings of dimension 1 are 1 and -1"):
        sanderling.load(content)


def test_names_are_the_files() -> None:
    p = Padded("int8", (6, 7), 4)
    padded = p.pad([1, 1, 1, 1])
    content = p.net.build(outputs=[p.convolution(padded)])
    model = sanderling.load(content)
    x = picture("int8", p.x.shape)
    assert [(s.op, s.name) for s in model.profile(x, runs=1)] == [("CONV_2D", model.outputs[0].name)]
    assert [node.op for node in model.ir.graphs[0].nodes] == ["PAD", "CONV_2D"]
    # Every tensor of the file can be looked at.
    values = model.tensors(x)
    assert len(values) == len(model.ir.graphs[0].tensors)
    assert (1, 8, 9, 4) in [value.shape for value in values.values()]
    with pytest.raises(ModelError, match=r"operator 1 \(CONV_2D\)"):
        model.resize((1, 6, 7, 5))
