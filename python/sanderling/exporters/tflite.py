"""The intermediate representation to TensorFlow Lite files (.tflite)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import flatbuffers  # type: ignore[import-untyped,unused-ignore]
import numpy as np
from flatbuffers import flexbuffers

from sanderling import ir, tflite_schema
from sanderling._atomic import write_atomically
from sanderling.errors import ModelError
from sanderling.tflite_schema import Field, Options

_ALIGNMENT = 16

_VERSIONS = {"BROADCAST_TO": 2}
"""Operator versions other than 1. Kernels do not look at the version; only the lookup of an operator does."""

_WRITERS = {
    "bool": "PrependBool",
    "byte": "PrependInt8",
    "ubyte": "PrependUint8",
    "int": "PrependInt32",
    "graph": "PrependInt32",
    "uint": "PrependUint32",
    "long": "PrependInt64",
    "ulong": "PrependUint64",
    "float": "PrependFloat32",
}


def to_bytes(model: ir.Model) -> bytes:
    """Write a model in the .tflite format.

    Parameters
    ----------
    model : ir.Model

    Returns
    -------
    bytes
        A file that gives an equal model when it is imported again.

    Raises
    ------
    ModelError
        The model holds something that the format cannot say; the message names the operator or tensor.
    """
    return _Exporter(model).run()


def save(model: ir.Model, path: str | os.PathLike[str]) -> None:
    """Write a model to a .tflite file; the file is complete or it is not there.

    Parameters
    ----------
    model : ir.Model
    path : str or PathLike

    Raises
    ------
    ModelError
        See `to_bytes`; nothing is written then.
    """
    write_atomically(path, to_bytes(model))


class _Exporter:
    def __init__(self, model: ir.Model) -> None:
        self._model = model
        size = sum(t.data.nbytes for g in model.graphs for t in g.tensors if t.data is not None)
        self._builder = flatbuffers.Builder(size + size // 64 + 4096)
        self._strings: dict[str, int] = {}
        self._buffers: list[int] = []
        # By identity: tensors that share an array share a buffer. The arrays live as long as the model.
        self._buffer_of: dict[tuple[int, tuple[int, ...], str], int] = {}
        self._codes: dict[tuple[str, bool], int] = {}
        self._place = ""

    def _fail(self, problem: str) -> ModelError:
        return ModelError(f"{self._model.source}: {self._place}: {problem}")

    def run(self) -> bytes:
        model, b = self._model, self._builder
        self._buffer(None)
        graphs = self._tables([self._graph(i, graph) for i, graph in enumerate(model.graphs)])
        signatures = self._tables([self._signature(signature) for signature in model.signatures])
        metadata = self._tables([self._metadata(name, data) for name, data in model.metadata.items()])
        codes = self._tables([self._operator_code(name, custom) for name, custom in self._codes])
        buffers = self._tables(self._buffers)
        description = self._string(model.description)
        b.StartObject(10)
        b.PrependUint32Slot(0, 3, 0)
        for slot, offset in ((1, codes), (2, graphs), (3, description), (4, buffers), (6, metadata), (7, signatures)):
            b.PrependUOffsetTRelativeSlot(slot, offset, 0)
        b.Finish(b.EndObject(), file_identifier=b"TFL3")
        return bytes(b.Output())

    def _string(self, text: str) -> int:
        if not text:
            return 0
        if text not in self._strings:
            self._strings[text] = self._builder.CreateString(text)
        return self._strings[text]

    def _tables(self, offsets: Sequence[int]) -> int:
        b = self._builder
        b.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            b.PrependUOffsetTRelative(offset)
        return int(b.EndVector())

    def _array(self, values: np.ndarray[Any, Any], alignment: int = 4) -> int:
        """Write a vector; quicker than the library's own for anything but bytes."""
        b = self._builder
        values = np.ascontiguousarray(values)
        b.StartVector(values.itemsize, values.size, max(alignment, values.itemsize))
        start = int(b.Head()) - values.nbytes
        b.head = start
        b.Bytes[start : start + values.nbytes] = values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes()
        return int(b.EndVector())

    def _ints(self, values: Sequence[int], dtype: str = "<i4") -> int:
        return self._array(np.array(values, dtype))

    def _buffer(self, data: np.ndarray[Any, Any] | None) -> int:
        """Write a buffer and return its number."""
        b = self._builder
        vector = self._array(data.reshape(-1).view(np.uint8), _ALIGNMENT) if data is not None and data.size else 0
        b.StartObject(3)
        b.PrependUOffsetTRelativeSlot(0, vector, 0)
        self._buffers.append(b.EndObject())
        return len(self._buffers) - 1

    def _signature(self, signature: ir.Signature) -> int:
        b = self._builder
        maps = []
        for names in (signature.inputs, signature.outputs):
            entries = []
            for name, tensor in names.items():
                text = self._string(name)
                b.StartObject(2)
                b.PrependUOffsetTRelativeSlot(0, text, 0)
                b.PrependUint32Slot(1, tensor, 0)
                entries.append(b.EndObject())
            maps.append(self._tables(entries))
        key = self._string(signature.key)
        b.StartObject(5)
        b.PrependUOffsetTRelativeSlot(0, maps[0], 0)
        b.PrependUOffsetTRelativeSlot(1, maps[1], 0)
        b.PrependUOffsetTRelativeSlot(2, key, 0)
        b.PrependUint32Slot(4, signature.graph, 0)
        return int(b.EndObject())

    def _metadata(self, name: str, data: bytes) -> int:
        buffer = self._buffer(np.frombuffer(data, np.uint8))
        text = self._string(name)
        b = self._builder
        b.StartObject(2)
        b.PrependUOffsetTRelativeSlot(0, text, 0)
        b.PrependUint32Slot(1, buffer, 0)
        return int(b.EndObject())

    def _operator_code(self, name: str, custom: bool) -> int:
        b = self._builder
        code = tflite_schema.CUSTOM if custom else tflite_schema.OPERATORS[name].code
        text = self._string(name) if custom else 0
        b.StartObject(4)
        b.PrependInt8Slot(0, min(code, tflite_schema.PLACEHOLDER), 0)
        b.PrependUOffsetTRelativeSlot(1, text, 0)
        b.PrependInt32Slot(2, _VERSIONS.get(name, 1), 1)
        b.PrependInt32Slot(3, code, 0)
        return int(b.EndObject())

    def _graph(self, number: int, graph: ir.Graph) -> int:
        b = self._builder
        tensors = []
        for i, tensor in enumerate(graph.tensors):
            self._place = f"subgraph {number}: tensor {i} ({tensor.name!r})"
            tensors.append(self._tensor(tensor))
        nodes = []
        for i, node in enumerate(graph.nodes):
            self._place = f"subgraph {number}: operator {i} ({node.op})"
            nodes.append(self._node(node))
        vectors = self._tables(tensors), self._ints(graph.inputs), self._ints(graph.outputs), self._tables(nodes)
        name = self._string(graph.name)
        b.StartObject(6)
        for slot, vector in enumerate(vectors):
            b.PrependUOffsetTRelativeSlot(slot, vector, 0)
        b.PrependUOffsetTRelativeSlot(4, name, 0)
        return int(b.EndObject())

    def _tensor(self, tensor: ir.Tensor) -> int:
        b = self._builder
        if tensor.dtype not in tflite_schema.TENSOR_TYPES:
            raise self._fail(f"dtype: {tensor.dtype!r} is not a type of the format")
        name = self._string(tensor.name)
        shape = self._ints(tensor.shape)
        signature = 0 if tensor.shape_signature is None else self._ints(tensor.shape_signature)
        quantization = self._quantization(tensor.quantization)
        buffer = self._constant(tensor)
        b.StartObject(10)
        b.PrependUOffsetTRelativeSlot(0, shape, 0)
        b.PrependInt8Slot(1, tflite_schema.TENSOR_TYPES.index(tensor.dtype), 0)
        b.PrependUint32Slot(2, buffer, 0)
        b.PrependUOffsetTRelativeSlot(3, name, 0)
        b.PrependUOffsetTRelativeSlot(4, quantization, 0)
        b.PrependBoolSlot(5, tensor.is_variable, False)
        b.PrependUOffsetTRelativeSlot(7, signature, 0)
        b.PrependBoolSlot(8, True, False)
        return int(b.EndObject())

    def _constant(self, tensor: ir.Tensor) -> int:
        data = tensor.data
        if data is None or not data.size:
            return 0
        stored = ir.DTYPES[tensor.dtype]
        bits = ir.PACKED_BITS.get(tensor.dtype)
        if data.dtype != stored:
            raise self._fail(f"data: {data.dtype} where {tensor.dtype} is stored as {stored}")
        if bits:
            expected: tuple[int, ...] = ((int(np.prod(tensor.shape, dtype=np.int64)) * bits + 7) // 8,)
        else:
            expected = data.shape if tensor.dtype == "string" else tensor.shape
        if data.shape != expected:
            raise self._fail(f"data: has shape {data.shape}; {expected} is expected")
        key = data.__array_interface__["data"][0], data.shape + data.strides, tensor.dtype
        if key not in self._buffer_of:
            self._buffer_of[key] = self._buffer(data)
        return self._buffer_of[key]

    def _quantization(self, quantization: ir.Quantization | None) -> int:
        if quantization is None:
            return 0
        b = self._builder
        scale = self._array(np.asarray(quantization.scale, "<f4"))
        zero_point = self._array(np.asarray(quantization.zero_point, "<i8"))
        b.StartObject(7)
        b.PrependUOffsetTRelativeSlot(2, scale, 0)
        b.PrependUOffsetTRelativeSlot(3, zero_point, 0)
        b.PrependInt32Slot(6, quantization.axis if quantization.per_channel else 0, 0)
        return int(b.EndObject())

    def _node(self, node: ir.Node) -> int:
        b = self._builder
        options, custom_options, table = None, 0, 0
        if node.custom:
            custom_options = self._custom_options(node.attributes)
        else:
            if node.op not in tflite_schema.OPERATORS:
                raise self._fail("is not an operator of the format; custom operators have `custom` set")
            options = tflite_schema.OPERATORS[node.op].options
            table = self._options(options, node.attributes)
        code = self._codes.setdefault((node.op, node.custom), len(self._codes))
        inputs, outputs = self._ints(node.inputs), self._ints(node.outputs)
        intermediates = self._ints(node.intermediates) if node.intermediates else 0
        b.StartObject(14)
        b.PrependUint32Slot(0, code, 0)
        b.PrependUOffsetTRelativeSlot(1, inputs, 0)
        b.PrependUOffsetTRelativeSlot(2, outputs, 0)
        if options is not None:
            slot = 3 if options.union == 1 else 11
            b.PrependUint8Slot(slot, options.number, 0)
            b.PrependUOffsetTRelativeSlot(slot + 1, table, 0)
        b.PrependUOffsetTRelativeSlot(5, custom_options, 0)
        b.PrependUOffsetTRelativeSlot(8, intermediates, 0)
        return int(b.EndObject())

    def _custom_options(self, attributes: dict[str, Any]) -> int:
        if not attributes:
            return 0
        raw = attributes.get("custom_options")
        if len(attributes) > 1 or not isinstance(raw, bytes):
            try:
                raw = bytes(flexbuffers.Dumps(attributes))
            except Exception as error:
                raise self._fail(f"attributes: cannot be written as a flexbuffer ({error})") from error
        return self._array(np.frombuffer(raw, np.uint8), _ALIGNMENT)

    def _options(self, options: Options | None, attributes: dict[str, Any]) -> int:
        """Write the options table of a builtin operator; what `attributes` leaves out has the schema's default."""
        fields = () if options is None else options.fields
        unknown = sorted(attributes.keys() - {field.name for field in fields})
        if unknown:
            names = ", ".join(field.name for field in fields) or "none"
            raise self._fail(f"has no attribute {', '.join(unknown)} (it has: {names})")
        if options is None:
            return 0
        b = self._builder
        values: list[tuple[Field, Any]] = []
        for field in fields:
            value = attributes.get(field.name, field.empty)
            if value == field.empty:
                continue
            values.append((field, self._field_value(field, value)))
        b.StartObject(options.slots)
        for field, value in values:
            if field.kind in ("scalar", "enum"):
                getattr(b, _WRITERS[field.scalar])(value)
                b.Slot(field.slot)
            else:
                b.PrependUOffsetTRelativeSlot(field.slot, value, 0)
        return int(b.EndObject())

    def _field_value(self, field: Field, value: Any) -> Any:
        """Return a scalar as it is stored, or the offset of what a field points to."""
        try:
            if field.kind == "string":
                return self._string(value)
            if field.kind == "bytes":
                return self._array(np.frombuffer(value, np.uint8))
            stored = "<" + tflite_schema.SCALARS[field.scalar][0]
            if field.kind == "list":
                return self._ints([field.enum.index(item) if field.enum else item for item in value], stored)
            number = field.enum.index(value) if field.enum else value
            np.array(number, stored)  # Raises where the value does not fit.
            if isinstance(number, float) and field.scalar != "float":
                raise TypeError("not a whole number")
            return number
        except (TypeError, ValueError, OverflowError, AttributeError) as error:
            allowed = f" (one of {', '.join(field.enum)})" if field.enum else ""
            raise self._fail(f"{field.name}: {value!r} cannot be written{allowed}: {error}") from error
