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

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import update_wrapper
from typing import Any, Generic, Literal, NamedTuple, ParamSpec

import numpy as np
import numpy.typing as npt

from sanderling import _core, ir
from sanderling.errors import ModelError
from sanderling.model import Model

Array = npt.NDArray[Any]
Affine = tuple[npt.ArrayLike, npt.ArrayLike]
"""Scale and zero point."""
Pair = int | tuple[int, int]
"""For height and width: one number for both, or two."""
Padding = Literal["SAME", "VALID"]
P = ParamSpec("P")

ACTIVATIONS = ("NONE", "RELU", "RELU_N1_TO_1", "RELU6")
"""What `activation` may be."""

FUNCTIONS = ("ELU", "EXP", "GELU", "HARD_SWISH", "LEAKY_RELU", "LOGISTIC", "LOG", "RSQRT", "SQRT", "TANH")
"""What `lookup` can be asked for."""

MODELS_KEPT = 32
"""Models of one operator that are kept for the next call, at most; each holds its weights."""


class Row(NamedTuple):
    """A kernel: one row of a kernels.inc."""

    folder: str
    name: str
    isa: str
    available: bool
    """Whether this CPU can run it."""


def rows() -> list[Row]:
    """Return the kernels of this build, folder by folder, best first."""
    available = set(_core.available_isas())
    return [Row(folder, name, isa, isa in available) for folder, name, isa in _core.kernels()]


class Prepared:
    """An operator with its weights packed, ready to run again and again on the same inputs (which are not copied).

    Attributes
    ----------
    model : Model
        The model of this one operator.
    """

    def __init__(self, model: Model, inputs: list[Array]) -> None:
        self.model = model
        self._inputs = inputs

    def __call__(self) -> Array:
        """Return the result, a new array."""
        results = self.model._runner.run(0, self._inputs)
        return results[0]

    def nanoseconds(self) -> float:
        """Run once and return the operator's own time: without Python, and without copies of inputs and results."""
        return self.model._runner.run_profiled(0, self._inputs)[1][0]

    @property
    def kernel(self) -> str:
        """Instruction set and name of the row that runs, "avx2/panels"; the set alone where there are no rows."""
        return str(self.model._runner.steps(0)[0]["kernel"])

    @property
    def macs(self) -> int:
        """Multiply-adds of one run; 0 for operators without."""
        return int(self.model._runner.steps(0)[0]["macs"])


@dataclass
class _Operator:
    """What a function wants to be run."""

    op: str
    operands: list[ir.Tensor]
    output: ir.Tensor
    inputs: list[Array]  # values of the operands that are not constant
    attributes: dict[str, Any]
    isa: str | None
    threads: int

    def key(self) -> tuple[Any, ...]:
        parts: list[Any] = [self.op, self.isa, self.threads, repr(self.attributes)]
        for t in (*self.operands, self.output):
            parts += [t.dtype, t.shape]
            if t.quantization is not None:
                parts += [t.quantization.scale.tobytes(), t.quantization.zero_point.tobytes()]
            if t.data is not None:
                parts.append(hashlib.blake2b(t.data.tobytes()).digest())
        return tuple(parts)


_models: OrderedDict[tuple[Any, ...], Model] = OrderedDict()
_lock = threading.Lock()


class Function(Generic[P]):
    """A kernel as a function; `prepare` takes the same arguments and does everything but the run."""

    def __init__(self, describe: Callable[P, _Operator]) -> None:
        self._describe = describe
        update_wrapper(self, describe)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Array:
        """Run the operator."""
        return self.prepare(*args, **kwargs)()

    def prepare(self, *args: P.args, **kwargs: P.kwargs) -> Prepared:
        """Make the operator ready to run; see `Prepared`."""
        wanted = self._describe(*args, **kwargs)
        key = wanted.key()
        with _lock:
            model = _models.pop(key, None)
        if model is None:
            model = _make_model(wanted, self._describe.__name__)
        with _lock:
            _models[key] = model
            while len(_models) > MODELS_KEPT:
                _models.popitem(last=False)
        return Prepared(model, wanted.inputs)


