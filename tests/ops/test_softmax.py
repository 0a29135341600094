"""SOFTMAX and LOG_SOFTMAX."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes

from tests.support.broadcast import SCALES, SEEDS, quantized, values
from tests.support.compare import compare
from tests.support.unary import every, expect_error, ours, unary

SHAPES = st.one_of(array_shapes(max_dims=4, min_side=1, max_side=6), st.sampled_from([(1, 1001), (2, 300), (5, 1)]))
BETAS = st.one_of(st.just(1.0), st.floats(0.01, 10))
OUTPUTS = {
    "int8": {"dtype": "int8", "scale": 1 / 256, "zero_point": -128},
    "uint8": {"dtype": "uint8", "scale": 1 / 256, "zero_point": 0},
    "int16": {"dtype": "int16", "scale": 1 / 32768, "zero_point": 0},
}
PAIRS = [("int8", "int8"), ("int8", "int16"), ("uint8", "uint8"), ("uint8", "int16"), ("int16", "int16")]


def near(dtype, shape, seed):
    """Values of which many are close to their row's maximum."""
    random = np.random.default_rng(seed)
    x = random.integers(0, random.choice([2, 20, 250]), shape)
    info = np.iinfo(dtype)
    return (x + random.integers(info.min, info.max - 250)).astype(dtype).reshape(shape)


@pytest.mark.parametrize(("a", "b"), PAIRS)
@given(SHAPES, BETAS, st.booleans(), SEEDS, st.data())
def test_quantized(a, b, shape, beta, close, seed, data):
    x = data.draw(quantized(a, symmetric=a == "int16"))
    inputs = near(a, shape, seed) if close else values(a, shape, seed)
    compare(unary("SOFTMAX", shape, {"dtype": a, **x}, OUTPUTS[b], beta=beta), [inputs])


@pytest.mark.parametrize(("a", "b"), PAIRS[:4])
@given(SCALES, BETAS)
def test_every_difference(a, b, scale, beta):
    steps = every(a)
    inputs = np.stack([np.full(256, steps[-1]), steps], axis=1)
    compare(unary("SOFTMAX", (256, 2), {"dtype": a, "scale": scale}, OUTPUTS[b], beta=beta), [inputs])


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@given(SHAPES, BETAS, SEEDS)
def test_real(dtype, shape, beta, seed):
    x = values(dtype, shape, seed)
    compare(unary("SOFTMAX", shape, {"dtype": dtype}, {"dtype": dtype}, beta=beta), [x])


@pytest.mark.parametrize(("a", "b"), PAIRS)
@pytest.mark.parametrize("n", [1, 511, 512, 513, 4096, 8191, 8192, 70000])
def test_long_rows_of_one_value(a, b, n):
    """Where the reference's sum overflows or its quotients get too small it aborts; here nothing does."""
    model = unary("SOFTMAX", (1, n), {"dtype": a, "scale": 0.1}, OUTPUTS[b], beta=1.0)
    x = np.zeros((1, n), a)
    if n < 512:
        compare(model, [x])
    else:
        y = ours(model, x)
        assert (y == y[0, 0]).all()
        if a != "int16" and n < 8192:  # From 8-bit values the result covers the whole type; int16 has a sign to spare.
            info = np.iinfo(b)
            assert abs((int(y[0, 0]) - info.min) / 2**info.bits - 1 / n) <= 2.0**-info.bits


def test_batch_resize():
    model = unary("SOFTMAX", (1, 5), {"dtype": "int8", "scale": 0.1}, OUTPUTS["int8"], beta=1.0)
    compare(model, [values("int8", (3, 5), 0)], resize=[(3, 5)])


def test_threads():
    model = unary("SOFTMAX", (500, 50), {"dtype": "int8", "scale": 0.1}, OUTPUTS["int8"], beta=1.0)
    compare(model, [values("int8", (500, 50), 0)], threads=3)


def test_errors():
    x = np.zeros((2, 3), np.int8)
    tensor = {"dtype": "int8", "scale": 0.1}
    expect_error(unary("SOFTMAX", (2, 3), tensor, tensor, beta=1.0), x, "SOFTMAX", "-128")
    for beta in (0.0, -1.0, float("nan")):
        expect_error(unary("SOFTMAX", (2, 3), tensor, OUTPUTS["int8"], beta=beta), x, "SOFTMAX", "beta")
    model = unary("SOFTMAX", (2, 3), {"dtype": "int32"}, {"dtype": "int32"}, beta=1.0)
    expect_error(model, x.astype(np.int32), "SOFTMAX", "int32", "float32")


LOGARITHMS = {
    "int8": {"dtype": "int8", "scale": 16 / 256, "zero_point": 127},
    "uint8": {"dtype": "uint8", "scale": 16 / 256, "zero_point": 255},
}


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
@given(SHAPES, st.booleans(), SEEDS, st.data())
def test_log_quantized(dtype, shape, close, seed, data):
    x = data.draw(quantized(dtype))
    inputs = near(dtype, shape, seed) if close else values(dtype, shape, seed)
    compare(unary("LOG_SOFTMAX", shape, {"dtype": dtype, **x}, LOGARITHMS[dtype]), [inputs])


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
@given(SCALES)
def test_log_every_difference(dtype, scale):
    steps = every(dtype)
    inputs = np.stack([np.full(256, steps[-1]), steps], axis=1)
    compare(unary("LOG_SOFTMAX", (256, 2), {"dtype": dtype, "scale": scale}, LOGARITHMS[dtype]), [inputs])


@given(SHAPES, SEEDS)
def test_log_float32(shape, seed):
    compare(unary("LOG_SOFTMAX", shape, {"dtype": "float32"}, {"dtype": "float32"}), [values("float32", shape, seed)])


@pytest.mark.parametrize("n", [1, 2, 4095, 4096, 70000])
def test_log_of_long_rows_of_one_value(n):
    model = unary("LOG_SOFTMAX", (1, n), {"dtype": "int8", "scale": 0.1}, LOGARITHMS["int8"])
    x = np.zeros((1, n), np.int8)
    if n < 4096:
        compare(model, [x])
    else:  # The reference's sum overflows.
        y = ours(model, x)
        assert (y == y[0, 0]).all()


def test_log_errors():
    x = np.zeros((2, 3), np.int8)
    tensor = {"dtype": "int8", "scale": 0.1}
    expect_error(unary("LOG_SOFTMAX", (2, 3), tensor, tensor), x, "LOG_SOFTMAX", "127")
    model = unary("LOG_SOFTMAX", (2, 3), {"dtype": "int32"}, {"dtype": "int32"})
    expect_error(model, x.astype(np.int32), "LOG_SOFTMAX", "int32", "float32")
