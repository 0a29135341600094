"""Steps that run together by rows: the same bits as one after the other, in less memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sanderling
from tests.support.builder import Net, T
from tests.support.shared import shared_model

PADDINGS = ["SAME", "VALID"]
FUNCTIONS = ["HARD_SWISH", "LOGISTIC", "RELU"]


@dataclass
class Layer:
    """One step: a convolution, an addition of the tensor `back` steps before, a pool, or a function of each value.

    QUANTIZE goes from floats to int8, and between int8 and uint8.
    """

    op: str
    kernel: int = 1
    stride: int = 1
    dilation: int = 1
    padding: str = "SAME"
    channels: int = 8
    back: int = 0


layers = st.lists(
    st.one_of(
        st.builds(
            Layer, st.sampled_from(["CONV_2D", "DEPTHWISE_CONV_2D"]), st.integers(1, 4), st.integers(1, 3),
            st.integers(1, 2), st.sampled_from(PADDINGS), st.integers(1, 40),
        ),
        st.builds(Layer, st.just("ADD"), back=st.integers(1, 4)),
        st.builds(
            Layer, st.just("MAX_POOL_2D"), st.integers(1, 4), st.integers(1, 3), padding=st.sampled_from(PADDINGS)
        ),
        st.builds(Layer, st.sampled_from([*FUNCTIONS, "QUANTIZE", "DEQUANTIZE"])),
    ),
    min_size=2, max_size=10,
)  # fmt: skip


def network(dtype: str, size: tuple[int, int], channels: int, plan: list[Layer], seed: int) -> tuple[bytes, int]:
    """Return a model of these layers, as far as shapes allow them, and how many it has."""
    rng = np.random.default_rng(seed)
    g = Net()

    def value(shape: Sequence[int], scale: float, zero_point: int) -> T:
        return T(dtype, shape) if dtype == "float32" else T(dtype, shape, scale, zero_point)

    def weights(shape: tuple[int, ...], axis: int) -> T:
        if dtype == "float32":
            return T(dtype, shape, data=rng.normal(size=shape).astype(np.float32))
        low = 0 if dtype == "uint8" else -127
        data = rng.integers(low, low + 255, shape)
        if dtype == "uint8":
            return T(dtype, shape, 0.01, 120, data=data)
        return T(dtype, shape, rng.uniform(0.005, 0.02, shape[axis]), axis=axis, data=data)

    tensors = [g.input(value((1, *size, channels), 0.05, 3))]
    for layer in plan:
        x = tensors[-1]
        _, h, w, c = x.shape
        if layer.op == "ADD":
            other = tensors[-1 - layer.back] if layer.back < len(tensors) else x
            if tuple(other.shape) == tuple(x.shape) and other is not x and other.dtype == dtype:
                attributes = {"fused_activation_function": "NONE"}
                operands = [x, other] if layer.back % 2 else [other, x]
                tensors.append(g.op("ADD", operands, value(x.shape, 0.08, 1), **attributes))
            continue
        if layer.op == "QUANTIZE":
            dtype = "uint8" if dtype == "int8" else "int8"
            tensors.append(g.op("QUANTIZE", [x], value(x.shape, 0.06, 2)))
            continue
        if layer.op == "DEQUANTIZE":
            if dtype != "float32":
                dtype = "float32"
                tensors.append(g.op("DEQUANTIZE", [x], value(x.shape, 0, 0)))
            continue
        if layer.op in FUNCTIONS:
            tensors.append(g.op(layer.op, [x], value(x.shape, 0.02, 5)))
            continue
        reach = (layer.kernel - 1) * layer.dilation + 1
        if layer.padding == "SAME":
            out = [-(-n // layer.stride) for n in (h, w)]
        else:
            out = [(n - reach) // layer.stride + 1 for n in (h, w)]
        if min(out) < 1:
            continue
        if layer.op == "MAX_POOL_2D":
            options = {"filter_height": layer.kernel, "filter_width": layer.kernel, "padding": layer.padding}
            options |= {"stride_h": layer.stride, "stride_w": layer.stride}
            y = T(dtype, (1, *out, c), x.scale, x.zero_point)
            tensors.append(g.op("MAX_POOL_2D", [x], y, **options))
            continue
        depthwise = layer.op == "DEPTHWISE_CONV_2D"
        c_out = c if depthwise else layer.channels
        shape = (1, layer.kernel, layer.kernel, c) if depthwise else (c_out, layer.kernel, layer.kernel, c)
        kernel = weights(shape, 3 if depthwise else 0)
        if dtype == "float32":
            bias = T(dtype, (c_out,), data=rng.normal(size=c_out).astype(np.float32))
        else:
            scale = np.float32(0.05) * np.asarray(kernel.scale, np.float32)
            bias = T("int32", (c_out,), scale, data=rng.integers(-500, 500, c_out))
        attributes = {
            "padding": layer.padding, "stride_h": layer.stride, "stride_w": layer.stride,
            "dilation_h_factor": layer.dilation, "dilation_w_factor": layer.dilation,
        }  # fmt: skip
        if depthwise:
            attributes["depth_multiplier"] = 1
        tensors.append(g.op(layer.op, [x, kernel, bias], value((1, *out, c_out), 0.1, 7), **attributes))
    return g.build(outputs=[tensors[-1]]), len(tensors) - 1


def chains(model: sanderling.Model) -> list[int]:
    return [step["fused"] for step in model._runner.steps(0)]


@given(
    st.sampled_from(["int8", "uint8", "float32"]), st.tuples(st.integers(1, 40), st.integers(1, 20)),
    st.integers(1, 40), layers, st.integers(1, 4), st.integers(0, 1000),
)  # fmt: skip
def test_same_bits(
    dtype: str, size: tuple[int, int], channels: int, plan: list[Layer], threads: int, seed: int
) -> None:
    content, count = network(dtype, size, channels, plan, seed)
    if count == 0:
        return
    rng, shape = np.random.default_rng(seed), (1, *size, channels)
    if dtype == "float32":
        x = rng.normal(size=shape).astype(np.float32)
    else:
        x = rng.integers(np.iinfo(dtype).min, np.iinfo(dtype).max, shape, dtype, endpoint=True)
    expected = sanderling.load(content, threads=1, fuse=False)(x)
    for fuse in (True, None):
        model = sanderling.load(content, threads=threads, fuse=fuse)
        for _ in range(2):
            np.testing.assert_array_equal(model(x), expected)


def block(rows: int) -> bytes:
    plan = [
        Layer("CONV_2D", channels=96), Layer("DEPTHWISE_CONV_2D", 3), Layer("CONV_2D", channels=16),
        Layer("ADD", back=3), Layer("CONV_2D", channels=24),
    ]  # fmt: skip
    return network("int8", (rows, rows), 16, plan, 0)[0]


@pytest.mark.parametrize("threads", [1, 3])
def test_a_block_is_one_chain_in_less_memory(threads: int) -> None:
    content = block(96)
    one_by_one, by_rows = (sanderling.load(content, threads=threads, fuse=fuse) for fuse in (False, True))
    assert chains(one_by_one) == [-1] * 5
    assert chains(by_rows) == [0] * 5
    # The wide tensors, 96 x 96 x 96 bytes each, are never whole.
    assert one_by_one.memory.arena > 2 * 96**3
    assert by_rows.memory.arena < 96**3 + threads * 300_000
    assert by_rows.memory.arena == by_rows.memory.lower_bound


def test_profile_has_all_steps_of_a_chain() -> None:
    model = sanderling.load(block(48), threads=2, fuse=True)
    profile = model.profile(np.zeros((1, 48, 48, 16), np.int8), runs=3)
    assert [step.fused for step in profile] == [0] * 5
    assert all(step.ms > 0 for step in profile)
    assert "rows" in str(profile)


def test_functions_and_pools_are_in_chains() -> None:
    plan = [
        Layer("CONV_2D", channels=64), Layer("HARD_SWISH"), Layer("DEPTHWISE_CONV_2D", 3), Layer("LOGISTIC"),
        Layer("MAX_POOL_2D", 3, 2), Layer("CONV_2D", channels=16),
    ]  # fmt: skip
    content = network("int8", (64, 64), 16, plan, 0)[0]
    assert chains(sanderling.load(content, threads=2, fuse=True)) == [0] * 6


def test_types_change_within_a_chain() -> None:
    g = Net()
    shape = (1, 40, 40, 16)
    one = np.eye(16, dtype=np.int8).reshape(16, 1, 1, 16) * 100
    x = g.input(T("float32", shape))
    y = g.op("QUANTIZE", [x], T("int16", shape, 0.001))
    y = g.op("QUANTIZE", [y], T("int8", shape, 0.05, 3))
    options = {"padding": "SAME", "stride_h": 1, "stride_w": 1}
    y = g.op("CONV_2D", [y, T("int8", one.shape, 0.01, data=one)], T("int8", shape, 0.06, -5), **options)
    y = g.op("QUANTIZE", [y], T("uint8", shape, 0.05, 100))
    y = g.op("DEQUANTIZE", [y], T("float32", shape))
    y = g.op("RELU", [y], T("float32", shape))
    content = g.build(outputs=[y])
    model = sanderling.load(content, threads=2, fuse=True)
    assert chains(model) == [0] * 6
    picture = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    expected = sanderling.load(content, threads=1, fuse=False)(picture)
    assert expected.std() > 0.1
    np.testing.assert_array_equal(model(picture), expected)


def test_floats_that_are_quantized_first_are_not_kept_for_a_chain() -> None:
    """A chain that began with QUANTIZE would keep its input, the largest tensor, until its end."""
    g = Net()
    x = g.input(T("float32", (1, 224, 224, 3)))
    y = g.op("QUANTIZE", [x], T("int8", (1, 224, 224, 3), 0.05, 3))
    rng = np.random.default_rng(0)
    for size, shape, stride in ((112, (32, 3, 3, 3), 2), (112, (16, 1, 1, 32), 1)):
        weights = T("int8", shape, 0.01, data=rng.integers(-127, 128, shape))
        options = {"padding": "SAME", "stride_h": stride, "stride_w": stride}
        y = g.op("CONV_2D", [y, weights], T("int8", (1, size, size, shape[0]), 0.1, 7), **options)
    content = g.build(outputs=[y])
    for threads in (1, 2):
        model = sanderling.load(content, threads=threads)
        assert chains(model) == [-1, 0, 0]
        assert model.memory.arena == 224 * 224 * 3 * (4 + 1)


def test_what_is_read_elsewhere_is_not_in_a_chain() -> None:
    g = Net()
    x = g.input(T("int8", (1, 20, 20, 8), 0.05, 3))
    one = T("int8", (8, 1, 1, 8), 0.01, data=np.eye(8, dtype=np.int8).reshape(8, 1, 1, 8) * 100)
    options = {"padding": "SAME", "stride_h": 1, "stride_w": 1}
    a = g.op("CONV_2D", [x, one], T("int8", (1, 20, 20, 8), 0.05, 3), **options)
    b = g.op("CONV_2D", [a, one], T("int8", (1, 20, 20, 8), 0.05, 3), **options)
    c = g.op("CONV_2D", [b, one], T("int8", (1, 20, 20, 8), 0.05, 3), **options)
    content = g.build(outputs=[c, a])
    model = sanderling.load(content, fuse=True)
    assert chains(model) == [-1, 0, 0]
    picture = np.random.default_rng(0).integers(-128, 128, (1, 20, 20, 8)).astype(np.int8)
    for got, expected in zip(model(picture), sanderling.load(content, fuse=False)(picture), strict=True):
        np.testing.assert_array_equal(got, expected)
    # With every tensor kept for inspection nothing is fused.
    assert len(model.tensors(picture)) == 5


def test_shared_models_other_picture_sizes() -> None:
    model = sanderling.load(shared_model("tf2_mobilenet_v2_1.0_224_ptq.tflite"), threads=2, fuse=True)
    plain = sanderling.load(shared_model("tf2_mobilenet_v2_1.0_224_ptq.tflite"), threads=1, fuse=False)
    assert max(chains(model)) > 3
    for size in (224, 97, 224):
        x = np.random.default_rng(size).random((1, size, size, 3), np.float32) * 2 - 1
        for m in (model, plain):
            m.resize((1, size, size, 3))
        np.testing.assert_array_equal(model(x), plain(x))
