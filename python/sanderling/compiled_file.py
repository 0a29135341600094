"""Compiled models (.sand) read back without copying; compiled.py writes them. docs/compiled.md has the format.

Apart from what writes: the first load of a program pays for every import.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sanderling import _core, ir
from sanderling.errors import ModelError

if TYPE_CHECKING:
    from sanderling.importers._source import Source


def read_compiled(source: Source) -> ir.Model:
    """Read a compiled model; constants are views of the file, which is mapped where `source` is a path.

    Raises
    ------
    ModelError
        The file is damaged, or of a format that this sanderling does not know.
    """
    try:
        if isinstance(source, (bytes, bytearray, memoryview)):
            compiled = _core.CompiledModel.decode(source if isinstance(source, bytes) else bytes(source))
            name = "<memory>"
        else:
            name = os.fspath(source)
            shown = name.encode(errors="backslashreplace").decode()  # not every name is UTF-8
            compiled = _core.CompiledModel.read(os.fsencode(name), shown)
    except _core.CoreError as e:
        raise ModelError(str(e)) from None
    seed, count, outputs = compiled.golden
    return ir.Model(
        graphs=[_graph(compiled, i) for i in range(compiled.num_graphs)],
        source=name,
        signatures=[ir.Signature(key, graph, dict(i), dict(o)) for key, graph, i, o in compiled.signatures],
        metadata=compiled.metadata,
        labels=compiled.labels,
        golden=ir.Golden(seed, count, tuple(outputs)) if count else None,
        native=compiled.spec,
    )


class _Lazy(Sequence[Any]):
    """A list whose items are made when they are first asked for: loading a model needs few of them."""

    def __init__(self, count: int, make: Callable[[int], Any]) -> None:
        self._items: list[Any] = [None] * count
        self._make = make

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        i = range(len(self))[index]
        if self._items[i] is None:
            self._items[i] = self._make(i)
        return self._items[i]


def _graph(compiled: _core.CompiledModel, index: int) -> ir.Graph:
    tensors, nodes, inputs, outputs = compiled.graph(index)

    def tensor(i: int) -> ir.Tensor:
        t = compiled.tensor(index, i)
        q = t["quantization"]
        if q is not None:
            t["quantization"] = ir.Quantization(q["scale"], q["zero_point"].astype(np.int64), q["axis"])
        return ir.Tensor(**t)

    # Read-only stand-ins for lists.
    lazy_tensors: Any = _Lazy(tensors, tensor)
    lazy_nodes: Any = _Lazy(nodes, lambda i: ir.Node(**compiled.node(index, i)))
    return ir.Graph("", lazy_tensors, lazy_nodes, inputs, outputs)
