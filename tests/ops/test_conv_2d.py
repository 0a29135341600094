"""CONV_2D in every kind of type."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sanderling.errors import ModelError
from sanderling.importers import load_ir
from sanderling.model import Model
from tests.support.builder import T, build, const
from tests.support.compare import compare
from tests.support.convolution import Convolution, convolutions, scales, simple, threads, zeros

cases = convolutions(depthwise=False)
plain = convolutions(depthwise=False, groups=False)


@given(cases, scales, scales, zeros, zeros, threads)
def test_int8(c: Convolution, in_scale: float, w_scale: float, zero: int, out_zero: int, threads: int) -> None:
    compare(*c.quantized("int8", "int8", in_scale, zero, w_scale, out_zero=out_zero), threads=threads)


@given(cases, st.sampled_from(["int8", "int4"]), scales, zeros, zeros, threads)
def test_int8_per_channel(
    c: Convolution, weights: str, in_scale: float, zero: int, out_zero: int, threads: int
) -> None:
    model, arrays = c.quantized("int8", weights, in_scale, zero, c.channel_scales(), out_zero=out_zero)
    compare(model, arrays, threads=threads)


@given(cases, scales, scales, scales, zeros, zeros)
def test_int8_any_output_scale(
    c: Convolution, in_scale: float, w_scale: float, out_scale: float, zero: int, out_zero: int
) -> None:
    model, arrays = c.quantized("int8", "int8", in_scale, zero, w_scale, out_zero=out_zero, out_scale=out_scale)
    compare(model, arrays)


@given(cases, scales, scales, st.integers(0, 255), st.integers(0, 255), st.integers(0, 255), threads)
def test_uint8(
    c: Convolution, in_scale: float, w_scale: float, zero: int, w_zero: int, out_zero: int, threads: int
) -> None:
    compare(*c.quantized("uint8", "uint8", in_scale, zero, w_scale, w_zero, out_zero=out_zero), threads=threads)


@given(cases, st.sampled_from(["int8", "int4", "uint8"]), scales, zeros, st.integers(-77, 127), threads)
def test_one_pixel_that_sees_all(
    c: Convolution, weights: str, in_scale: float, zero: int, out_zero: int, threads: int
) -> None:
    # With a dilation it does not: some taps are outside, perhaps with all of the padding behind.
    c = replace(c, input_shape=(1, *c.kernel, c.input_shape[3]), padding="SAME", stride=c.kernel)
    if weights == "uint8":
        model, arrays = c.quantized(
            "uint8", "uint8", in_scale, zero + 128, 0.01, out_zero + 77, out_zero=out_zero + 128
        )
    else:
        model, arrays = c.quantized("int8", weights, in_scale, zero, c.channel_scales(), out_zero=out_zero)
    compare(model, arrays, threads=threads)


@given(cases, st.sampled_from(["int8", "int4"]), scales, threads)
def test_int16(c: Convolution, weights: str, in_scale: float, threads: int) -> None:
    model, arrays = c.quantized("int16", weights, in_scale, 0, c.channel_scales(), bias="int64")
    compare(model, arrays, threads=threads)


@given(cases, scales, st.sampled_from(["int32", "int64"]))
def test_int16_bias_type(c: Convolution, in_scale: float, bias: str) -> None:
    model, arrays = c.quantized("int16", "int8", in_scale, 0, c.channel_scales(), bias=bias, quantized_bias_type=bias)
    compare(model, arrays)


@given(cases, threads)
def test_float32(c: Convolution, threads: int) -> None:
    compare(*c.float_weights("float32"), threads=threads, magnitude=c.float_magnitude)


@given(plain, st.sampled_from(["int8", "uint8", "int4"]), threads)
def test_hybrid(c: Convolution, weights: str, threads: int) -> None:
    compare(*c.float_weights(weights, 0.01), threads=threads, magnitude=0.1)


@given(cases, st.sampled_from(["int8", "int4"]), threads)
def test_hybrid_per_channel(c: Convolution, weights: str, threads: int) -> None:
    scale = c.channel_scales()
    if c.out_c == 1:
        # One scale with groups: LiteRT reads memory that it did not allocate.
        c = simple(False, rng=c.rng)
        scale = c.channel_scales()
    compare(*c.float_weights(weights, scale), threads=threads, magnitude=0.1)


def test_depthwise_in_disguise() -> None:
    for out_c in (6, 12):
        c = simple(False, input_shape=(2, 7, 5, 6), groups=6, out_c=out_c)
        compare(*c.quantized("int8", "int8", 0.5, -3, c.channel_scales(), out_zero=4))
        compare(*c.quantized("uint8", "uint8", 0.5, 3, 0.01, 77, out_zero=4))


@pytest.mark.parametrize("pixels", [1, 2])  # one is multiplied as a matrix
def test_large_sums_wrap(pixels: int) -> None:
    # 35,000 products of 255 * 255 are more than an int32 holds, and more than the kernels add in one go.
    c = simple(False, input_shape=(1, 1, pixels, 35000), kernel=(1, 1), out_c=3)
    w = np.full((3, 1, 1, 35000), 255, np.uint8)
    w[1, ..., ::2] = 254
    bias = np.array([0, 5, -5], np.int32)
    model = c.model(
        T("uint8", c.input_shape, 1.0, 0),
        T("uint8", w.shape, 1.0, 0, data=w),
        T("int32", (3,), 1.0, data=bias),
        T("uint8", c.output_shape, 2.0**24, 128),
    )
    compare(model, [np.full(c.input_shape, 255, np.uint8)])


@pytest.mark.parametrize("pixels", [1, 2])
def test_bias_decides_every_rounding(pixels: int) -> None:
    # Zero weights: the output is the rescaled bias, with ties and extremes under right and left shifts.
    for exponent in range(-31, 8):
        bias = np.array(
            [0, 1, -1, 2**30, -(2**30), 2**31 - 1, -(2**31), *(s * ((2 * k + 1) << max(0, -exponent - 1))
             for s in (1, -1) for k in range(4) if ((2 * k + 1) << max(0, -exponent - 1)) < 2**31)], np.int64
        ).astype(np.int32)  # fmt: skip
        for mantissa in (1.0, 1.37, 1.9999999):
            n = len(bias)
            scale = np.full(n, np.float32(mantissa * 2.0**exponent))
            model = build(
                "CONV_2D",
                [T("int8", (1, 1, pixels, 1), 1.0, 0), T("int8", (n, 1, 1, 1), scale, data=np.zeros((n, 1, 1, 1))),
                 T("int32", (n,), scale, data=bias)],
                [T("int8", (1, 1, pixels, n), 1.0, 0)],
                padding="SAME", stride_h=1, stride_w=1,
            )  # fmt: skip
            compare(model, [np.zeros((1, 1, pixels, 1), np.int8)])


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_resize(threads: int) -> None:
    c = simple(False, stride=(2, 1))
    model, _ = c.quantized("int8", "int8", 0.5, -3, c.channel_scales(), out_zero=4)
    for shape in [(3, 8, 9, 4), (1, 1, 1, 4), (0, 5, 6, 4)]:
        x = c.random("int8", shape)
        if shape[0]:
            compare(model, [x], resize=[shape], threads=threads)
        else:
            ours = Model(load_ir(model), threads=threads)
            ours.resize(shape)
            assert ours(x).shape == (0, 3, 6, 8)


def test_one_pixel_is_split_by_channels() -> None:
    c = simple(False, input_shape=(1, 1, 1, 512), kernel=(1, 1), out_c=700)
    model, arrays = c.quantized("int8", "int8", 0.5, -3, c.channel_scales(), out_zero=4)
    compare(model, arrays, threads=3)


def test_without_bias() -> None:
    # LiteRT wants a bias; here it may be left out, and then is zero.
    for dtype, weights, bias in [("int8", "int8", "int32"), ("uint8", "uint8", "int32"), ("int16", "int8", "int64")]:
        c = simple(False)
        x, w = c.random(dtype, c.input_shape), c.random(weights, c.weights_shape)
        x_tensor, w_tensor = T(dtype, x.shape, 0.5), T(weights, w.shape, 0.1, data=w)
        y_tensor = T(dtype, c.output_shape, 10.0)
        zero = T(bias, (c.out_c,), 0.05, data=np.zeros(c.out_c))
        ours = Model(load_ir(c.model(x_tensor, w_tensor, None, y_tensor)), threads=1)(x)
        theirs = compare(c.model(x_tensor, w_tensor, zero, y_tensor), [x])
        np.testing.assert_array_equal(ours, theirs[0])


def test_float16_weights() -> None:
    from tests.support.builder import Net

    c = simple(False)
    net = Net()
    x = net.input(T("float32", c.input_shape))
    half = c.rng.normal(size=c.weights_shape).astype(np.float16)
    w = net.op("DEQUANTIZE", [const(half)], T("float32", half.shape))
    b = const(np.zeros(c.out_c, np.float32))
    y = net.op("CONV_2D", [x, w, b], T("float32", c.output_shape), padding="SAME", stride_h=1, stride_w=1)
    compare(net.build(outputs=[y]), [c.rng.normal(size=c.input_shape).astype(np.float32)])


def _error(inputs: list[T], y: T, **options: object) -> str:
    arguments = {"padding": "SAME", "stride_h": 1, "stride_w": 1, **options}
    with pytest.raises(ModelError) as caught:
        Model(load_ir(build("CONV_2D", inputs, [y], **arguments)), threads=1)
    return str(caught.value)


def test_errors() -> None:
    def x(c: int = 4) -> T:
        return T("int8", (1, 5, 5, c), 1.0)

    def w(shape: tuple[int, ...] = (8, 3, 3, 4), **q: object) -> T:
        return T("int8", shape, **{"scale": 1.0, **q}, data=np.zeros(shape))

    y = T("int8", (1, 5, 5, 8), 1.0)
    assert "stride_h" in _error([x(), w()], y, stride_h=0)
    assert "dilation_w_factor" in _error([x(), w()], y, dilation_w_factor=-1)
    assert "no multiple of the weights' 4" in _error([x(6), w()], y)
    assert "8 output channels cannot be divided among 3 groups" in _error([x(12), w()], y)
    assert "four dimensions" in _error([x(), w((8, 9, 4))], y)
    assert "bias has shape [7]" in _error([x(), w(), T("int32", (7,), 1.0, data=np.zeros(7))], y)
    assert "bias is float32; int32 expected" in _error([x(), w(), T("float32", (8,), data=np.zeros(8))], y)
    assert "zero point 3" in _error([x(), w(zero_point=3)], y)
    assert "no quantization" in _error([T("int8", (1, 5, 5, 4)), w()], y)
    assert "supported are" in _error([T("int32", (1, 5, 5, 4)), w()], T("int32", (1, 5, 5, 8)))
    assert "output is int16" in _error([x(), w()], T("int16", (1, 5, 5, 8), 1.0))
    text = _error([x(), w()], y, fused_activation_function="TANH")
    assert "CONV_2D" in text
    assert "TANH" in text
