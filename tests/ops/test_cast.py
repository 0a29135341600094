"""CAST."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import array_shapes

from tests.support.broadcast import SEEDS, values
from tests.support.compare import compare
from tests.support.unary import expect_error, ours, unary

INTEGERS = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64"]
TYPES = ["float32", "float16", "float64", *INTEGERS, "bool"]
SHAPES = array_shapes(max_dims=4, min_side=0, max_side=6)


def model_of(a, b, shape):
    return unary("CAST", shape, {"dtype": a}, {"dtype": b})


@pytest.mark.parametrize("b", TYPES)
@pytest.mark.parametrize("a", TYPES)
@given(SHAPES, SEEDS)
def test_cast(a, b, shape, seed):
    x = values(a, shape, seed)
    if a.startswith("float") and b in INTEGERS:
        # Within range: beyond it the conversion is ours to define (see below).
        info = np.iinfo(b)
        x = np.clip(x, max(info.min, -30000), min(info.max, 30000)).astype(a)
    with np.errstate(over="ignore"):
        compare(model_of(a, b, shape), [x])


@pytest.mark.parametrize("a", ["float32", "float64", "float16"])
@pytest.mark.parametrize("b", INTEGERS)
def test_saturates(a, b):
    x = np.array([1e30, -1e30, np.inf, -np.inf, np.nan], np.float64).astype(a)
    info = np.iinfo(b)
    y = ours(model_of(a, b, (5,)), x)
    np.testing.assert_array_equal(y, np.array([info.max, info.min, info.max, info.min, info.max], b))


@pytest.mark.parametrize("b", ["int8", "int32", "int64"])
def test_towards_zero(b):
    x = np.array([1.9, -1.9, 0.99, -0.99, 127.5, -128.5], np.float32)
    (y,) = compare(model_of("float32", b, x.shape), [x])
    np.testing.assert_array_equal(y, [1, -1, 0, 0, 127, -128])


def test_half_rounding():
    """Ties, subnormal results and overflow."""
    halves = np.arange(0x7C00, dtype=np.uint16).view(np.float16).astype(np.float32)
    ties = (halves[1:] + halves[:-1]) / 2
    x = np.concatenate([ties, np.nextafter(ties, np.float32(0)), np.nextafter(ties, np.float32(1e9)), -ties])
    x = np.append(x, [65519, 65520, 1e6, np.inf, 1e-9, 1e-45]).astype(np.float32)
    (y,) = compare(model_of("float32", "float16", x.shape), [x])
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(y, x.astype(np.float16))


def test_batch_resize():
    compare(model_of("int32", "float32", (1, 5)), [values("int32", (3, 5), 0)], resize=[(3, 5)])


def test_errors():
    expect_error(model_of("int8", "resource", (3,)), np.zeros(3, np.int8), "CAST", "resource")
