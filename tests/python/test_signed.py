"""uint8 activations moved to int8, as on ARM: the reference's bits, and uint8 wherever somebody looks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sanderling
from sanderling import _core
from tests.support.builder import Net, T
from tests.support.compare import compare
from tests.support.plans import steps

CHANNELS = 8


@pytest.fixture(autouse=True, scope="module")
def arm() -> Iterator[None]:
    """Plans for ARM, whatever runs them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_core, "packing_isas", lambda: ["arm/neon"])
        yield


def picture(zero_point: int = 100, scale: float = 0.05) -> T:
    return T("uint8", (1, 6, 6, CHANNELS), scale, zero_point)


def convolution(net: Net, x: T, zero_point: int = 128, *, depthwise: bool = False, seed: int = 0,
                weight_zero: int = 120, activation: str = "RELU6") -> T:  # fmt: skip
    rng = np.random.default_rng(seed)
    shape = (1, 3, 3, CHANNELS) if depthwise else (CHANNELS, 3, 3, CHANNELS)
    weights = T("uint8", shape, 0.01, weight_zero, data=rng.integers(0, 256, shape))
    bias = T("int32", (CHANNELS,), np.float32(x.scale) * np.float32(0.01), data=rng.integers(-500, 500, CHANNELS))
    y = picture(zero_point, 0.06)
    options = {"padding": "SAME", "stride_h": 1, "stride_w": 1, "dilation_h_factor": 1, "dilation_w_factor": 1,
               "fused_activation_function": activation}  # fmt: skip
    if depthwise:
        options["depth_multiplier"] = 1
    return net.op("DEPTHWISE_CONV_2D" if depthwise else "CONV_2D", [x, weights, bias], y, **options)


@dataclass
class Part:
    """An operator on the tensors `a` and (where it takes two) `b` before the last."""

    op: str
    a: int
    b: int
    zero_point: int
    weight_zero: int
    activation: str
    kept: bool  # the result is an output of the graph


parts = st.builds(
    Part, st.sampled_from(["CONV_2D", "CONV_2D", "DEPTHWISE_CONV_2D", "ADD", "SUB", "MAX_POOL_2D", "LOGISTIC"]),
    st.integers(0, 2), st.integers(0, 2), st.sampled_from([0, 1, 128, 255]), st.sampled_from([0, 128, 131, 255]),
    st.sampled_from(["NONE", "RELU", "RELU6"]), st.booleans(),
)  # fmt: skip


@given(st.lists(parts, min_size=1, max_size=8), st.integers(0, 99), st.integers(1, 2))
def test_any_graph(chosen: list[Part], seed: int, threads: int) -> None:
    net = Net()
    tensors = [net.input(picture())]
    outputs = []
    for i, part in enumerate(chosen):
        a, b = (tensors[-1 - k % len(tensors)] for k in (part.a, part.b))
        if part.op in ("ADD", "SUB"):
            y = net.op(part.op, [a, b], picture(part.zero_point, 0.07), fused_activation_function=part.activation)
        elif part.op == "MAX_POOL_2D":
            y = net.op(part.op, [a], picture(int(a.zero_point), a.scale), padding="SAME", stride_h=1, stride_w=1,
                       filter_height=3, filter_width=2, fused_activation_function=part.activation)  # fmt: skip
        elif part.op == "LOGISTIC":
            y = net.op(part.op, [a], picture(0, 1 / 256))
        else:
            y = convolution(net, a, part.zero_point, depthwise=part.op != "CONV_2D", seed=seed + i,
                            weight_zero=part.weight_zero, activation=part.activation)  # fmt: skip
        tensors.append(y)
        if part.kept or i == len(chosen) - 1:
            outputs.append(y)
    rng = np.random.default_rng(seed)
    content, x = net.build(outputs=outputs), rng.integers(0, 256, tensors[0].shape, np.uint8)
    compare(content, [x], threads=threads)
    model = sanderling.load(content, threads=threads)
    assert {info.dtype for info in (*model.inputs, *model.outputs)} == {"uint8"}


def test_a_chain_is_moved_once() -> None:
    net = Net()
    x = net.input(picture())
    first = convolution(net, x)
    second = convolution(net, first, depthwise=True)
    total = net.op("ADD", [first, second], picture(99, 0.1), fused_activation_function="NONE")
    content = net.build(outputs=[convolution(net, total)])
    assert steps(sanderling.load(content)) == [
        "QUANTIZE", "CONV_2D", "DEPTHWISE_CONV_2D", "ADD", "CONV_2D", "QUANTIZE"
    ]  # fmt: skip
    assert "QUANTIZE" not in steps(sanderling.load(content, fuse=False))
    one = Net()
    x = one.input(picture())
    alone = one.build(outputs=[convolution(one, x)])
    assert steps(sanderling.load(alone)) == ["CONV_2D"]


def test_readers_that_stay_uint8_get_their_tensor() -> None:
    net = Net()
    x = net.input(picture())
    y = x
    for i in range(4):
        y = convolution(net, y, seed=i)
    table = net.op("LOGISTIC", [y], picture(0, 1 / 256))
    content = net.build(outputs=[convolution(net, y, seed=9), table])
    values = np.random.default_rng(1).integers(0, 256, x.shape, np.uint8)
    compare(content, [values])
    assert steps(sanderling.load(content)).count("QUANTIZE") == 3


def test_compiled_for_a_board(tmp_path: object) -> None:
    net = Net()
    x = net.input(picture())
    y = x
    for i in range(4):
        y = convolution(net, y, depthwise=i % 2 == 1, seed=i)
    content = net.build(outputs=[y])
    path = f"{tmp_path}/model.sand"
    sanderling.compile_model(content, path, isas=["arm/neon"])
    values = np.random.default_rng(1).integers(0, 256, x.shape, np.uint8)
    model = sanderling.load(path)
    assert steps(model).count("QUANTIZE") == 2
    np.testing.assert_array_equal(model(values), sanderling.load(content, fuse=False)(values))
