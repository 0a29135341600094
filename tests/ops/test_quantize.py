"""QUANTIZE and DEQUANTIZE."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes

from tests.support.broadcast import SCALES, SEEDS, quantized, values
from tests.support.builder import Net, T, build, pack_int4
from tests.support.compare import compare
from tests.support.unary import every, expect_error, ours, unary

SHAPES = st.one_of(array_shapes(max_dims=5, min_side=0, max_side=6), st.just(()), st.just((3, 77)))
REQUANTIZATIONS = [
    *((a, b) for a in ("int8", "uint8") for b in ("int8", "uint8", "int16")),
    *(("int16", b) for b in ("int8", "int16", "int32")),
    *(("int32", b) for b in ("int8", "int16")),
]


def reals(shape, seed, scale):
    """Values that spread over more than an 8-bit range of `scale`, some of them ties or neighbours of ties."""
    random = np.random.default_rng(seed)
    x = random.normal(0, 100 * scale, shape)
    ties = (random.integers(-200, 200, shape) + 0.5) * scale
    x = np.where(random.random(shape) < 0.3, ties, x).astype(np.float32)
    step = np.nextafter(x, np.where(random.random(shape) < 0.5, -np.inf, np.inf).astype(np.float32))
    return np.where(random.random(shape) < 0.2, step, x).astype(np.float32).reshape(shape)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16"])
@given(SHAPES, st.data(), SEEDS)
def test_quantize(dtype, shape, data, seed):
    y = data.draw(quantized(dtype))
    model = unary("QUANTIZE", shape, {"dtype": "float32"}, {"dtype": dtype, **y})
    spread = y["scale"] * data.draw(st.sampled_from([1, 300]))
    compare(model, [reals(shape, seed, spread)])


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16"])
@given(array_shapes(max_dims=4, max_side=5), st.data(), SEEDS)
def test_quantize_per_channel(dtype, shape, data, seed):
    axis = data.draw(st.integers(0, len(shape) - 1))
    channels = [data.draw(quantized(dtype)) for _ in range(shape[axis])]
    scale, zero_point = ([c[k] for c in channels] for k in ("scale", "zero_point"))
    y = T(dtype, shape, scale=scale, zero_point=zero_point, axis=axis)
    # Not more than int32 has: the reference converts without a bound.
    compare(build("QUANTIZE", [T("float32", shape)], y), [reals(shape, seed, min(scale))])


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16"])
def test_quantize_ties(dtype):
    x = np.arange(-300, 300, dtype=np.float32) / 2
    x = np.concatenate([x, np.nextafter(x, np.float32(-1000)), np.nextafter(x, np.float32(1000))])
    x = np.append(x, [0.49999997, -0.49999997, -0.0, 1e9, -1e9]).astype(np.float32)
    (y,) = compare(unary("QUANTIZE", x.shape, {"dtype": "float32"}, {"dtype": dtype, "scale": 1.0}), [x])
    assert y[np.flatnonzero(x == 2.5)[0]] == 3
    if dtype != "uint8":
        assert y[np.flatnonzero(x == -2.5)[0]] == -3


@pytest.mark.parametrize("scale", [0.0, 2.0**-149, 3e38])
def test_quantize_strange_scales(scale):
    """Defined: no crash, whatever the result."""
    x = np.array([0, 1, -1, np.inf, -np.inf, 3e38], np.float32)
    ours(unary("QUANTIZE", x.shape, {"dtype": "float32"}, {"dtype": "int8", "scale": scale}), x)
    every8 = every("int8")
    for a, b in ((scale, 1.0), (1.0, scale)):
        model = unary("QUANTIZE", (256,), {"dtype": "int8", "scale": a}, {"dtype": "uint8", "scale": b})
        ours(model, every8)


def test_quantize_saturates():
    """Beyond int32 the reference converts without a bound; here the nearest value is the result."""
    x = np.array([1e30, -1e30, np.inf, -np.inf], np.float32)
    y = ours(unary("QUANTIZE", x.shape, {"dtype": "float32"}, {"dtype": "int8", "scale": 0.5}), x)
    np.testing.assert_array_equal(y, [127, -128, 127, -128])


@pytest.mark.parametrize(("a", "b"), REQUANTIZATIONS)
@given(SHAPES, st.data(), SEEDS)
def test_requantize(a, b, shape, data, seed):
    both16 = (a, b) == ("int16", "int16")
    x = data.draw(quantized(a, symmetric=both16 or a == "int32"))
    y = data.draw(quantized(b, symmetric=both16 or b == "int32"))
    if a[-1] == "8":
        shape = (256,)
    inputs = every(a) if a[-1] == "8" else values(a, shape, seed)
    compare(unary("QUANTIZE", shape, {"dtype": a, **x}, {"dtype": b, **y}), [inputs])


@pytest.mark.parametrize(("a", "b"), [(a, b) for a, b in REQUANTIZATIONS if a != b])
def test_requantize_same_scale(a, b):
    zero = {"int8": -128, "uint8": 0}
    x, y = ({"dtype": t, "scale": 0.1, "zero_point": zero.get(t, 0)} for t in (a, b))
    inputs = values("int32", (50,), 0) if a == "int32" else every(a)
    compare(unary("QUANTIZE", inputs.shape, x, y), [inputs])


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16"])
@given(SHAPES, st.data(), SEEDS)
def test_dequantize(dtype, shape, data, seed):
    x = data.draw(quantized(dtype, symmetric=dtype == "int16"))
    if dtype != "int16":
        shape = (256,)
    inputs = every(dtype) if dtype != "int16" else values(dtype, shape, seed)
    model = unary("DEQUANTIZE", shape, {"dtype": dtype, **x}, {"dtype": "float32"})
    (y,) = compare(model, [inputs])
    exact = np.float64(np.float32(x["scale"])) * (inputs.astype(np.int64) - x["zero_point"])
    np.testing.assert_array_equal(y, exact.astype(np.float32))


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
@given(array_shapes(max_dims=4, max_side=5), st.data(), SEEDS)
def test_dequantize_per_channel(dtype, shape, data, seed):
    axis = data.draw(st.integers(0, len(shape) - 1))
    channels = [data.draw(quantized(dtype)) for _ in range(shape[axis])]
    x = T(
        dtype,
        shape,
        scale=[c["scale"] for c in channels],
        zero_point=[c["zero_point"] for c in channels],
        axis=axis,
    )
    compare(build("DEQUANTIZE", [x], T("float32", shape)), [values(dtype, shape, seed)], tolerance=0)


@given(array_shapes(max_dims=3, max_side=5), SCALES, SEEDS)
def test_dequantize_int4(shape, scale, seed):
    data = np.random.default_rng(seed).integers(-8, 8, shape)
    w = T("int4", shape, scale=scale, data=pack_int4(data))
    net = Net()
    x = net.input(T("float32", shape))
    real = net.op("DEQUANTIZE", [w], T("float32", shape))
    y = net.op("ADD", [x, real], T("float32", shape), fused_activation_function="NONE")
    compare(net.build([y]), [np.zeros(shape, np.float32)], tolerance=0)


def test_dequantize_float16():
    halves = np.arange(65536, dtype=np.uint16).view(np.float16)
    halves = halves[~np.isnan(halves)]
    model = unary("DEQUANTIZE", halves.shape, {"dtype": "float16"}, {"dtype": "float32"})
    (y,) = compare(model, [halves])
    np.testing.assert_array_equal(y, halves.astype(np.float32))


def test_batch_resize():
    model = unary("QUANTIZE", (1, 5), {"dtype": "float32"}, {"dtype": "int8", "scale": 0.1})
    compare(model, [np.linspace(-20, 20, 15, dtype=np.float32).reshape(3, 5)], resize=[(3, 5)])


def test_errors():
    x = np.zeros(3, np.float32)
    expect_error(
        unary("QUANTIZE", (3,), {"dtype": "float32"}, {"dtype": "int32", "scale": 1.0}), x, "QUANTIZE", "int32"
    )
    expect_error(unary("QUANTIZE", (3,), {"dtype": "float32"}, {"dtype": "int8"}), x, "QUANTIZE", "scale")
    model = unary("DEQUANTIZE", (3,), {"dtype": "int32", "scale": 1.0}, {"dtype": "float32"})
    expect_error(model, x.astype(np.int32), "DEQUANTIZE", "int32", "int8")
