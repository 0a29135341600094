"""MAXIMUM, MINIMUM, SQUARED_DIFFERENCE, POW, ATAN2."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sanderling import ModelError
from sanderling.importers import load_ir
from sanderling.model import Model
from tests.support.broadcast import SEEDS, operands, quantized, result_shape, shapes, tensors, values
from tests.support.builder import T, build
from tests.support.compare import compare


@pytest.mark.parametrize("op", ["MAXIMUM", "MINIMUM"])
@pytest.mark.parametrize("dtype", ["float32", "int8", "uint8", "int16", "int32", "int64"])
@given(shapes(), SEEDS)
def test_min_max(op, dtype, dims, seed):
    compare(build(op, tensors(dims, dtype), T(dtype, result_shape(dims))), operands(dims, dtype, seed))


@pytest.mark.parametrize("op", ["MAXIMUM", "MINIMUM"])
def test_min_max_of_nan(op):
    x = np.array([np.nan, 1, np.nan, np.inf, -np.inf], np.float32)
    compare(build(op, tensors([(5,), (5,)], "float32"), T("float32", (5,))), [x, x[::-1].copy()])


@given(shapes(), SEEDS, st.data())
def test_squared_difference_int8(dims, seed, data):
    a, b, y = (data.draw(quantized("int8")) for _ in range(3))
    # The reference aborts unless the output's scale is well above the inputs' last bits.
    assume(y["scale"] > (2 * max(a["scale"], b["scale"])) ** 2 * 2.0**-14 * 1.001)
    inputs = [T("int8", dims[0], **a), T("int8", dims[1], **b)]
    model = build("SQUARED_DIFFERENCE", inputs, T("int8", result_shape(dims), **y))
    compare(model, operands(dims, "int8", seed))


@pytest.mark.parametrize("dtype", ["float32", "int32"])
@given(shapes(), SEEDS)
def test_squared_difference(dtype, dims, seed):
    model = build("SQUARED_DIFFERENCE", tensors(dims, dtype), T(dtype, result_shape(dims)))
    compare(model, operands(dims, dtype, seed))


def powers(dtype, dims, seed):
    """Bases and exponents with results that are mostly neither huge nor tiny."""
    random = np.random.default_rng(seed)
    if dtype == "int32":
        return [random.integers(-9, 10, dims[0], np.int32), random.integers(0, 10, dims[1], np.int32)]
    base = random.normal(0, 2, dims[0]).astype(np.float32)
    whole = random.integers(-3, 6, dims[1])
    return [base, np.where(random.random(dims[1]) < 0.5, whole, random.normal(0, 2, dims[1])).astype(np.float32)]


@pytest.mark.parametrize("dtype", ["float32", "int32"])
@given(shapes(), SEEDS)
def test_pow(dtype, dims, seed):
    compare(build("POW", tensors(dims, dtype), T(dtype, result_shape(dims))), powers(dtype, dims, seed))


@pytest.mark.parametrize("dtype", ["float32", "int32"])
@given(shapes(1), st.sampled_from([0, 1, 2, 3, 7, 30, 100, 1000]), st.sampled_from([(), (1,), (1, 1)]), SEEDS)
def test_pow_with_one_exponent(dtype, dims, exponent, shape, seed):
    y = np.full(shape, exponent, dtype)
    if dtype == "int32" and exponent == 0:
        assume(dims[0] != shape)
    out = np.broadcast_shapes(dims[0], shape)
    model = build("POW", [T(dtype, dims[0]), T(dtype, shape)], T(dtype, out))
    x = powers(dtype, [dims[0], (0,)], seed)[0]
    assume(dims[0] != shape or exponent < 10)
    compare(model, [x, y])


def test_negative_exponent():
    model = Model(load_ir(build("POW", tensors([(2,), (2,)], "int32"), T("int32", (2,)))))
    with pytest.raises(ModelError, match=r"POW.*-1"):
        model(np.array([1, 2], np.int32), np.array([1, -1], np.int32))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@given(shapes(1), SEEDS)
def test_atan2(dtype, dims, seed):
    compare(build("ATAN2", tensors(dims * 2, dtype), T(dtype, dims[0])), operands(dims * 2, dtype, seed))


OPS = ["MAXIMUM", "MINIMUM", "SQUARED_DIFFERENCE", "POW"]


@pytest.mark.parametrize("op", OPS)
def test_threads_and_resize(op):
    model = build(op, tensors([(1, 8, 9, 5), (5,)], "float32"), T("float32", (1, 8, 9, 5)))
    larger = (40, 8, 9, 5)
    x = [np.abs(values("float32", larger, 1)), values("float32", (5,), 2) / 10]
    compare(model, x, resize=[larger, (5,)], threads=4)


@pytest.mark.parametrize("op", [*OPS, "ATAN2"])
def test_errors(op):
    def error(a, b, y):
        with pytest.raises(ModelError, match=op) as caught:
            Model(load_ir(build(op, [a, b], y)))
        return str(caught.value)

    f, y = T("float32", (2, 3)), T("float32", (2, 3))
    assert "[2, 3]" in error(f, T("float32", (2,)), y)
    assert "bool" in error(T("bool", (2,)), T("bool", (2,)), T("bool", (2,)))
    assert "output is int8" in error(f, f, T("int8", (2, 3), 1.0))


@pytest.mark.parametrize("op", ["ADD", "SUB", "MUL"])
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(
    "dims",
    [
        ((50, 49, 3), (3,)),
        ((3,), (50, 49, 3)),
        ((30, 31, 17), (30, 31, 1)),
        ((30, 1, 17), (1, 31, 17)),
        ((2100, 2), (2100, 1)),
    ],
)
def test_short_rows_of_8_bits(op, threads, dims):
    x, y = T("int8", dims[0], 0.5, 3), T("int8", dims[1], 0.3, -20)
    options = {} if op == "MUL" else {"pot_scale_int16": False}
    model = build(op, [x, y], T("int8", np.broadcast_shapes(*dims), 20.0 if op == "MUL" else 0.9, 7), **options)
    rng = np.random.default_rng(1)
    compare(model, [rng.integers(-128, 128, d).astype(np.int8) for d in dims], threads=threads)
