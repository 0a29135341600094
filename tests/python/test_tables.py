"""Operators on bytes merged into one table: the reference's bits with fewer steps."""

from __future__ import annotations

from dataclasses import dataclass
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

ONE = ["LOGISTIC", "TANH", "HARD_SWISH", "RELU", "RELU6", "LEAKY_RELU", "QUANTIZE"]
TWO = ["ADD", "MUL", "SUB", "MAXIMUM"]
FLOATS = ["LOGISTIC", "TANH", "RELU", "EXP", "ABS"]
SHAPE = (1, 4, 16, 4)
EVERY = np.arange(256, dtype=np.uint8).reshape(SHAPE)


@dataclass
class Part:
    """An operator on the tensors `a` and (where it takes two) `b` before the last; -1 for b: on a single constant."""

    op: str
    a: int = 0
    b: int = -1
    scale: float = 0.05
    zero_point: int = 0
    through_float: str = ""


parts = st.builds(
    Part, st.sampled_from(ONE + TWO), st.integers(0, 2), st.integers(-1, 2),
    st.sampled_from([1 / 256, 0.01, 0.02, 0.05, 0.1]), st.integers(-128, 127), st.sampled_from(["", "", *FLOATS]),
)  # fmt: skip


def byte(dtype: str, scale: float, zero_point: int) -> T:
    zero_point += 128 if dtype == "uint8" else 0
    return T(dtype, SHAPE, scale, zero_point)


def add(g: Net, tensors: list[T], part: Part) -> None:
    """Add the operators of `part`, on other tensors where the picked ones do not suit it."""
    a = tensors[-1 - part.a % len(tensors)]
    scale, zero_point = part.scale, part.zero_point
    if part.through_float:
        if part.through_float == "EXP" and np.exp(a.scale * 255) / scale >= 2**31:
            return  # does not fit an int32, where the reference is undefined
        real = g.op("DEQUANTIZE", [a], T("float32", SHAPE))
        result = g.op(part.through_float, [real], T("float32", SHAPE))
        tensors.append(g.op("QUANTIZE", [result], byte(a.dtype, scale, zero_point)))
        return
    if part.op in ONE:
        if part.op == "LOGISTIC":
            scale, zero_point = 1 / 256, -128
        if part.op == "TANH":
            scale, zero_point = 1 / 128, 0
        options = {"alpha": 0.3} if part.op == "LEAKY_RELU" else {}
        tensors.append(g.op(part.op, [a], byte(a.dtype, scale, zero_point), **options))
        return
    b = tensors[-1 - max(part.b, 0) % len(tensors)]
    if part.b < 0:
        b = T(a.dtype, (1,), a.scale, a.zero_point, data=[77])
    options = {} if part.op == "MAXIMUM" else {"fused_activation_function": "NONE"}
    y = T(a.dtype, SHAPE, a.scale, a.zero_point) if part.op == "MAXIMUM" else byte(a.dtype, scale, zero_point)
    if part.op == "MAXIMUM" and (b.scale, b.zero_point) != (a.scale, a.zero_point):
        return
    tensors.append(g.op(part.op, [a, b], y, **options))


@given(st.sampled_from(["int8", "uint8"]), st.lists(parts, min_size=1, max_size=8), st.sets(st.integers(0, 8)))
def test_any_graph_of_bytes(dtype: str, plan: list[Part], others: set[int]) -> None:
    g = Net()
    tensors = [g.input(byte(dtype, 0.05, 3))]
    for part in plan:
        add(g, tensors, part)
    # Some values are outputs of the graph: no table hides them.
    outputs = [tensors[-1], *(tensors[k] for k in sorted(others) if 0 < k < len(tensors) - 1)]
    if len(tensors) == 1:
        return
    content, x = g.build(outputs=outputs), EVERY.view(dtype)
    compare(content, [x])
    model, plain = sanderling.load(content), sanderling.load(content, fuse=False)
    assert steps(plain) == [node.op for node in plain.ir.graphs[0].nodes]
    assert "LOOKUP_TABLE" not in steps(plain)
    # One step for each output that is not the input of another alone.
    assert len(steps(model)) <= len(steps(plain))
    kept = {*model.tensors(x)}
    assert kept == {t.name for t in model.ir.graphs[0].tensors if t.name in kept}
    for ours, expected in zip(model.run([x]).values(), plain.run([x]).values(), strict=True):
        np.testing.assert_array_equal(ours, expected)


def silu(g: Net, x: T) -> T:
    gate = g.op("LOGISTIC", [x], T("int8", x.shape, 1 / 256, -128))
    return g.op("MUL", [x, gate], T("int8", x.shape, 0.04, -100), fused_activation_function="NONE")


def test_a_value_times_its_logistic_is_one_step() -> None:
    g = Net()
    x = g.input(T("int8", SHAPE, 0.05, 3))
    content = g.build(outputs=[silu(g, silu(g, x))])
    model = sanderling.load(content)
    assert steps(model) == ["LOOKUP_TABLE"]
    compare(content, [EVERY.view(np.int8)])
    (step,) = model.profile(EVERY.view(np.int8), runs=1)
    assert (step.op, step.name) == ("LOGISTIC+MUL+LOGISTIC+MUL", model.outputs[0].name)
    model.resize((3, 5, 7, 2))
    x_ = np.random.default_rng(0).integers(-128, 128, (3, 5, 7, 2)).astype(np.int8)
    plain = sanderling.load(content, fuse=False)
    plain.resize((3, 5, 7, 2))
    np.testing.assert_array_equal(model(x_), plain(x_))
    assert len(model.tensors(x_)) == 5


