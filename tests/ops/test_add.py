"""ADD and SUB."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sanderling import ModelError
from sanderling.importers import load_ir
from sanderling.model import Model
from tests.support.broadcast import (
    ACTIVATIONS,
    SEEDS,
    operands,
    quantized,
    result_shape,
    shapes,
    tensors,
    values,
)
from tests.support.builder import T, build
from tests.support.compare import compare

both = pytest.mark.parametrize("op", ["ADD", "SUB"])


@both
@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16"])
@given(shapes(), ACTIVATIONS, SEEDS, st.data())
def test_quantized(op, dtype, dims, activation, seed, data):
    a, b, y = (data.draw(quantized(dtype, symmetric=dtype == "int16")) for _ in range(3))
    # The reference aborts unless the output's scale is well above the inputs' last bits.
    assume(y["scale"] > 2 * max(a["scale"], b["scale"]) * 2.0 ** (-15 if dtype == "int16" else -20) * 1.001)
    model = build(
        op,
        [T(dtype, dims[0], **a), T(dtype, dims[1], **b)],
        T(dtype, result_shape(dims), **y),
        fused_activation_function=activation,
        pot_scale_int16=False,
    )
    compare(model, operands(dims, dtype, seed))


@both
@given(shapes(), ACTIVATIONS, st.integers(-15, 0), st.integers(0, 20), st.booleans(), SEEDS)
def test_int16_powers_of_two(op, dims, activation, log2, shift, second, seed):
    if op == "ADD":
        dims = [dims[0]] * 2  # The reference aborts where it would have to broadcast.
    scales = [2.0 ** (log2 - shift), 2.0**log2]
    if second:
        scales.reverse()
    model = build(
        op,
        [T("int16", d, s) for d, s in zip(dims, scales, strict=True)],
        T("int16", result_shape(dims), 2.0**log2),
        fused_activation_function=activation,
        pot_scale_int16=True,
    )
    compare(model, operands(dims, "int16", seed))


@pytest.mark.parametrize(
    ("op", "dtype"),
    [
        *(("ADD", dtype) for dtype in ["float32", "int16", "int32", "int64"]),
        *(("SUB", dtype) for dtype in ["float32", "int32", "int64"]),
    ],
)
@given(shapes(), ACTIVATIONS, SEEDS)
def test_plain(op, dtype, dims, activation, seed):
    model = build(op, tensors(dims, dtype), T(dtype, result_shape(dims)), fused_activation_function=activation)
    compare(model, operands(dims, dtype, seed))


@both
@pytest.mark.parametrize("dtype", ["int8", "uint8"])
def test_every_pair(op, dtype):
    info = np.iinfo(dtype)
    every = np.arange(info.min, info.max + 1).astype(dtype)
    model = build(
        op,
        [T(dtype, (256, 1), 0.5, info.min), T(dtype, (256,), 0.25, info.max)],
        T(dtype, (256, 256), 0.5, info.min + 100),
    )
    compare(model, [every.reshape(256, 1), every])


@both
@pytest.mark.parametrize("dtype", ["int8", "float32"])
def test_threads_and_resize(op, dtype):
    shape = (1, 8, 9, 5)
    y = {"scale": 0.1, "zero_point": 3} if dtype == "int8" else {}
    model = build(op, tensors([shape, (5,)], dtype, **y), T(dtype, shape, **y), fused_activation_function="RELU")
    larger = (40, 8, 9, 5)
    compare(model, [values(dtype, larger, 1), values(dtype, (5,), 2)], resize=[larger, (5,)], threads=4)


def error(op, inputs, output, **attributes):
    with pytest.raises(ModelError) as caught:
        Model(load_ir(build(op, inputs, output, **attributes)))
    assert op in str(caught.value)
    return str(caught.value)


@both
def test_errors(op):
    f = T("float32", (2, 3))
    assert "[2, 3] and [2]" in error(op, [f, T("float32", (2,))], T("float32", (2, 3)))
    assert "float32" in error(op, [f, T("int32", (2, 3))], T("float32", (2, 3)))
    assert "bool" in error(op, [T("bool", (2,)), T("bool", (2,))], T("bool", (2,)))
    assert "output is int8" in error(op, [f, f], T("int8", (2, 3), 1.0))
    assert "TANH" in error(op, [f, f], T("float32", (2, 3)), fused_activation_function="TANH")
    q = T("int8", (2,), 1.0)
    assert "scale" in error(op, [q, q], T("int8", (2,)))
    assert "scales" in error(op, [q, q], T("int8", (2,), 1e-8))
    assert "zero point 5" in error(op, [T("int16", (2,), 1.0, 5), T("int16", (2,), 1.0)], T("int16", (2,), 1.0))
