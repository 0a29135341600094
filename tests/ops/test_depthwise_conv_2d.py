"""DEPTHWISE_CONV_2D in every kind of type."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sanderling.errors import ModelError
from sanderling.importers import load_ir
from sanderling.model import Model
from tests.support.builder import T, build, pack_int4
from tests.support.compare import compare
from tests.support.convolution import Convolution, convolutions, scales, simple, threads, zeros

cases = convolutions(depthwise=True)
biases = st.sampled_from(["int32", "int32", None])


@given(cases, scales, scales, zeros, zeros, biases, threads)
def test_int8(
    c: Convolution, in_scale: float, w_scale: float, zero: int, out_zero: int, bias: str | None, threads: int
) -> None:
    model, arrays = c.quantized("int8", "int8", in_scale, zero, w_scale, bias=bias, out_zero=out_zero)
    compare(model, arrays, threads=threads)


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


@given(cases, scales, scales, st.integers(0, 255), st.integers(0, 255), st.integers(0, 255), biases, threads)
def test_uint8(
    c: Convolution,
    in_scale: float,
    w_scale: float,
    zero: int,
    w_zero: int,
    out_zero: int,
    bias: str | None,
    threads: int,
) -> None:
    model, arrays = c.quantized("uint8", "uint8", in_scale, zero, w_scale, w_zero, bias=bias, out_zero=out_zero)
    compare(model, arrays, threads=threads)


@given(cases, scales, st.sampled_from(["int64", None]), threads)
def test_int16(c: Convolution, in_scale: float, bias: str | None, threads: int) -> None:
    model, arrays = c.quantized("int16", "int8", in_scale, 0, c.channel_scales(), bias=bias)
    compare(model, arrays, threads=threads)


@given(cases, threads)
def test_float32(c: Convolution, threads: int) -> None:
    compare(*c.float_weights("float32"), threads=threads, magnitude=c.float_magnitude)


@given(cases, threads)
def test_hybrid(c: Convolution, threads: int) -> None:
    compare(*c.float_weights("int8", c.channel_scales()), threads=threads, magnitude=0.1)


def test_packed_weights_that_the_reference_misreads() -> None:
    # LiteRT reads packed int4 weights as bytes with int16 inputs and refuses them with float inputs.
    c = simple(True)
    w = c.random("int4", c.weights_shape)
    scale = c.channel_scales()
    for dtype, quantization in [("int16", {"scale": 0.5}), ("float32", {})]:
        x = c.rng.integers(-900, 900, c.input_shape).astype(dtype)
        outputs = []
        for weights in [
            T("int8", w.shape, scale, axis=3, data=w),
            T("int4", w.shape, scale, axis=3, data=pack_int4(w)),
        ]:
            model = c.model(T(dtype, x.shape, **quantization), weights, None, T(dtype, c.output_shape, **quantization))
            outputs.append(Model(load_ir(model), threads=1)(x))
        np.testing.assert_array_equal(outputs[0], outputs[1])


def test_weight_zero_point_of_int8_is_not_read() -> None:
    c = simple(True)
    compare(*c.quantized("int8", "int8", 0.5, 3, 0.1, w_zero=5))


@pytest.mark.parametrize("kernel", [(1, 1), (1, 2), (3, 3), (5, 5), (7, 1)])
@pytest.mark.parametrize("channels", [1, 8, 19, 64])
def test_kernels_and_channels(kernel: tuple[int, int], channels: int) -> None:
    c = simple(True, input_shape=(2, 9, 9, channels), kernel=kernel, out_c=channels, stride=(2, 2))
    compare(*c.quantized("int8", "int8", 0.5, 3, c.channel_scales(), out_zero=-4))
    compare(*c.float_weights("float32"), magnitude=c.float_magnitude)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_resize(threads: int) -> None:
    c = simple(True, stride=(2, 1))
    model, _ = c.quantized("int8", "int8", 0.5, -3, c.channel_scales(), out_zero=4)
    for shape in [(3, 8, 9, 4), (1, 1, 1, 4), (0, 5, 6, 4)]:
        x = c.random("int8", shape)
        if shape[0]:
            compare(model, [x], resize=[shape], threads=threads)
        else:
            ours = Model(load_ir(model), threads=threads)
            ours.resize(shape)
            assert ours(x).shape == (0, 3, 6, 8)


def test_large_dilation_needs_no_memory() -> None:
    c = simple(True, dilation=(32767, 30000))
    compare(*c.quantized("int8", "int8", 0.5, -3, c.channel_scales(), out_zero=4))


def _error(inputs: list[T], y: T, **options: object) -> str:
    arguments = {"padding": "SAME", "stride_h": 1, "stride_w": 1, "depth_multiplier": 2, **options}
    with pytest.raises(ModelError) as caught:
        Model(load_ir(build("DEPTHWISE_CONV_2D", inputs, [y], **arguments)), threads=1)
    return str(caught.value)


def test_errors() -> None:
    def x(c: int = 4) -> T:
        return T("int8", (1, 5, 5, c), 1.0)

    def w(shape: tuple[int, ...] = (1, 3, 3, 8), **q: object) -> T:
        return T("int8", shape, **{"scale": 1.0, **q}, data=np.zeros(shape))

    y = T("int8", (1, 5, 5, 8), 1.0)
    assert "stride_w" in _error([x(), w()], y, stride_w=0)
    assert "no multiple of the input's 3" in _error([x(3), w()], y)
    assert "[1, height, width, channels] expected" in _error([x(), w((2, 3, 3, 8))], y)
    assert "bias has shape [7]" in _error([x(), w(), T("int32", (7,), 1.0, data=np.zeros(7))], y)
    assert "bias is int64; int32 expected" in _error([x(), w(), T("int64", (8,), 1.0, data=np.zeros(8))], y)
    assert "scales" in _error([x(8), w((1, 3, 3, 8), scale=[1.0] * 3, axis=2)], y)
    text = _error([x(), T("int32", (1, 3, 3, 8), 1.0, data=np.zeros((1, 3, 3, 8)))], y)
    assert "DEPTHWISE_CONV_2D" in text
    assert "supported are" in text
