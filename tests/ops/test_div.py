"""DIV, FLOOR_DIV, FLOOR_MOD."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sanderling import ModelError
from sanderling.importers import load_ir
from sanderling.model import Model
from tests.support.broadcast import ACTIVATIONS, SEEDS, operands, quantized, result_shape, shapes, tensors, values
from tests.support.builder import T, build
from tests.support.compare import compare


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16"])
@given(shapes(), ACTIVATIONS, SEEDS, st.data())
def test_div_quantized(dtype, dims, activation, seed, data):
    a, b, y = (data.draw(quantized(dtype)) for _ in range(3))
    assume(a["scale"] / (b["scale"] * y["scale"]) < 2**30)  # No shift of an int32 holds more.
    model = build(
        "DIV",
        [T(dtype, dims[0], **a), T(dtype, dims[1], **b)],
        T(dtype, result_shape(dims), **y),
        fused_activation_function=activation,
    )
    x1, x2 = operands(dims, dtype, seed)
    zero = b["zero_point"]
    other = zero + 1 if zero < np.iinfo(dtype).max else zero - 1
    compare(model, [x1, np.where(x2 == zero, other, x2).astype(dtype)])


@pytest.mark.parametrize("dtype", ["float32", "int32"])
@given(shapes(), ACTIVATIONS, SEEDS)
def test_div_plain(dtype, dims, activation, seed):
    model = build("DIV", tensors(dims, dtype), T(dtype, result_shape(dims)), fused_activation_function=activation)
    x1, x2 = operands(dims, dtype, seed, nonzero=dtype == "int32")
    if dtype == "int32":
        x1 = np.maximum(x1, -(2**31) + 1)  # The lowest value divided by -1 kills the reference.
    compare(model, [x1, x2])


@pytest.mark.parametrize(
    ("op", "dtype"),
    [
        *(("FLOOR_DIV", dtype) for dtype in ["float32", "int8", "int16", "int32"]),
        *(("FLOOR_MOD", dtype) for dtype in ["float32", "int8", "int16", "int32", "int64"]),
    ],
)
@given(shapes(), SEEDS)
def test_floor(op, dtype, dims, seed):
    model = build(op, tensors(dims, dtype), T(dtype, result_shape(dims)))
    x1, x2 = operands(dims, dtype, seed, nonzero=True)
    if dtype != "float32":
        # The lowest value and -1: the reference dies, or casts a number that does not fit, with a result that depends
        # on the element's position.
        x1 = np.maximum(x1, np.iinfo(dtype).min + 1)
    compare(model, [x1, x2])


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
def test_every_pair(dtype):
    info = np.iinfo(dtype)
    every = np.arange(info.min, info.max + 1).astype(dtype)
    for divisors, zero_point in [(every[1:], info.min), (every[:-1], info.max)]:
        model = build(
            "DIV",
            [T(dtype, (256, 1), 0.5, info.min + 128), T(dtype, (255,), 0.25, zero_point)],
            T(dtype, (256, 255), 0.03125, info.min + 100),
        )
        compare(model, [every.reshape(256, 1), divisors])


@pytest.mark.parametrize("op", ["DIV", "FLOOR_DIV", "FLOOR_MOD"])
def test_lowest_by_minus_one(op):
    model = Model(load_ir(build(op, tensors([(1,), (1,)], "int32"), T("int32", (1,)))))
    y = model(np.array([-(2**31)], np.int32), np.array([-1], np.int32))
    assert y == [0 if op == "FLOOR_MOD" else -(2**31)]


@pytest.mark.parametrize("op", ["DIV", "FLOOR_DIV", "FLOOR_MOD"])
@pytest.mark.parametrize("dtype", ["int8", "int32"])
def test_division_by_zero(op, dtype):
    q = {"scale": 1.0, "zero_point": 0} if op == "DIV" and dtype == "int8" else {}
    model = Model(load_ir(build(op, tensors([(3,), (3,)], dtype, **q), T(dtype, (3,), **q))))
    x = np.array([1, 2, 3], dtype)
    model(x, x)
    with pytest.raises(ModelError, match=op) as caught:
        model(x, np.array([1, 0, 1], dtype))
    assert "element 1 of input 1" in str(caught.value)


@pytest.mark.parametrize("op", ["DIV", "FLOOR_DIV", "FLOOR_MOD"])
def test_threads_and_resize(op):
    model = build(op, tensors([(1, 8, 9, 5), (5,)], "float32"), T("float32", (1, 8, 9, 5)))
    larger = (40, 8, 9, 5)
    x = [values("float32", larger, 1), values("float32", (5,), 2, nonzero=True)]
    compare(model, x, resize=[larger, (5,)], threads=4)


@pytest.mark.parametrize("op", ["DIV", "FLOOR_DIV", "FLOOR_MOD"])
def test_errors(op):
    def error(a, b, y):
        with pytest.raises(ModelError, match=op) as caught:
            Model(load_ir(build(op, [a, b], y)))
        return str(caught.value)

    f, y = T("float32", (2, 3)), T("float32", (2, 3))
    assert "[2, 3] and [2]" in error(f, T("float32", (2,)), y)
    assert "bool" in error(T("bool", (2,)), T("bool", (2,)), T("bool", (2,)))
    assert "output is int8" in error(f, f, T("int8", (2, 3), 1.0))
