"""Load a model and run it: numpy in, numpy out."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from sanderling import _core, ir
from sanderling.errors import ModelError
from sanderling.importers import load_ir
from sanderling.lowering import lower

MEMORY_LIMIT = 2**31
"""Bytes that a model's tensors may take unless `load` is told otherwise."""


class Model:
    """A model, planned and ready to run. Made by `load`."""

    def __init__(self, model: ir.Model, *, threads: int | None = None, isa: str = "", memory_limit: int = MEMORY_LIMIT):
        self._ir = model
        self._graph = model.graphs[0]
        spec = lower(model)
        try:
            self._runner = _core.Runner(
                model=spec,
                isa=isa,
                threads=threads or _core.available_cores(),
                memory_limit=memory_limit,
                keep_all=False,
            )
            self._plan([self._graph.tensors[i].shape for i in self._graph.inputs])
        except _core.CoreError as e:
            raise ModelError(f"{model.source}: {e}") from None

    def _plan(self, shapes: Sequence[Sequence[int]]) -> None:
        self._runner.plan(graph=0, shapes=[list(s) for s in shapes])

    def run(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Run on arrays in the order of the model's inputs."""
        try:
            return self._runner.run(0, [np.ascontiguousarray(x) for x in inputs])
        except _core.CoreError as e:
            raise ModelError(f"{self._ir.source}: {e}") from None

    def resize(self, shapes: Sequence[Sequence[int]]) -> None:
        """Plan for other input shapes."""
        try:
            self._plan(shapes)
        except _core.CoreError as e:
            raise ModelError(f"{self._ir.source}: {e}") from None

    def reset(self) -> None:
        """Put all state back to what it was at load."""
        self._runner.reset()


def load(source: str | os.PathLike[str] | bytes | memoryview, **options: Any) -> Model:
    """Load a model from a file or from bytes."""
    return Model(load_ir(source), **options)
