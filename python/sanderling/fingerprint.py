"""Fingerprints of a model's outputs for seeded inputs: the same on every machine where the bits are the same."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sanderling.model import Model
from sanderling.seeded import seeded_inputs

if TYPE_CHECKING:
    from sanderling.model import Array


class TensorHash:
    """SHA-256 over the elements of a tensor, in C order, little endian, of all runs one after the other."""

    def __init__(self, name: str, dtype: str) -> None:
        self.name = name
        self.dtype = dtype
        self.shape: tuple[int, ...] = ()
        self._hash = hashlib.sha256()

    def add(self, array: Array) -> None:
        self.shape = array.shape
        self._hash.update(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes())

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def report(self) -> dict[str, Any]:
        return {"name": self.name, "dtype": self.dtype, "shape": list(self.shape), "sha256": self.sha256}


@dataclass(frozen=True)
class Fingerprint:
    """Hashes of a model's inputs and outputs over some runs."""

    inputs: list[TensorHash]
    outputs: list[TensorHash]

    @property
    def sha256(self) -> str:
        """Hash of all outputs' hashes."""
        return hashlib.sha256("".join(h.sha256 for h in self.outputs).encode()).hexdigest()


def fingerprint(model: Model, seed: int, count: int, advance: Callable[[], object] | None = None) -> Fingerprint:
    """Run a model `count` times on seeded inputs, seeds from `seed` on.

    State is reset before the first run and kept from then on. `advance` is called after each run.
    """
    model.reset()
    inputs = [TensorHash(t.name, t.dtype) for t in model.inputs]
    outputs = [TensorHash(t.name, t.dtype) for t in model.outputs]
    for run in range(count):
        arrays = seeded_inputs(model.inputs, seed + run)
        results = model(*arrays)
        for hash_, array in zip(
            [*inputs, *outputs], [*arrays, *(results if isinstance(results, tuple) else (results,))], strict=True
        ):
            hash_.add(array)
        if advance:
            advance()
    model.reset()
    return Fingerprint(inputs, outputs)
