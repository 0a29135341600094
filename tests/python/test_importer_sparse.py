"""Sparse constants are written out in full at import."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import flatbuffers
import numpy as np
import pytest

from sanderling.errors import ModelError
from sanderling.importers import load_ir
from tests.support import oracle
from tests.support.raw import finish, ints, offsets, table

DENSIFY, INT8, FLOAT32 = 124, 9, 0

Level = int | tuple[Sequence[int], Sequence[int]]
"""Size of a dense level, or (segments, indices) of a sparse one."""


def sparse_model(
    shape: Sequence[int],
    values: np.ndarray,
    order: Sequence[int],
    levels: Sequence[Level],
    block_map: Sequence[int] = (),
    index_type: int = 1,
) -> bytes:
    """Make a model of one DENSIFY operator on a sparse constant."""
    b = flatbuffers.Builder(4096)
    numbers = {1: np.int32, 2: np.uint16, 3: np.uint8}[index_type]
    metadata = []
    for level in levels:
        if isinstance(level, int):
            metadata.append(table(b, size=(1, "Int32", level)))
            continue
        parts = [table(b, values=(0, "offset", b.CreateNumpyVector(np.array(part, numbers)))) for part in level]
        metadata.append(
            table(
                b,
                format=(0, "Int8", 1),
                segments_type=(2, "Uint8", index_type),
                segments=(3, "offset", parts[0]),
                indices_type=(4, "Uint8", index_type),
                indices=(5, "offset", parts[1]),
            )
        )
    sparsity = table(
        b,
        order=(0, "offset", b.CreateNumpyVector(np.int32(order))),
        blocks=(1, "offset", b.CreateNumpyVector(np.int32(block_map)) if block_map else 0),
        levels=(2, "offset", offsets(b, metadata)),
    )
    dims = b.CreateNumpyVector(np.int32(shape))
    kind = INT8 if values.dtype == np.int8 else FLOAT32
    constant = table(
        b,
        shape=(0, "offset", dims),
        type=(1, "Int8", kind),
        buffer=(2, "Uint32", 1),
        name=(3, "offset", b.CreateString("sparse")),
        sparsity=(6, "offset", sparsity),
    )
    dense = table(b, shape=(0, "offset", dims), type=(1, "Int8", kind), name=(3, "offset", b.CreateString("dense")))
    operator = table(b, inputs=(1, "offset", ints(b, [0])), outputs=(2, "offset", ints(b, [1])))
    code = table(b, old=(0, "Int8", DENSIFY), version=(2, "Int32", 1), code=(3, "Int32", DENSIFY))
    buffer = table(b, data=(0, "offset", b.CreateNumpyVector(values.reshape(-1).view(np.uint8))))
    return finish(b, [constant, dense], [], [1], [operator], [code], [buffer])


def dense_of(content: bytes) -> np.ndarray:
    data = load_ir(content).graphs[0].tensors[0].data
    assert data is not None
    return data


def check(content: bytes, expected: np.ndarray) -> None:
    np.testing.assert_array_equal(dense_of(content), expected)
    np.testing.assert_array_equal(oracle.run(content, [])[0], expected)


@pytest.mark.parametrize("index_type", [1, 2, 3])
@pytest.mark.parametrize("dtype", [np.int8, np.float32])
def test_rows(dtype: Any, index_type: int) -> None:
    expected = np.array([[6, 0, 9, 8], [0, 0, 0, 0], [5, 0, 0, 7]], dtype)
    values = np.array([6, 9, 8, 5, 7], dtype)
    check(sparse_model((3, 4), values, (0, 1), (3, ([0, 3, 3, 5], [0, 2, 3, 0, 3])), index_type=index_type), expected)


def test_columns() -> None:
    expected = np.array([[1, 0], [0, 2], [3, 0]], np.int8)
    check(sparse_model((3, 2), np.int8([1, 3, 2]), (1, 0), (2, ([0, 2, 3], [0, 2, 1]))), expected)


def test_blocks() -> None:
    expected = np.array([[1, 0, 2, 3], [0, 4, 0, 0], [0, 0, 5, 0], [0, 0, 0, 6]], np.int8)
    values = np.int8([1, 0, 0, 4, 2, 3, 0, 0, 5, 0, 0, 6])
    levels: list[Level] = [2, ([0, 2, 3], [0, 1, 1]), 2, 2]
    check(sparse_model((4, 4), values, (0, 1, 2, 3), levels, block_map=(0, 1)), expected)


def test_random_matrices() -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        shape = tuple(rng.integers(1, 9, 2))
        expected = rng.integers(-9, 9, shape).astype(np.int8) * (rng.random(shape) < 0.3)
        rows = [np.flatnonzero(row) for row in expected]
        segments = np.cumsum([0, *(len(row) for row in rows)])
        if expected.any():
            levels: list[Level] = [shape[0].item(), (segments, np.concatenate(rows))]
            check(sparse_model(shape, expected[expected != 0], (0, 1), levels), expected)


@pytest.mark.parametrize(
    ("levels", "words"),
    [
        ((3, ([0, 3, 3], [0, 2, 3, 0, 3])), "too short"),
        ((3, ([0, 3, 2, 5], [0, 2, 3, 0, 3])), "does not fit"),
        ((3, ([0, 3, 3, 9], [0, 2, 3, 0, 3])), "does not fit"),
        ((3, ([0, 3, 3, 5], [0, 2, 4, 0, 3])), "outside dimension 1"),
        ((3, ([0, 3, 3, 4], [0, 2, 3, 0])), "describes 4 values"),
        ((99, ([0, 3, 3, 5], [0, 2, 3, 0, 3])), "dense_size"),
        ((3,), "traversal_order"),
    ],
)
def test_contradictions(levels: Sequence[Level], words: str) -> None:
    with pytest.raises(ModelError, match=words) as error:
        dense_of(sparse_model((3, 4), np.int8([6, 9, 8, 5, 7]), (0, 1), levels))
    assert "tensor 0 ('sparse'): sparsity" in str(error.value)


def test_no_expansion_beyond_a_multiple_of_the_file() -> None:
    with pytest.raises(ModelError, match="times as large as the file"):
        dense_of(sparse_model((1 << 14, 1 << 14), np.int8([1]), (0, 1), (1, ([0, 1], [0]))))
