"""RELU, RELU6, RELU_N1_TO_1, RELU_0_TO_1 and LEAKY_RELU."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes

from tests.support.broadcast import SEEDS, quantized, values
from tests.support.compare import compare
from tests.support.unary import every, expect_error, ours, unary

OPS = ["RELU", "RELU6", "RELU_N1_TO_1", "RELU_0_TO_1"]
SHAPES = array_shapes(max_dims=5, min_side=0, max_side=5)
ALPHAS = st.one_of(st.floats(-3, 3, width=32), st.sampled_from([0.0, 0.2, 0.01, 1.0]))


@pytest.mark.parametrize(
    ("op", "dtype"),
    [*((op, t) for op in OPS for t in ("int8", "uint8")), ("RELU", "int16"), ("RELU6", "int16")],
)
@given(st.data())
def test_every_value(op, dtype, data):
    x, y = (data.draw(quantized(dtype, symmetric=dtype == "int16")) for _ in range(2))
    inputs = every(dtype)
    compare(unary(op, inputs.shape, {"dtype": dtype, **x}, {"dtype": dtype, **y}), [inputs])


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16"])
@given(ALPHAS, st.data())
def test_leaky_every_value(dtype, alpha, data):
    x, y = (data.draw(quantized(dtype, symmetric=dtype == "int16")) for _ in range(2))
    inputs = every(dtype)
    model = unary("LEAKY_RELU", inputs.shape, {"dtype": dtype, **x}, {"dtype": dtype, **y}, alpha=alpha)
    compare(model, [inputs])


@pytest.mark.parametrize("op", [*OPS, "LEAKY_RELU"])
@given(SHAPES, ALPHAS, SEEDS)
def test_float32(op, shape, alpha, seed):
    attributes = {"alpha": alpha} if op == "LEAKY_RELU" else {}
    model = unary(op, shape, {"dtype": "float32"}, {"dtype": "float32"}, **attributes)
    compare(model, [values("float32", shape, seed)], tolerance=0)


@pytest.mark.parametrize("op", [*OPS, "LEAKY_RELU"])
@pytest.mark.parametrize("scale", [0.0, 2.0**-149, 3e38])
def test_strange_scales(op, scale):
    """Defined: no crash, whatever the result."""
    for a, b in ((scale, 1.0), (1.0, scale)):
        model = unary(op, (256,), {"dtype": "int8", "scale": a}, {"dtype": "int8", "scale": b})
        ours(model, every("int8"))


def test_batch_resize():
    model = unary("RELU6", (1, 5), {"dtype": "int8", "scale": 0.1}, {"dtype": "int8", "scale": 0.05})
    compare(model, [values("int8", (3, 5), 0)], resize=[(3, 5)])


@pytest.mark.parametrize("op", [*OPS, "LEAKY_RELU"])
def test_errors(op):
    expect_error(unary(op, (3,), {"dtype": "int32"}, {"dtype": "int32"}), np.zeros(3, np.int32), op, "int32", "int16")