def _make_model(wanted: _Operator, name: str) -> Model:
    # Copies: the caller may change his arrays while the model is kept.
    constants = [t if t.data is None else replace(t, data=t.data.copy()) for t in wanted.operands]
    tensors = [*constants, wanted.output]
    last = len(tensors) - 1
    node = ir.Node(wanted.op, list(range(last)), [last], wanted.attributes)
    inputs = [i for i, t in enumerate(wanted.operands) if t.data is None]
    graph = ir.Graph(name, tensors, [node], inputs, [last])
    try:
        return Model(ir.Model([graph], source=f"kernels.{name}"), isa=wanted.isa, threads=wanted.threads)
    except ModelError as e:
        raise ValueError(str(e)) from None


def _quantization(dtype: str, q: Affine | None, what: str, axis: int = 0) -> ir.Quantization | None:
    if dtype == "float32":
        if q is not None:
            raise TypeError(f"{what} is float32 and has no quantization, but one is given")
        return None
    if q is None:
        raise TypeError(f"{what} is {dtype}: its quantization (scale, zero point) is missing")
    scale = np.atleast_1d(np.asarray(q[0], np.float32))
    zero_point = np.broadcast_to(np.atleast_1d(np.asarray(q[1], np.int64)), scale.shape)
    return ir.Quantization(scale, zero_point, axis)


def _array(value: npt.ArrayLike, what: str, dtypes: Sequence[str]) -> Array:
    array = np.ascontiguousarray(value)
    if array.dtype.name not in dtypes:
        raise TypeError(f"{what} is {array.dtype}; expected: {', '.join(dtypes)}")
    return array.reshape(np.shape(value))


def _tensor(name: str, array: Array, q: ir.Quantization | None = None, constant: bool = False) -> ir.Tensor:
    return ir.Tensor(name, array.dtype.name, array.shape, quantization=q, data=array if constant else None)


def _pair(value: Pair) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (int(value[0]), int(value[1]))


_ACTIVATION_TYPES = ("int8", "uint8", "int16", "float32")
_WEIGHT_TYPES = ("int8", "uint8", "float32")


def _elementwise(
    op: str, operands: Sequence[tuple[npt.ArrayLike, Affine | None]], y_q: Affine | None, attributes: dict[str, Any],
    isa: str | None, threads: int,
) -> _Operator:  # fmt: skip
    """Describe an operator whose inputs and output have one element type, and no constants."""
    names = "x" if len(operands) == 1 else "ab"
    arrays = [_array(value, name, _ACTIVATION_TYPES) for name, (value, _) in zip(names, operands, strict=True)]
    dtype = arrays[0].dtype.name
    for name, array in zip(names, arrays, strict=True):
        if array.dtype.name != dtype:
            raise TypeError(f"{name} is {array.dtype}, but {names[0]} is {dtype}")
    tensors = [
        _tensor(name, array, _quantization(dtype, q, name))
        for name, array, (_, q) in zip(names, arrays, operands, strict=True)
    ]
    output = ir.Tensor("y", dtype, (), quantization=_quantization(dtype, y_q, "y"))
    return _Operator(op, tensors, output, arrays, attributes, isa, threads)


def _weighted(
    op: str, x: npt.ArrayLike, w: npt.ArrayLike, bias: npt.ArrayLike | None, x_q: Affine | None, w_q: Affine | None,
    y_q: Affine | None, axis: int, attributes: dict[str, Any], isa: str | None, threads: int,
) -> _Operator:  # fmt: skip
    """Describe an operator with weights, whose output channels are along `axis`, and a bias."""
    data, weights = _array(x, "x", _ACTIVATION_TYPES), _array(w, "w", _WEIGHT_TYPES)
    dtype = data.dtype.name
    x_affine, w_affine = _quantization(dtype, x_q, "x"), _quantization(weights.dtype.name, w_q, "w", axis)
    operands = [_tensor("x", data, x_affine), _tensor("w", weights, w_affine, constant=True)]
    if bias is not None:
        kind = {"float32": "float32", "int16": "int64"}.get(dtype, "int32")
        terms = _array(bias, "bias", (kind,))
        q = None
        if x_affine is not None and w_affine is not None:
            scale = (x_affine.scale * w_affine.scale).astype(np.float32)
            q = ir.Quantization(scale, np.zeros(scale.shape, np.int64))
        operands.append(_tensor("bias", terms, q, constant=True))
    output = ir.Tensor("y", dtype, (), quantization=_quantization(dtype, y_q, "y"))
    return _Operator(op, operands, output, [data], attributes, isa, threads)


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
) -> _Operator:  # fmt: skip
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
    return _weighted("CONV_2D", x, w, bias, x_q, w_q, y_q, 0, attributes, isa, threads)