def test_convolutions_with_tables_between_are_one_chain() -> None:
    g = Net()
    x = g.input(T("int8", (1, 40, 40, 8), 0.05, 3))
    one = T("int8", (8, 1, 1, 8), 0.01, data=np.eye(8, dtype=np.int8).reshape(8, 1, 1, 8) * 100)
    bias = T("int32", (8,), 0.0005, data=np.zeros(8))
    options = {"padding": "SAME", "stride_h": 1, "stride_w": 1}
    a = silu(g, g.op("CONV_2D", [x, one, bias], T("int8", x.shape, 0.05, 3), **options))
    bias = T("int32", (8,), 0.0004, data=np.zeros(8))
    content = g.build(outputs=[silu(g, g.op("CONV_2D", [a, one, bias], T("int8", x.shape, 0.05, 3), **options))])
    model = sanderling.load(content, fuse=True)
    assert [(s["op"], s["fused"]) for s in model._runner.steps(0)] == [("CONV_2D", 0), ("LOOKUP_TABLE", 0)] * 2
    compare(content, [np.random.default_rng(0).integers(-128, 128, x.shape).astype(np.int8)])


@pytest.mark.parametrize("seen", [0, 1])
def test_what_others_read_stays(seen: int) -> None:
    g = Net()
    x = g.input(T("int8", SHAPE, 0.05, 3))
    a = g.op("HARD_SWISH", [x], T("int8", SHAPE, 0.05, -100))
    b = g.op("RELU", [a], T("int8", SHAPE, 0.03, -128))
    pooled = {"filter_height": 2, "filter_width": 2, "stride_h": 2, "stride_w": 2, "padding": "SAME"}
    outputs = [b, a] if seen else [b, g.op("MAX_POOL_2D", [a], T("int8", (1, 2, 8, 4), 0.05, -100), **pooled)]
    content = g.build(outputs=outputs)
    assert "LOOKUP_TABLE" not in steps(sanderling.load(content))
    compare(content, [EVERY.view(np.int8)])


def test_two_operands_are_no_table() -> None:
    g = Net()
    x, y = (g.input(T("int8", SHAPE, 0.05, 3)) for _ in range(2))
    gate = g.op("LOGISTIC", [x], T("int8", SHAPE, 1 / 256, -128))
    content = g.build(outputs=[g.op("MUL", [y, gate], T("int8", SHAPE, 0.04, -100), fused_activation_function="NONE")])
    assert steps(sanderling.load(content)) == ["LOGISTIC", "MUL"]


def test_one_constant_for_each_channel_is_no_table() -> None:
    g = Net()
    x = g.input(T("int8", SHAPE, 0.05, 3))
    each = T("int8", (4,), 0.05, 0, data=[1, 2, 3, 4])
    a = g.op("MUL", [x, each], T("int8", SHAPE, 0.05, 3), fused_activation_function="NONE")
    content = g.build(outputs=[g.op("RELU", [a], T("int8", SHAPE, 0.03, -128))])
    assert steps(sanderling.load(content)) == ["MUL", "RELU"]
    compare(content, [EVERY.view(np.int8)])


def test_conversions_at_the_ends_stay() -> None:
    g = Net()
    x = g.input(T("float32", SHAPE))
    a = g.op("QUANTIZE", [x], T("int8", SHAPE, 0.05, 3))
    b = g.op("HARD_SWISH", [a], T("int8", SHAPE, 0.05, -100))
    c = g.op("LOGISTIC", [b], T("int8", SHAPE, 1 / 256, -128))
    content = g.build(outputs=[g.op("DEQUANTIZE", [c], T("float32", SHAPE))])
    assert steps(sanderling.load(content)) == ["QUANTIZE", "LOOKUP_TABLE", "DEQUANTIZE"]
    compare(content, [np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)])


def roots(values: T, g: Net) -> T:
    """Twice a root, which refuses negative values."""
    a = g.op("RSQRT", [values], T("int8", SHAPE, 0.05, 0))
    return g.op("RELU", [a], T("int8", SHAPE, 0.05, 0))


def test_what_an_operator_refuses_is_left_to_it() -> None:
    g = Net()
    x = g.input(T("int8", SHAPE, 0.05, 0))
    content = g.build(outputs=[roots(x, g), silu(g, x)])
    model = sanderling.load(content)
    assert sorted(steps(model)) == ["LOOKUP_TABLE", "RELU", "RSQRT"]
    compare(content, [EVERY.view(np.int8) & 63 | 1])
    with pytest.raises(ModelError, match=r"operator 0 \(RSQRT\)"):
        model(EVERY.view(np.int8))


def test_faults_name_the_files_operators() -> None:
    g = Net()
    x = g.input(T("int8", SHAPE, 0.05, 3))
    a = g.op("TANH", [x], T("int8", SHAPE, 1 / 128, 0))
    wrong: Any = T("int16", SHAPE, 1 / 256, 0)
    content = g.build(outputs=[g.op("LOGISTIC", [a], wrong)])
    with pytest.raises(ModelError, match=r"operator 1 \(LOGISTIC\): input is int8 but output is int16"):
        sanderling.load(content)


def test_a_single_constant_of_the_same_rank() -> None:
    g = Net()
    x = g.input(T("uint8", SHAPE, 0.05, 3))
    a = g.op("RELU", [x], T("uint8", SHAPE, 0.05, 3))
    half = const(np.full((1, 1, 1, 1), 90, np.uint8), scale=0.01, zero_point=5)
    content = g.build(outputs=[g.op("MUL", [a, half], T("uint8", SHAPE, 0.04, 2), fused_activation_function="RELU6")])
    assert steps(sanderling.load(content)) == ["LOOKUP_TABLE"]
    compare(content, [EVERY])
