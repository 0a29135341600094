"""One operator as a function on numpy arrays: what the functions of `sanderling.kernels` are made of."""

from __future__ import annotations

import hashlib
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import update_wrapper
from typing import Any, Generic, ParamSpec

import numpy as np
import numpy.typing as npt

from sanderling import ir
from sanderling.errors import ModelError
from sanderling.model import Model

Array = npt.NDArray[Any]
Affine = tuple[npt.ArrayLike, npt.ArrayLike]
"""Scale and zero point."""
P = ParamSpec("P")

MODELS_KEPT = 32
"""Models of one operator that are kept for the next call, at most; each holds its weights."""


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
class Operator:
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


def _new_lock() -> None:
    """In a forked child, where the thread that held the lock does not exist."""
    global _lock
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_new_lock)


class Function(Generic[P]):
    """A kernel as a function; `prepare` takes the same arguments and does everything but the run."""

    def __init__(self, describe: Callable[P, Operator]) -> None:
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
        dropped = []  # freed without the lock: to end their threads takes time
        with _lock:
            _models[key] = model
            while len(_models) > MODELS_KEPT:
                dropped.append(_models.popitem(last=False))
        return Prepared(model, wanted.inputs)


def _make_model(wanted: Operator, name: str) -> Model:
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


def quantization_of(dtype: str, q: Affine | None, what: str, axis: int = 0) -> ir.Quantization | None:
    if dtype == "float32":
        if q is not None:
            raise TypeError(f"{what} is float32 and has no quantization, but one is given")
        return None
    if q is None:
        raise TypeError(f"{what} is {dtype}: its quantization (scale, zero point) is missing")
    scale = np.atleast_1d(np.asarray(q[0], np.float32))
    if not ((scale > 0) & (scale < np.inf)).all():
        raise ValueError(f"{what} has scale {q[0]}; positive numbers expected")
    zeros = np.asarray(q[1])
    if zeros.dtype.kind not in "iu":
        raise TypeError(f"{what} has zero point {q[1]}; whole numbers expected")
    zero_point = np.broadcast_to(np.atleast_1d(zeros.astype(np.int64)), scale.shape)
    return ir.Quantization(scale, zero_point, axis)


def array_of(value: npt.ArrayLike, what: str, dtypes: Sequence[str]) -> Array:
    array = np.ascontiguousarray(value)
    if array.dtype.name not in dtypes:
        raise TypeError(f"{what} is {array.dtype}; expected: {', '.join(dtypes)}")
    return array.reshape(np.shape(value))


def tensor_of(name: str, array: Array, q: ir.Quantization | None = None, constant: bool = False) -> ir.Tensor:
    return ir.Tensor(name, array.dtype.name, array.shape, quantization=q, data=array if constant else None)


_ACTIVATION_TYPES = ("int8", "uint8", "int16", "float32")
_WEIGHT_TYPES = ("int8", "uint8", "float32")


def elementwise(
    op: str, operands: Sequence[tuple[npt.ArrayLike, Affine | None]], y_q: Affine | None, attributes: dict[str, Any],
    isa: str | None, threads: int,
) -> Operator:  # fmt: skip
    """Describe an operator whose inputs and output have one element type, and no constants."""
    names = "x" if len(operands) == 1 else "ab"
    arrays = [array_of(value, name, _ACTIVATION_TYPES) for name, (value, _) in zip(names, operands, strict=True)]
    dtype = arrays[0].dtype.name
    for name, array in zip(names, arrays, strict=True):
        if array.dtype.name != dtype:
            raise TypeError(f"{name} is {array.dtype}, but {names[0]} is {dtype}")
    tensors = [
        tensor_of(name, array, quantization_of(dtype, q, name))
        for name, array, (_, q) in zip(names, arrays, operands, strict=True)
    ]
    output = ir.Tensor("y", dtype, (), quantization=quantization_of(dtype, y_q, "y"))
    return Operator(op, tensors, output, arrays, attributes, isa, threads)


def weighted(
    op: str, x: npt.ArrayLike, w: npt.ArrayLike, bias: npt.ArrayLike | None, x_q: Affine | None, w_q: Affine | None,
    y_q: Affine | None, axis: int, attributes: dict[str, Any], isa: str | None, threads: int,
) -> Operator:  # fmt: skip
    """Describe an operator with weights, whose output channels are along `axis`, and a bias."""
    data, weights = array_of(x, "x", _ACTIVATION_TYPES), array_of(w, "w", _WEIGHT_TYPES)
    dtype = data.dtype.name
    x_affine, w_affine = quantization_of(dtype, x_q, "x"), quantization_of(weights.dtype.name, w_q, "w", axis)
    operands = [tensor_of("x", data, x_affine), tensor_of("w", weights, w_affine, constant=True)]
    if bias is not None:
        kind = {"float32": "float32", "int16": "int64"}.get(dtype, "int32")
        terms = array_of(bias, "bias", (kind,))
        q = None
        if x_affine is not None and w_affine is not None:
            scale = (x_affine.scale * w_affine.scale).astype(np.float32)
            q = ir.Quantization(scale, np.zeros(scale.shape, np.int64))
        operands.append(tensor_of("bias", terms, q, constant=True))
    output = ir.Tensor("y", dtype, (), quantization=quantization_of(dtype, y_q, "y"))
    return Operator(op, operands, output, [data], attributes, isa, threads)