@Function
def depthwise_conv2d(
    x: npt.ArrayLike, w: npt.ArrayLike, bias: npt.ArrayLike | None = None, *, x_q: Affine | None = None,
    w_q: Affine | None = None, y_q: Affine | None = None, stride: Pair = 1, padding: Padding = "SAME",
    dilation: Pair = 1, activation: str = "NONE", isa: str | None = None, threads: int = 1,
) -> _Operator:  # fmt: skip
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
    return _weighted("DEPTHWISE_CONV_2D", x, w, bias, x_q, w_q, y_q, 3, attributes, isa, threads)


@Function
def fully_connected(
    x: npt.ArrayLike, w: npt.ArrayLike, bias: npt.ArrayLike | None = None, *, x_q: Affine | None = None,
    w_q: Affine | None = None, y_q: Affine | None = None, activation: str = "NONE", isa: str | None = None,
    threads: int = 1,
) -> _Operator:  # fmt: skip
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
    return _weighted("FULLY_CONNECTED", x, w, bias, x_q, w_q, y_q, 0, attributes, isa, threads)


@Function
def add(
    a: npt.ArrayLike, b: npt.ArrayLike, *, a_q: Affine | None = None, b_q: Affine | None = None,
    y_q: Affine | None = None, activation: str = "NONE", isa: str | None = None, threads: int = 1,
) -> _Operator:  # fmt: skip
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
    return _elementwise("ADD", [(a, a_q), (b, b_q)], y_q, attributes, isa, threads)


@Function
def sub(
    a: npt.ArrayLike, b: npt.ArrayLike, *, a_q: Affine | None = None, b_q: Affine | None = None,
    y_q: Affine | None = None, activation: str = "NONE", isa: str | None = None, threads: int = 1,
) -> _Operator:  # fmt: skip
    """Subtract `b` from `a`; arguments and result as in `add`."""
    attributes = {"fused_activation_function": activation, "pot_scale_int16": False}
    return _elementwise("SUB", [(a, a_q), (b, b_q)], y_q, attributes, isa, threads)


@Function
def mul(
    a: npt.ArrayLike, b: npt.ArrayLike, *, a_q: Affine | None = None, b_q: Affine | None = None,
    y_q: Affine | None = None, activation: str = "NONE", isa: str | None = None, threads: int = 1,
) -> _Operator:  # fmt: skip
    """Multiply arrays element by element; arguments and result as in `add`."""
    attributes = {"fused_activation_function": activation}
    return _elementwise("MUL", [(a, a_q), (b, b_q)], y_q, attributes, isa, threads)


@Function
def lookup(
    x: npt.ArrayLike, function: str, *, x_q: Affine | None = None, y_q: Affine | None = None, alpha: float = 0.2,
    isa: str | None = None, threads: int = 1,
) -> _Operator:  # fmt: skip
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
    return _elementwise(function, [(x, x_q)], y_q, attributes, isa, threads)


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
) -> _Operator:  # fmt: skip
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
    return _elementwise("AVERAGE_POOL_2D", [(x, x_q)], x_q, _pool(size, stride, padding, activation), isa, threads)


@Function
def max_pool2d(
    x: npt.ArrayLike, size: Pair, *, x_q: Affine | None = None, stride: Pair | None = None,
    padding: Padding = "VALID", activation: str = "NONE", isa: str | None = None, threads: int = 1,
) -> _Operator:  # fmt: skip
    """Take the largest value of windows; arguments and result as in `average_pool2d`."""
    return _elementwise("MAX_POOL_2D", [(x, x_q)], x_q, _pool(size, stride, padding, activation), isa, threads)


@Function
def mean(
    x: npt.ArrayLike, axes: int | Sequence[int] = (1, 2), *, x_q: Affine | None = None, y_q: Affine | None = None,
    keep_dims: bool = False, isa: str | None = None, threads: int = 1,
) -> _Operator:  # fmt: skip
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
    wanted = _elementwise("MEAN", [(x, x_q)], y_q, {"keep_dims": keep_dims}, isa, threads)
    wanted.operands.append(_tensor("axes", np.atleast_1d(np.asarray(axes, np.int32)), constant=True))
    return wanted


@Function
def softmax(
    x: npt.ArrayLike, *, x_q: Affine | None = None, beta: float = 1.0, isa: str | None = None, threads: int = 1
) -> _Operator:
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
    return _elementwise("SOFTMAX", [(x, x_q)], y_q, {"beta": float(beta)}, isa, threads)
