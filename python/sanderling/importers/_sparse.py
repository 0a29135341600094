"""Sparse constants of TFLite (a form of the TACO format) written out in full."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sanderling._flatbuffer import Reader, Table

_INDEX_TYPES: dict[int, np.dtype[Any]] = {1: np.dtype(np.int32), 2: np.dtype(np.uint16), 3: np.dtype(np.uint8)}
_SPARSE_CSR = 1

EXPANSION = 32
"""A dense constant may be this many times as large as the whole file."""


def _indices(dimension: Table, slot: int, field: str, reader: Reader) -> npt.NDArray[np.int64]:
    kind = dimension.scalar(slot, "B", 0, field)
    table = dimension.table(slot + 1, field)
    if kind not in _INDEX_TYPES or table is None:
        reader.fail(field, "is missing, or of an unknown kind")
    return table.array(0, _INDEX_TYPES[kind], field).astype(np.int64)


def densify(sparsity: Table, values: npt.NDArray[Any], shape: tuple[int, ...], reader: Reader) -> npt.NDArray[Any]:
    """Write a sparse constant out in full.

    Parameters
    ----------
    sparsity : Table
        The tensor's SparsityParameters.
    values : ndarray, shape (n,)
        The stored values.
    shape : tuple of int
        Shape of the dense tensor.

    Returns
    -------
    ndarray of shape `shape`
    """
    order = sparsity.vector(0, "i", "sparsity.traversal_order", most=16)
    block_map = sparsity.vector(1, "i", "sparsity.block_map", most=8)
    dimensions = sparsity.tables(2, "sparsity.dim_metadata")
    rank = len(shape)
    levels = rank + len(block_map)
    if sorted(order) != list(range(levels)) or len(dimensions) != levels or sorted(order[:rank]) != list(range(rank)):
        reader.fail("sparsity.traversal_order", f"{order} does not order the {levels} dimensions")
    if any(not 0 <= d < rank for d in block_map) or len(set(block_map)) != len(block_map):
        reader.fail("sparsity.block_map", f"{block_map} does not fit shape {shape}")
    if values.itemsize * np.prod(shape, dtype=float) > EXPANSION * reader.size:
        reader.fail("sparsity", f"the dense constant would be more than {EXPANSION} times as large as the file")

    # One row of coordinates a level; `parent` numbers the entries of the level before.
    parent = np.zeros(1, np.int64)
    coordinates: list[npt.NDArray[np.int64]] = []
    sizes = [0] * levels
    # Every entry of every level takes at least a byte of an honest file.
    limit = min(int(np.prod(shape, dtype=np.int64)), reader.size)
    for level, dimension in enumerate(dimensions):
        field = f"sparsity.dim_metadata[{level}]"
        if dimension.scalar(0, "b", 0, field) == _SPARSE_CSR:
            segments = _indices(dimension, 2, f"{field}.array_segments", reader)
            indices = _indices(dimension, 4, f"{field}.array_indices", reader)
            if segments.size < 2 + parent.max(initial=-1):
                reader.fail(f"{field}.array_segments", "is too short")
            counts = np.diff(segments)[parent]
            if segments.min() < 0 or segments.max() > indices.size or np.any(counts < 0):
                reader.fail(f"{field}.array_segments", "does not fit array_indices")
            repeat, first = counts, segments[parent]
        else:
            size = sizes[order[level]] = dimension.scalar(1, "i", 0, f"{field}.dense_size")
            if not 0 <= size <= limit:
                reader.fail(f"{field}.dense_size", f"{size} does not fit shape {shape}")
            indices = np.zeros(0, np.int64)
            repeat, first = np.full(parent.shape, size), parent * size
        total = int(repeat.sum())
        if total > limit:
            reader.fail(field, f"describes {total} values for shape {shape}")
        # Positions of the children: each parent's first position, then counting up.
        starts = np.cumsum(repeat) - repeat
        child = np.arange(total) - np.repeat(starts - first, repeat)
        coordinates = [np.repeat(row, repeat) for row in coordinates]
        coordinates.append(indices[child] if indices.size else child - np.repeat(first, repeat))
        parent = child

    if parent.size != values.size:
        reader.fail("sparsity", f"describes {parent.size} values; the buffer has {values.size}")
    index: list[npt.NDArray[np.int64]] = [np.zeros(0, np.int64)] * rank
    for level, dim in enumerate(order[:rank]):
        index[dim] = coordinates[level]
    for level, dim in enumerate(order[rank:], start=rank):
        original = block_map[dim - rank]
        index[original] = index[original] * sizes[dim] + coordinates[level]
    for dim, row in enumerate(index):
        if row.size and (row.min() < 0 or row.max() >= shape[dim]):
            reader.fail("sparsity", f"has an index outside dimension {dim} of shape {shape}")
    dense = np.zeros(shape, values.dtype)
    dense[tuple(index)] = values
    dense.flags.writeable = False
    return dense
