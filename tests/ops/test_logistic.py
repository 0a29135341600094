"""LOGISTIC and TANH."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes

from tests.support.broadcast import SCALES, SEEDS, quantized, values
from tests.support.compare import compare
from tests.support.unary import every, expect_error, unary

SHAPES = array_shapes(max_dims=5, min_side=0, max_side=5)
both = pytest.mark.parametrize("op", ["LOGISTIC", "TANH"])


@both
@pytest.mark.parametrize("dtype", ["int8", "uint8"])
@given(st.data())
def test_every_value(op, dtype, data):
    x, y = data.draw(quantized(dtype)), data.draw(quantized(dtype))
    if op == "LOGISTIC":
        y["scale"] = 1 / 256
    compare(unary(op, (256,), {"dtype": dtype, **x}, {"dtype": dtype, **y}), [every(dtype)])


@both
@given(st.one_of(SCALES, st.integers(-15, -3).map(lambda k: 2.0**k)))
def test_every_int16(op, scale):
    x, y = {"dtype": "int16", "scale": scale}, {"dtype": "int16", "scale": 1 / 32768}
    compare(unary(op, (65536,), x, y), [every("int16")])


@both
@given(SHAPES, st.floats(0.1, 100), SEEDS)
def test_float32(op, shape, spread, seed):
    x = (values("float32", shape, seed) * np.float32(spread)).astype(np.float32)
    compare(unary(op, shape, {"dtype": "float32"}, {"dtype": "float32"}), [x])


@both
def test_extremes(op):
    x = np.array([0, -0.0, 1e30, -1e30, np.inf, -np.inf, np.nan, 16.7, -9.1, -89, -104], np.float32)
    compare(unary(op, x.shape, {"dtype": "float32"}, {"dtype": "float32"}), [x])


@both
def test_float16(op):
    x = np.arange(65536, dtype=np.uint16).view(np.float16)
    x = x[np.isfinite(x)]
    # A last bit may differ where the two mathematical libraries do.
    compare(unary(op, x.shape, {"dtype": "float16"}, {"dtype": "float16"}), [x], tolerance=2**-11)


@both
def test_batch_resize(op):
    model = unary(op, (1, 5), {"dtype": "int8", "scale": 0.1}, {"dtype": "int8", "scale": 1 / 256, "zero_point": -128})
    compare(model, [values("int8", (3, 5), 0)], resize=[(3, 5)])


@both
def test_errors(op):
    x = np.zeros(3, np.int32)
    expect_error(unary(op, (3,), {"dtype": "int32"}, {"dtype": "int32"}), x, op, "int32", "int16")
    tensor = {"dtype": "int16", "scale": 0.1}
    expect_error(unary(op, (3,), tensor, tensor), x.astype(np.int16), op, "1/32768")
