"""TensorFlow Lite files (.tflite) to the intermediate representation."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from sanderling import ir, tflite_schema
from sanderling._flatbuffer import Reader, Table
from sanderling.importers import _flexbuffer, _source
from sanderling.importers._check import check_graph, check_graph_calls
from sanderling.tflite_schema import Operator, Options

IDENTIFIER = b"TFL3"

MAX_RANK = 8
MAX_TENSOR_BYTES = 1 << 40

_F32, _I64 = np.dtype(np.float32), np.dtype(np.int64)

_QUANTIZED = {"int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "int4", "uint4", "int2"}
_BLOCKWISE = {2: "blockwise", 3: "multi-axis"}


def load(source: _source.Source) -> ir.Model:
    """Read a .tflite file.

    Constants are views on the file where their alignment allows it, and read-only.

    Parameters
    ----------
    source : str, PathLike, bytes or memoryview
        A file, or a file's content, which is copied where it can be written to.

    Returns
    -------
    ir.Model

    Raises
    ------
    FileNotFoundError, IsADirectoryError
        `source` is a path without a file behind it.
    ModelError
        The file is damaged, or is not a TensorFlow Lite model; the message names the place and the field.
    """
    data, name = _source.read(source)
    reader = Reader(data, name)
    if data[4:8].tobytes() != IDENTIFIER:
        reader.fail("", f"a TensorFlow Lite model (.tflite) is expected, but {_source.looks_like(data)}")
    return _Importer(reader).model()


class _Importer:
    """State of one import: the reader, and what the whole file shares."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._codes: list[Operator | str] = []
        self._buffers: list[Table] = []
        self._constants: dict[tuple[int, str, tuple[int, ...]], npt.NDArray[Any]] = {}

    def model(self) -> ir.Model:
        reader = self._reader
        root = reader.root()
        version = root.scalar(0, "I", 0, "version")
        if version != 3:
            reader.fail("version", f"{version} is not a version of the format that can be read (3 is)")
        self._codes = [self._operator_code(i, table) for i, table in enumerate(root.tables(1, "operator_codes"))]
        reader.place = ""
        self._buffers = root.tables(4, "buffers")
        graphs = [self._graph(i, table) for i, table in enumerate(root.tables(2, "subgraphs"))]
        if not graphs:
            reader.fail("subgraphs", "the model has none")
        check_graph_calls(reader, graphs)
        reader.place = ""
        description = root.string(3, "description")
        metadata_tables, signature_tables = root.tables(6, "metadata"), root.tables(7, "signature_defs")
        return ir.Model(
            graphs=graphs,
            source=reader.source,
            signatures=[self._signature(i, table, graphs) for i, table in enumerate(signature_tables)],
            description=description,
            metadata=self._metadata(metadata_tables),
        )

    def _operator_code(self, index: int, table: Table) -> Operator | str:
        """Return the builtin operator, or the name of a custom one."""
        self._reader.place = f"operator code {index}"
        # Files from before the second field have it 0; in newer ones the first is capped at 127.
        code = max(table.scalar(0, "b", 0, "deprecated_builtin_code"), table.scalar(3, "i", 0, "builtin_code"))
        if code == tflite_schema.CUSTOM:
            name = table.string(1, "custom_code")
            return name or self._reader.fail("custom_code", "a custom operator without a name")
        operator = tflite_schema.BY_CODE.get(code)
        if operator is None or code == tflite_schema.PLACEHOLDER:
            self._reader.fail("builtin_code", f"{code} is not an operator of TensorFlow Lite")
        return operator

    def _signature(self, index: int, table: Table, graphs: list[ir.Graph]) -> ir.Signature:
        reader = self._reader
        reader.place = f"signature {index}"
        graph = table.scalar(4, "I", 0, "subgraph_index")
        if graph >= len(graphs):
            reader.fail("subgraph_index", f"{graph} is not one of the {len(graphs)} subgraphs")
        maps: list[dict[str, int]] = []
        for slot, field in ((0, "inputs"), (1, "outputs")):
            names: dict[str, int] = {}
            for entry in table.tables(slot, field):
                tensor = entry.scalar(1, "I", 0, f"{field}.tensor_index")
                if tensor >= len(graphs[graph].tensors):
                    reader.fail(f"{field}.tensor_index", f"{tensor} is not a tensor of subgraph {graph}")
                names[entry.string(0, f"{field}.name")] = tensor
            maps.append(names)
        return ir.Signature(table.string(2, "signature_key"), graph, *maps)

    def _metadata(self, tables: list[Table]) -> dict[str, bytes]:
        reader = self._reader
        metadata: dict[str, bytes] = {}
        for i, table in enumerate(tables):
            reader.place = f"metadata {i}"
            data = self._buffer(table.scalar(1, "I", 0, "buffer"))
            reader.charge(0 if data is None else data.size, "buffer")
            metadata[table.string(0, "name")] = b"" if data is None else data.tobytes()
        return metadata

    def _buffer(self, index: int) -> npt.NDArray[np.uint8] | None:
        """Return the bytes of a buffer, None where it holds none."""
        reader = self._reader
        if index >= len(self._buffers):
            reader.fail("buffer", f"{index} is not one of the {len(self._buffers)} buffers")
        if index == 0:
            return None
        table = self._buffers[index]
        offset, size = table.scalar(1, "Q", 0, "buffer.offset"), table.scalar(2, "Q", 0, "buffer.size")
        if offset > 1:  # Outside the flatbuffer, for models of more than 2 GB.
            if offset + size > reader.size:
                reader.fail("buffer.offset", f"bytes {offset} to {offset + size} lie outside the file ({reader.size})")
            return reader.bytes[offset : offset + size]
        data = table.blob(0, "buffer.data")
        return data if data is not None and data.size else None

    def _graph(self, index: int, table: Table) -> ir.Graph:
        reader = self._reader
        here = f"subgraph {index}"
        reader.place = here
        name = table.string(4, "name")
        tensors = [self._tensor(f"{here}: tensor {i}", t) for i, t in enumerate(table.tables(0, "tensors"))]
        reader.place = here
        nodes = [self._node(f"{here}: operator {i}", t) for i, t in enumerate(table.tables(3, "operators"))]
        reader.place = here
        inputs, outputs = list(table.vector(1, "i", "inputs")), list(table.vector(2, "i", "outputs"))
        graph = ir.Graph(name, tensors, nodes, inputs, outputs)
        check_graph(reader, graph, here)
        return graph

    def _tensor(self, place: str, table: Table) -> ir.Tensor:
        reader = self._reader
        reader.place = place
        name = table.string(3, "name")
        reader.place = f"{place} ({name!r})" if name else place
        type_code = table.scalar(1, "b", 0, "type")
        if not 0 <= type_code < len(tflite_schema.TENSOR_TYPES):
            reader.fail("type", f"{type_code} is not a type of TensorFlow Lite")
        dtype = tflite_schema.TENSOR_TYPES[type_code]
        shape = table.vector(0, "i", "shape", most=MAX_RANK)
        count = ir.DTYPES[dtype].itemsize
        for size in shape:
            if size < 0:
                reader.fail("shape", f"{shape} has a negative dimension")
            # Zeros do not count: numpy refuses what is too large but for a zero.
            count *= max(size, 1)
        if count > MAX_TENSOR_BYTES:
            reader.fail("shape", f"{shape} is larger than any machine's memory")
        if table.scalar(10, "I", 0, "external_buffer"):
            reader.fail("external_buffer", "the data are in another file, which is not supported")
        tensor = ir.Tensor(
            name=name,
            dtype=dtype,
            shape=shape,
            shape_signature=self._shape_signature(table, shape),
            quantization=self._quantization(table, dtype, shape),
            is_variable=table.scalar(5, "?", False, "is_variable"),
        )
        buffer = table.scalar(2, "I", 0, "buffer")
        data = self._buffer(buffer)
        if data is not None:
            if tensor.is_variable:
                reader.fail("buffer", "a variable has constant data")
            sparsity = table.table(6, "sparsity")
            tensor.data = self._constant(buffer, data, dtype, shape, sparsity)
        return tensor

    def _shape_signature(self, table: Table, shape: tuple[int, ...]) -> tuple[int, ...] | None:
        signature = table.vector(7, "i", "shape_signature", most=MAX_RANK)
        if len(signature) != len(shape) or not table.has(7):
            return None
        return tuple(-1 if free < 0 else fixed for free, fixed in zip(signature, shape, strict=True))

    def _constant(
        self, buffer: int, data: npt.NDArray[np.uint8], dtype: str, shape: tuple[int, ...], sparsity: Table | None
    ) -> npt.NDArray[Any]:
        """Interpret the bytes of a buffer as a tensor's value."""
        reader = self._reader
        key = (buffer, dtype, shape)
        if sparsity is None and key in self._constants:
            return self._constants[key]
        if dtype == "string":
            return data
        elements = 1
        for size in shape:
            elements *= size
        bits = ir.PACKED_BITS.get(dtype)
        stored = ir.DTYPES[dtype]
        if sparsity is not None:
            if bits:
                reader.fail("sparsity", f"sparse constants of type {dtype} are not supported")
            if data.size % stored.itemsize:
                reader.fail("buffer", f"{data.size} bytes are not a whole number of {dtype} values")
        else:
            expected = (elements * bits + 7) // 8 if bits else elements * stored.itemsize
            if data.size != expected:
                reader.fail("buffer", f"has {data.size} bytes; shape {shape} of {dtype} takes {expected}")
        if bits:
            return data
        value: npt.NDArray[Any] = data.view(stored)
        if dtype == "bool" and data.size and data.max() > 1:
            # Any other byte is not a bool to numpy and C++.
            reader.charge(data.size, "buffer")
            value = data != 0
            value.flags.writeable = False
        elif not value.flags.aligned:
            reader.charge(data.size, "buffer")
            value = value.copy()
            value.flags.writeable = False
        if sparsity is not None:
            from sanderling.importers import _sparse

            return _sparse.densify(sparsity, value, shape, reader)
        value = value.reshape(shape)
        self._constants[key] = value
        return value

    def _quantization(self, table: Table, dtype: str, shape: tuple[int, ...]) -> ir.Quantization | None:
        reader = self._reader
        table_ = table.table(4, "quantization")
        if table_ is None:
            return None
        details = table_.scalar(4, "B", 0, "quantization.details")
        if details in _BLOCKWISE:
            reader.fail("quantization.details", f"{_BLOCKWISE[details]} quantization is not supported")
        scale = table_.array(2, _F32, "quantization.scale")
        zero_point = table_.array(3, _I64, "quantization.zero_point")
        count = scale.size
        if not count:
            return None
        axis = table_.scalar(6, "i", 0, "quantization.quantized_dimension") if count > 1 else 0
        # Float tensors carry leftovers of training here; nothing reads them, so nothing is wrong with them.
        strict = dtype in _QUANTIZED
        if zero_point.size != count and zero_point.size <= 1:
            zero_point = np.full(count, zero_point[0] if zero_point.size else 0, np.int64)
        fault = None
        # Comparisons with not-a-number are false.
        if not (0.0 <= scale.item() < math.inf if count == 1 else ((scale >= 0) & (scale < np.inf)).all()):
            fault = "quantization.scale", "has a value that is negative, infinite or not a number"
        elif zero_point.size != count:
            fault = "quantization.zero_point", f"has {zero_point.size} values for {count} scales"
        elif count > 1 and not 0 <= axis < len(shape):
            fault = "quantization.quantized_dimension", f"{axis} is not a dimension of shape {shape}"
        elif count > 1 and shape[axis] != count:
            fault = "quantization.scale", f"has {count} values for dimension {axis} of shape {shape}"
        if fault is None:
            return ir.Quantization(scale, zero_point, axis)
        if strict:
            reader.fail(*fault)
        return None

    def _node(self, place: str, table: Table) -> ir.Node:
        reader = self._reader
        reader.place = place
        code = table.scalar(0, "I", 0, "opcode_index")
        if code >= len(self._codes):
            reader.fail("opcode_index", f"{code} is not one of the {len(self._codes)} operator codes")
        operator = self._codes[code]
        custom = isinstance(operator, str)
        name = operator if isinstance(operator, str) else operator.name
        reader.place = f"{place} ({name})"
        return ir.Node(
            op=name,
            inputs=list(table.vector(1, "i", "inputs")),
            outputs=list(table.vector(2, "i", "outputs")),
            attributes=(
                self._custom_options(table) if isinstance(operator, str) else self._attributes(table, operator.options)
            ),
            custom=custom,
            intermediates=list(table.vector(8, "i", "intermediates")),
        )

    def _custom_options(self, table: Table) -> dict[str, Any]:
        reader = self._reader
        offset = table.scalar(9, "Q", 0, "large_custom_options_offset")
        data = table.blob(5, "custom_options")
        if offset > 1:
            end = offset + table.scalar(10, "Q", 0, "large_custom_options_size")
            if end > reader.size:
                reader.fail("large_custom_options_offset", f"bytes {offset} to {end} lie outside the file")
            data = reader.bytes[offset:end]
        if data is None:
            return {}
        # Decoding is slow, byte for byte, next to the rest of the import.
        reader.charge(2 * data.size, "custom_options")
        return _flexbuffer.read_options(data.tobytes())

    def _attributes(self, table: Table, options: Options | None) -> dict[str, Any]:
        """Read the options of a builtin operator; the schema's defaults where the file has no table."""
        if options is None or not options.fields:
            return {}
        reader = self._reader
        slot, field = (3, "builtin_options") if options.union == 1 else (11, "builtin_options_2")
        number = table.scalar(slot, "B", 0, f"{field}_type")
        if number not in (0, options.number):
            found = tflite_schema.OPTIONS_NAMES.get((options.union, number), f"number {number}")
            reader.fail(field, f"holds {found}; this operator has {options.name}")
        values = table.table(slot + 1, field) if number else None
        if values is None:
            return {f.name: f.empty for f in options.fields}
        attributes: dict[str, Any] = {}
        for f in options.fields:
            if f.kind == "string":
                attributes[f.name] = values.string(f.slot, f.name)
            elif f.kind == "bytes":
                blob = values.blob(f.slot, f.name)
                reader.charge(0 if blob is None else blob.size, f.name)
                attributes[f.name] = b"" if blob is None else blob.tobytes()
            else:
                code = tflite_schema.SCALARS[f.scalar][0]
                if f.kind == "list":
                    items = values.vector(f.slot, code, f.name)
                    attributes[f.name] = [self._enum(f.enum, i, f.name) for i in items] if f.enum else list(items)
                elif not values.has(f.slot):
                    attributes[f.name] = f.default
                else:
                    value = values.scalar(f.slot, code, None, f.name)
                    attributes[f.name] = self._enum(f.enum, value, f.name) if f.enum else value
        return attributes

    def _enum(self, names: tuple[str, ...], value: int, field: str) -> str:
        if not 0 <= value < len(names):
            self._reader.fail(field, f"{value} is not one of {', '.join(names)}")
        return names[value]
