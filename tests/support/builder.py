"""Small models for tests, in a line or two each.

One operator:

>>> from tests.support.builder import T, build
>>> model = build(
...     "CONV_2D",
...     inputs=[
...         T("int8", (1, 8, 8, 3), scale=0.5, zero_point=-3),                      # a graph input
...         T("int8", (4, 3, 3, 3), scale=[0.1, 0.2, 0.3, 0.4], axis=0, data=w),    # a constant, per channel
...         T("int32", (4,), scale=[0.05, 0.1, 0.15, 0.2], axis=0, data=b),
...     ],
...     outputs=[T("int8", (1, 8, 8, 4), scale=0.7, zero_point=5)],
...     padding="SAME", stride_w=1, stride_h=1,
... )                                                                               # bytes of a .tflite file

`None` in `inputs` is an optional input that is left out; `const(array)` a constant without quantization;
`T(..., variable=True)` the state of a stateful operator. Attributes are the field names of the schema, and a wrong one
raises. A custom operator: `build("MyOp", ..., custom=True, alpha=0.5)`; its attributes become a flexbuffer.

Several operators, by tensor; `T` objects are the wires:

>>> g = Net()
>>> x = g.input(T("float32", (2, 3)))
>>> y = g.op("ABS", [x], T("float32", (2, 3)))
>>> z = g.op("ADD", [x, y], T("float32", (2, 3)), fused_activation_function="RELU")
>>> model = g.build(outputs=[z])

Several graphs: `g.build(outputs=[z], subgraphs=[then_net, else_net])`, each a `Net` with its `outputs` set
(`then_net.outputs = [...]`); they are numbered from 1 in the order given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from sanderling import ir
from sanderling.exporters import tflite


@dataclass(eq=False)
class T:
    """A tensor: a graph input or a computed value, or with `data` a constant.

    `scale` and `zero_point` are numbers, or one for each slice along `axis`. `data` of a type such as "int4" is packed
    (see `pack_int4`). `signature` is the shape with -1 for free dimensions.
    """

    dtype: str
    shape: Sequence[int]
    scale: float | Sequence[float] | npt.NDArray[Any] | None = None
    zero_point: int | Sequence[int] | npt.NDArray[Any] = 0
    axis: int = 0
    data: npt.ArrayLike | None = None
    name: str = ""
    variable: bool = False
    signature: Sequence[int] | None = None

    def to_ir(self, name: str) -> ir.Tensor:
        """Return the tensor in the intermediate representation."""
        quantization = None
        if self.scale is not None:
            scale = np.atleast_1d(np.asarray(self.scale, np.float32))
            zero_point = np.broadcast_to(np.atleast_1d(np.asarray(self.zero_point, np.int64)), scale.shape)
            quantization = ir.Quantization(scale, zero_point, self.axis)
        shape = tuple(int(n) for n in self.shape)
        data = None
        if self.data is not None:
            data = np.ascontiguousarray(np.asarray(self.data, ir.DTYPES[self.dtype]))
            data = data if self.dtype in ir.PACKED_BITS or self.dtype == "string" else data.reshape(shape)
        signature = None if self.signature is None else tuple(self.signature)
        return ir.Tensor(self.name or name, self.dtype, shape, signature, quantization, data, self.variable)


TensorSpec = T


def const(data: npt.ArrayLike, dtype: str | None = None, **options: Any) -> T:
    """Make a constant from an array; Python integers are int32 and floats float32 unless `dtype` says otherwise."""
    array = np.asarray(data)
    if dtype is None:
        plain = not isinstance(data, np.ndarray | np.generic)
        dtype = {"int64": "int32", "float64": "float32"}.get(array.dtype.name, array.dtype.name) if plain else None
        dtype = dtype or array.dtype.name
    return T(dtype, array.shape, data=array, **options)


def pack_int4(values: npt.ArrayLike) -> npt.NDArray[np.uint8]:
    """Pack values in -8..7 two a byte, low nibble first, as int4 constants are stored."""
    flat = np.asarray(values, np.int64).reshape(-1) & 15
    flat = np.append(flat, np.zeros(flat.size % 2, np.int64))
    return (flat[0::2] | flat[1::2] << 4).astype(np.uint8)


@dataclass(eq=False)
class Net:
    """A graph in the making; see the module's examples."""

    name: str = "main"
    inputs: list[T] = field(default_factory=list)
    outputs: list[T] = field(default_factory=list)
    _nodes: list[tuple[str, list[T | None], list[T], dict[str, Any], bool, list[T]]] = field(default_factory=list)

    def input(self, tensor: T) -> T:
        """Declare an input of the graph."""
        self.inputs.append(tensor)
        return tensor

    def op(
        self,
        op: str,
        inputs: Sequence[T | None],
        outputs: T | Sequence[T],
        *,
        custom: bool = False,
        intermediates: Sequence[T] = (),
        **attributes: Any,
    ) -> Any:
        """Add an operator; returns `outputs`, one tensor or a list as it was given."""
        results = [outputs] if isinstance(outputs, T) else list(outputs)
        self._nodes.append((op, list(inputs), results, attributes, custom, list(intermediates)))
        return outputs if isinstance(outputs, T) else results

    def graph(self) -> ir.Graph:
        """Return the graph in the intermediate representation."""
        tensors: list[ir.Tensor] = []
        index: dict[int, int] = {}

        def number(tensor: T | None) -> int:
            if tensor is None:
                return ir.ABSENT
            if id(tensor) not in index:
                index[id(tensor)] = len(tensors)
                tensors.append(tensor.to_ir(f"t{len(tensors)}"))
            return index[id(tensor)]

        inputs = [number(t) for t in self.inputs]
        nodes = [
            ir.Node(
                op,
                [number(t) for t in takes],
                [number(t) for t in gives],
                attributes,
                custom,
                [number(t) for t in between],
            )
            for op, takes, gives, attributes, custom, between in self._nodes
        ]
        return ir.Graph(self.name, tensors, nodes, inputs, [number(t) for t in self.outputs])

    def model(self, outputs: Sequence[T] | None = None, subgraphs: Sequence[Net] = ()) -> ir.Model:
        """Return a model with this as the main graph; `outputs` replaces the graph's outputs."""
        if outputs is not None:
            self.outputs = list(outputs)
        return ir.Model([self.graph(), *(net.graph() for net in subgraphs)], source="<test>")

    def build(self, outputs: Sequence[T] | None = None, subgraphs: Sequence[Net] = ()) -> bytes:
        """Return the model as the content of a .tflite file."""
        return tflite.to_bytes(self.model(outputs, subgraphs))


