"""The intermediate representation: plain dataclasses between importers, passes, exporters and the engine.

Importing this module needs numpy only; a model can be inspected without the compiled core.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

ABSENT = -1
"""Tensor index of an optional operator input that was left out."""

DTYPES: dict[str, np.dtype[Any]] = {
    "float32": np.dtype(np.float32),
    "float16": np.dtype(np.float16),
    "float64": np.dtype(np.float64),
    "int8": np.dtype(np.int8),
    "uint8": np.dtype(np.uint8),
    "int16": np.dtype(np.int16),
    "uint16": np.dtype(np.uint16),
    "int32": np.dtype(np.int32),
    "uint32": np.dtype(np.uint32),
    "int64": np.dtype(np.int64),
    "uint64": np.dtype(np.uint64),
    "bool": np.dtype(np.bool_),
    "complex64": np.dtype(np.complex64),
    "complex128": np.dtype(np.complex128),
    # Packed two values a byte, low nibble first, in a flat uint8 array; unpacked when a plan is made.
    "int4": np.dtype(np.uint8),
    "uint4": np.dtype(np.uint8),
    # The same with four values a byte.
    "int2": np.dtype(np.uint8),
    # The bits of types that numpy does not have.
    "bfloat16": np.dtype(np.uint16),
    "float8_e4m3fn": np.dtype(np.uint8),
    "float8_e5m2": np.dtype(np.uint8),
    # TFLite's string buffer (count, offsets, characters), flat and of any length.
    "string": np.dtype(np.uint8),
    # A handle to a variable of the model (VAR_HANDLE); carries no data.
    "resource": np.dtype(np.int32),
    # A list of tensors; carries no data.
    "variant": np.dtype(np.int32),
}
"""Element type name -> numpy dtype of the stored data."""

PACKED_BITS = {"int4": 4, "uint4": 4, "int2": 2}
"""Bits of one value, for the types that are stored packed."""


@dataclass
class Quantization:
    """Affine quantization: real = scale * (q - zero_point).

    Attributes
    ----------
    scale : ndarray of float32, shape (n,)
        One value for the whole tensor, or one for each slice along `axis`.
    zero_point : ndarray of int64, shape (n,)
    axis : int
        Dimension that per-channel values belong to; ignored where n is 1.
    """

    scale: np.ndarray
    zero_point: np.ndarray
    axis: int = 0

    @property
    def per_channel(self) -> bool:
        return self.scale.size > 1


@dataclass
class Tensor:
    """A value of the graph.

    Attributes
    ----------
    dtype : str
        A key of `DTYPES`.
    shape : tuple of int
        The shape at which the model was saved (batch and free dimensions mostly 1).
    shape_signature : tuple of int or None
        The same with -1 for each dimension that may be resized; None where the file does not say.
    data : ndarray or None
        The value of a constant, of shape `shape` (packed types and strings: flat); None for what is computed.
    is_variable : bool
        State that an operator keeps between runs.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    shape_signature: tuple[int, ...] | None = None
    quantization: Quantization | None = None
    data: np.ndarray | None = None
    is_variable: bool = False


@dataclass
class Node:
    """One operator of a graph.

    Attributes
    ----------
    op : str
        TFLite's builtin name ("CONV_2D"), or the custom code where `custom` is true.
    inputs, outputs, intermediates : list of int
        Indices into `Graph.tensors`; `ABSENT` for an optional input that was left out.
    attributes : dict
        Options by the field names of TFLite's schema. Values are bool, int, float, str (enumerations by their
        names: padding "SAME", fused_activation_function "RELU6", out_data_type "int32"), or a list of these.
    """

    op: str
    inputs: list[int]
    outputs: list[int]
    attributes: dict[str, Any] = field(default_factory=dict)
    custom: bool = False
    intermediates: list[int] = field(default_factory=list)


@dataclass
class Graph:
    """Tensors and the operators that connect them, in execution order."""

    name: str = ""
    tensors: list[Tensor] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    inputs: list[int] = field(default_factory=list)
    outputs: list[int] = field(default_factory=list)


@dataclass
class Signature:
    """A named entry point: argument names to tensors of one graph."""

    key: str
    graph: int
    inputs: dict[str, int]
    outputs: dict[str, int]


@dataclass(frozen=True)
class Golden:
    """What a compiled model's outputs have to be.

    Attributes
    ----------
    seed, count : int
        Runs on seeded inputs (`sanderling.seeded`), seeds from `seed` on.
    outputs : tuple of str
        SHA-256 in hexadecimal of each output over all runs; "" for one that instruction sets give differently.
    """

    seed: int
    count: int
    outputs: tuple[str, ...]


@dataclass
class Model:
    """A whole model; `graphs[0]` is the main graph, the others are called by IF, WHILE, CALL_ONCE or a signature.

    `source` names the file in messages; `labels` are names of classes, where the file itself has them.
    """

    graphs: list[Graph]
    source: str = "<memory>"
    signatures: list[Signature] = field(default_factory=list)
    description: str = ""
    metadata: dict[str, bytes] = field(default_factory=dict)
    labels: list[str] = field(default_factory=list)
    golden: Golden | None = None
    # The engine's own form, of a compiled model.
    native: Any = None
