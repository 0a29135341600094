"""The engine's kernels as functions on numpy arrays, to try and to time them by themselves.

>>> from sanderling import kernels
>>> y = kernels.conv2d(x, w, bias, x_q=(0.5, -3), w_q=(0.1, 0), y_q=(0.7, 5), stride=2, isa="avx2")

A call makes a model of one operator, which is kept for the next call with the same shapes, options and weights. To time
a kernel without the conversions of a call:

>>> conv = kernels.conv2d.prepare(x, w, bias, x_q=(0.5, -3), w_q=(0.1, 0), y_q=(0.7, 5))
>>> conv.kernel, conv.macs, min(conv.nanoseconds() for _ in range(100))

Quantized arrays are int8, uint8 or (activations) int16, and `x_q`, `w_q`, `y_q` are their quantizations: a pair of
scale and zero point, real = scale * (q - zero_point), where a scale of weights may be an array with one for each
output channel. Without them arrays are float32. Results have the bits of TFLite's reference kernels (floats: close to
them).

Every function also takes

isa : str, optional
    The best instruction set that may be used, as in `sanderling.load`. Where an operator has no kernel for it, the next
    one runs: `prepare(...).kernel` says which.
threads : int
    Threads that share the work (default 1).

and raises

ValueError
    Shapes, quantizations, `isa` or `threads` that cannot be.
TypeError
    Arrays of other element types, or quantized ones without quantization.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from sanderling import _core
from sanderling.one_operator import (
    MODELS_KEPT,
    Affine,
    Array,
    Function,
    Operator,
    Prepared,
    elementwise,
    tensor_of,
    weighted,
)

__all__ = [
    "ACTIVATIONS", "FUNCTIONS", "MODELS_KEPT", "Affine", "Array", "Function", "Padding", "Pair", "Prepared", "Row",
    "add", "average_pool2d", "conv2d", "depthwise_conv2d", "fully_connected", "lookup", "max_pool2d", "mean", "mul",
    "rows", "softmax", "sub",
]  # fmt: skip

Pair = int | tuple[int, int]
"""For height and width: one number for both, or two."""
Padding = Literal["SAME", "VALID"]
ACTIVATIONS = ("NONE", "RELU", "RELU_N1_TO_1", "RELU6")
"""What `activation` may be."""

FUNCTIONS = ("ELU", "EXP", "GELU", "HARD_SWISH", "LEAKY_RELU", "LOGISTIC", "LOG", "RSQRT", "SQRT", "TANH")
"""What `lookup` can be asked for."""


class Row(NamedTuple):
    """A kernel: one row of a kernels.inc."""

    folder: str
    name: str
    isa: str
    available: bool
    """Whether this CPU can run it."""


def rows() -> list[Row]:
    """Return the kernels of this build, folder by folder, best first."""
    available = {*_core.available_isas(), *_core.asked_isas()}
    return [Row(folder, name, isa, isa in available) for folder, name, isa in _core.kernels()]


def _pair(value: Pair) -> tuple[int, int]:
    sides: list[Any] = [value, value] if np.ndim(value) == 0 else list(value)  # type: ignore[arg-type]
    if len(sides) != 2:
        raise ValueError(f"{value!r} has {len(sides)} values; one, or two (height, width), expected")
    return operator.index(sides[0]), operator.index(sides[1])


def _window(stride: Pair, padding: Padding, dilation: Pair, activation: str) -> dict[str, Any]:
    (stride_h, stride_w), (dilation_h, dilation_w) = _pair(stride), _pair(dilation)
    return {
        "padding": padding,
        "stride_h": stride_h,
        "stride_w": stride_w,
        "dilation_h_factor": dilation_h,
        "dilation_w_factor": dilation_w,
        "fused_activation_function": activation,
    }


@Function
def conv2d(
    x: npt.ArrayLike, w: npt.ArrayLike, bias: npt.ArrayLike | None = None, *, x_q: Affine | None = None,
    w_q: Affine | None = None, y_q: Affine | None = None, stride: Pair = 1, padding: Padding = "SAME",
    dilation: Pair = 1, activation: str = "NONE", isa: str | None = None, threads: int = 1,
) -> Operator:  # fmt: skip
    """Convolve pictures.

    Parameters
    ----------
    x : array_like of int8, uint8, int16 or float32, shape (batches, height, width, channels)
    w : array_like of int8, uint8 or float32, shape (out_channels, kernel_height, kernel_width, channels / groups)
        The type of `x`; int8 where `x` is int16.
    bias : array_like, optional, shape (out_channels,)
        int32 (int64 where `x` is int16; float32), with the scales x_scale * w_scale.
    x_q, w_q, y_q : (scale, zero point), optional
        Of the integers; `w_q` may have one scale for each output channel.
    stride, dilation : int or (height, width)
    padding : "SAME" or "VALID"
    activation : str
        One of `ACTIVATIONS`.

    Returns
    -------
    ndarray of the type of `x`, shape (batches, out_height, out_width, out_channels)
    """
    attributes = _window(stride, padding, dilation, activation)
    return weighted("CONV_2D", x, w, bias, x_q, w_q, y_q, 0, attributes, isa, threads)


@Function
def depthwise_conv2d(
    x: npt.ArrayLike, w: npt.ArrayLike, bias: npt.ArrayLike | None = None, *, x_q: Affine | None = None,
    w_q: Affine | None = None, y_q: Affine | None = None, stride: Pair = 1, padding: Padding = "SAME",
    dilation: Pair = 1, activation: str = "NONE", isa: str | None = None, threads: int = 1,
) -> Operator:  # fmt: skip
    """Convolve each channel of pictures with filters of its own.

    Parameters
    ----------
    x : array_like of int8, uint8, int16 or float32, shape (batches, height, width, channels)
    w : array_like of int8, uint8 or float32, shape (1, kernel_height, kernel_width, channels * multiplier)
        Output channel o reads input channel o // multiplier.
    bias, x_q, w_q, y_q, stride, padding, dilation, activation
        As in `conv2d`.

    Returns
    -------
    ndarray of the type of `x`, shape (batches, out_height, out_width, channels * multiplier)
    """
    attributes = _window(stride, padding, dilation, activation)
    channels = np.shape(x)[-1] if np.ndim(x) else 0
    attributes["depth_multiplier"] = np.shape(w)[-1] // channels if np.ndim(w) and channels else 1
    return weighted("DEPTHWISE_CONV_2D", x, w, bias, x_q, w_q, y_q, 3, attributes, isa, threads)


@Function
def fully_connected(
    x: npt.ArrayLike, w: npt.ArrayLike, bias: npt.ArrayLike | None = None, *, x_q: Affine | None = None,
    w_q: Affine | None = None, y_q: Affine | None = None, activation: str = "NONE", isa: str | None = None,
    threads: int = 1,
) -> Operator:  # fmt: skip
    """Multiply rows with a matrix.

    Parameters
    ----------
    x : array_like of int8, uint8, int16 or float32, shape (..., depth)
    w : array_like of int8, uint8 or float32, shape (out_channels, depth)
    bias, x_q, w_q, y_q, activation
        As in `conv2d`.

    Returns
    -------
    ndarray of the type of `x`, shape (..., out_channels)
    """
    attributes = {
        "fused_activation_function": activation,
        "weights_format": "DEFAULT",
        "keep_num_dims": True,
        "asymmetric_quantize_inputs": False,
    }
    return weighted("FULLY_CONNECTED", x, w, bias, x_q, w_q, y_q, 0, attributes, isa, threads)


@Function
def add(
    a: npt.ArrayLike, b: npt.ArrayLike, *, a_q: Affine | None = None, b_q: Affine | None = None,
    y_q: Affine | None = None, activation: str = "NONE", isa: str | None = None, threads: int = 1,
) -> Operator:  # fmt: skip
    """Add arrays of one type, each with its own quantization.

    Parameters
    ----------
    a, b : array_like of int8, uint8, int16 or float32
        Of the same shape, or of shapes that broadcast as numpy's do.
    a_q, b_q, y_q : (scale, zero point), optional
        Of the integers.
    activation : str
        One of `ACTIVATIONS`.

    Returns
    -------
    ndarray of the type of `a`
    """
    attributes = {"fused_activation_function": activation, "pot_scale_int16": False}
    return elementwise("ADD", [(a, a_q), (b, b_q)], y_q, attributes, isa, threads)


@Function
def sub(
    a: npt.ArrayLike, b: npt.ArrayLike, *, a_q: Affine | None = None, b_q: Affine | None = None,
    y_q: Affine | None = None, activation: str = "NONE", isa: str | None = None, threads: int = 1,
) -> Operator:  # fmt: skip
    """Subtract `b` from `a`; arguments and result as in `add`."""
    attributes = {"fused_activation_function": activation, "pot_scale_int16": False}
    return elementwise("SUB", [(a, a_q), (b, b_q)], y_q, attributes, isa, threads)


@Function
def mul(
    a: npt.ArrayLike, b: npt.ArrayLike, *, a_q: Affine | None = None, b_q: Affine | None = None,
    y_q: Affine | None = None, activation: str = "NONE", isa: str | None = None, threads: int = 1,
) -> Operator:  # fmt: skip
    """Multiply arrays element by element; arguments and result as in `add`."""
    attributes = {"fused_activation_function": activation}
    return elementwise("MUL", [(a, a_q), (b, b_q)], y_q, attributes, isa, threads)


@Function
def lookup(
    x: npt.ArrayLike, function: str, *, x_q: Affine | None = None, y_q: Affine | None = None, alpha: float = 0.2,
    isa: str | None = None, threads: int = 1,
) -> Operator:  # fmt: skip
    """Apply a function of one variable; for 8-bit values it is a table of 256 entries.

    Parameters
    ----------
    x : array_like of int8, uint8, int16 or float32, of any shape
        Not every function has every type.
    function : str
        One of `FUNCTIONS`.
    x_q, y_q : (scale, zero point), optional
        Of the integers. LOGISTIC and TANH have one output quantization only: (1 / 256, -128) and (1 / 128, 0) for int8.
    alpha : float
        Slope of LEAKY_RELU below 0.

    Returns
    -------
    ndarray of the type and shape of `x`
    """
    if function not in FUNCTIONS:
        raise ValueError(f"function is {function!r}; expected: {', '.join(FUNCTIONS)}")
    attributes: dict[str, Any] = {}
    if function == "LEAKY_RELU":
        attributes["alpha"] = float(alpha)
    elif function == "GELU":
        attributes["approximate"] = False
    return elementwise(function, [(x, x_q)], y_q, attributes, isa, threads)


def _pool(size: Pair, stride: Pair | None, padding: Padding, activation: str) -> dict[str, Any]:
    (filter_h, filter_w), (stride_h, stride_w) = _pair(size), _pair(size if stride is None else stride)
    return {
        "padding": padding,
        "filter_height": filter_h,
        "filter_width": filter_w,
        "stride_h": stride_h,
        "stride_w": stride_w,
        "fused_activation_function": activation,
    }


@Function
def average_pool2d(
    x: npt.ArrayLike, size: Pair, *, x_q: Affine | None = None, stride: Pair | None = None,
    padding: Padding = "VALID", activation: str = "NONE", isa: str | None = None, threads: int = 1,
) -> Operator:  # fmt: skip
    """Average over windows; padding is not part of a window.

    Parameters
    ----------
    x : array_like of int8, uint8, int16 or float32, shape (batches, height, width, channels)
    size : int or (height, width)
        Of the window.
    x_q : (scale, zero point), optional
        Of the integers; the result has the same.
    stride : int or (height, width), optional
        Default: `size`.
    padding : "SAME" or "VALID"
    activation : str
        One of `ACTIVATIONS`.

    Returns
    -------
    ndarray of the type of `x`, shape (batches, out_height, out_width, channels)
    """
    return elementwise("AVERAGE_POOL_2D", [(x, x_q)], x_q, _pool(size, stride, padding, activation), isa, threads)


@Function
def max_pool2d(
    x: npt.ArrayLike, size: Pair, *, x_q: Affine | None = None, stride: Pair | None = None,
    padding: Padding = "VALID", activation: str = "NONE", isa: str | None = None, threads: int = 1,
) -> Operator:  # fmt: skip
    """Take the largest value of windows; arguments and result as in `average_pool2d`."""
    return elementwise("MAX_POOL_2D", [(x, x_q)], x_q, _pool(size, stride, padding, activation), isa, threads)


@Function
def mean(
    x: npt.ArrayLike, axes: int | Sequence[int] = (1, 2), *, x_q: Affine | None = None, y_q: Affine | None = None,
    keep_dims: bool = False, isa: str | None = None, threads: int = 1,
) -> Operator:  # fmt: skip
    """Average over whole axes.

    Parameters
    ----------
    x : array_like of int8, uint8, int16 or float32
    axes : int or sequence of int
        Default: height and width of pictures.
    x_q, y_q : (scale, zero point), optional
        Of the integers.
    keep_dims : bool
        Keep the axes, with extent 1.

    Returns
    -------
    ndarray of the type of `x`
    """
    wanted = elementwise("MEAN", [(x, x_q)], y_q, {"keep_dims": keep_dims}, isa, threads)
    numbers = np.array([operator.index(a) for a in np.atleast_1d(axes)], np.int32)
    wanted.operands.append(tensor_of("axes", numbers, constant=True))
    return wanted


@Function
def softmax(
    x: npt.ArrayLike, *, x_q: Affine | None = None, beta: float = 1.0, isa: str | None = None, threads: int = 1
) -> Operator:
    """Turn the last axis into probabilities: exp(beta * x) over its sum.

    Parameters
    ----------
    x : array_like of int8, uint8, int16 or float32
    x_q : (scale, zero point), optional
        Of the integers.
    beta : float

    Returns
    -------
    ndarray of the type and shape of `x`
        int8 has the quantization (1 / 256, -128), uint8 (1 / 256, 0), int16 (1 / 32768, 0).
    """
    outputs: dict[str, Affine] = {"int8": (1 / 256, -128), "uint8": (1 / 256, 0), "int16": (1 / 32768, 0)}
    y_q = outputs.get(np.asarray(x).dtype.name)
    return elementwise("SOFTMAX", [(x, x_q)], y_q, {"beta": float(beta)}, isa, threads)