def build_ir(
    op: str,
    inputs: Sequence[T | None],
    outputs: T | Sequence[T],
    *,
    custom: bool = False,
    intermediates: Sequence[T] = (),
    **attributes: Any,
) -> ir.Model:
    """Make a model of one operator; every input that is no constant and no variable becomes a graph input.

    Parameters
    ----------
    op : str
        Name of the operator.
    inputs : sequence of T or None
        In the operator's order; None where an optional input is left out. The same T twice is one graph input.
    outputs : T or sequence of T
        Their shapes are declarations; the interpreters infer the real ones.
    custom : bool
        `op` is a custom operator; `attributes` become its flexbuffer (or `custom_options=bytes` as they are).
    **attributes
        Options by the schema's field names; the rest has the schema's defaults.

    Returns
    -------
    ir.Model
    """
    net = Net()
    for tensor in inputs:
        if tensor is not None and tensor.data is None and not tensor.variable and tensor not in net.inputs:
            net.input(tensor)
    results = [outputs] if isinstance(outputs, T) else list(outputs)
    net.op(op, inputs, results, custom=custom, intermediates=intermediates, **attributes)
    return net.model(results)


def build(
    op: str,
    inputs: Sequence[T | None],
    outputs: T | Sequence[T],
    *,
    custom: bool = False,
    intermediates: Sequence[T] = (),
    **attributes: Any,
) -> bytes:
    """Make the .tflite file of a model of one operator; see `build_ir`."""
    return tflite.to_bytes(build_ir(op, inputs, outputs, custom=custom, intermediates=intermediates, **attributes))


def adder(shape: tuple[int, ...] = (2, 3), **quantization: Any) -> bytes:
    """A model that adds its inputs a and b; float unless a scale is given."""
    dtype = "int8" if quantization else "float32"
    a, b = (T(dtype, shape, name=n, signature=(-1, *shape[1:]), **quantization) for n in "ab")
    return build("ADD", [a, b], T(dtype, shape, name="sum", **quantization), fused_activation_function="NONE")
