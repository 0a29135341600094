"""MUL."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sanderling import ModelError
from sanderling.importers import load_ir
from sanderling.model import Model
from tests.support.broadcast import ACTIVATIONS, SEEDS, operands, quantized, result_shape, shapes, tensors, values
from tests.support.builder import T, build
from tests.support.compare import compare


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16"])
@given(shapes(), ACTIVATIONS, SEEDS, st.data())
def test_quantized(dtype, dims, activation, seed, data):
    a, b, y = (data.draw(quantized(dtype, symmetric=dtype == "int16")) for _ in range(3))
    model = build(
        "MUL",
        [T(dtype, dims[0], **a), T(dtype, dims[1], **b)],
        T(dtype, result_shape(dims), **y),
        fused_activation_function=activation,
    )
    compare(model, operands(dims, dtype, seed))


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
@given(shapes(1), ACTIVATIONS, SEEDS, st.data())
def test_int16_to_8_bits(dtype, dims, activation, seed, data):
    y = data.draw(quantized(dtype))
    model = build(
        "MUL",
        [T("int16", dims[0], 1 / 32768), T("int16", dims[0], 1 / 32768)],
        T(dtype, dims[0], **y),
        fused_activation_function=activation,
    )
    compare(model, operands(dims * 2, "int16", seed))


@pytest.mark.parametrize("dtype", ["float32", "int16", "int32", "uint32", "int64"])
@given(shapes(), ACTIVATIONS, SEEDS)
def test_plain(dtype, dims, activation, seed):
    model = build("MUL", tensors(dims, dtype), T(dtype, result_shape(dims)), fused_activation_function=activation)
    compare(model, operands(dims, dtype, seed))


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
@pytest.mark.parametrize("scale", [2.0**-9, 0.5, 2.0**8])
def test_every_pair(dtype, scale):
    info = np.iinfo(dtype)
    every = np.arange(info.min, info.max + 1).astype(dtype)
    model = build(
        "MUL",
        [T(dtype, (256, 1), scale, info.min), T(dtype, (256,), scale, info.max)],
        T(dtype, (256, 256), 0.5, info.min + 100),
    )
    compare(model, [every.reshape(256, 1), every])


@pytest.mark.parametrize("dtype", ["int8", "float32"])
def test_threads_and_resize(dtype):
    shape = (1, 8, 9, 5)
    y = {"scale": 0.1, "zero_point": 3} if dtype == "int8" else {}
    model = build("MUL", tensors([shape, (1, 1, 1, 5)], dtype, **y), T(dtype, shape, **y))
    larger = (40, 8, 9, 5)
    gate = (40, 1, 1, 5)
    compare(model, [values(dtype, larger, 1), values(dtype, gate, 2)], resize=[larger, gate], threads=4)


def error(inputs, output, **attributes):
    with pytest.raises(ModelError) as caught:
        Model(load_ir(build("MUL", inputs, output, **attributes)))
    assert "MUL" in str(caught.value)
    return str(caught.value)


def test_errors():
    f = T("float32", (2, 3))
    assert "[2, 3] and [2]" in error([f, T("float32", (2,))], T("float32", (2, 3)))
    assert "bool" in error([T("bool", (2,)), T("bool", (2,))], T("bool", (2,)))
    assert "output is int8" in error([f, f], T("int8", (2, 3), 1.0))
    assert "TANH" in error([f, f], T("float32", (2, 3)), fused_activation_function="TANH")
    assert "zero point 5" in error([T("int16", (2,), 1.0, 5), T("int16", (2,), 1.0)], T("int16", (2,), 1.0))
