"""GATHER, EMBEDDING_LOOKUP and SCATTER_ND; GATHER_ND is in test_gather_nd.py."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sanderling
from tests.support.arrays import Arguments, shapes, values
from tests.support.builder import T, build, const
from tests.support.compare import compare

DTYPES = ["float32", "float16", "int8", "uint8", "int16", "int32", "int64", "bool"]


@pytest.mark.parametrize("dtype", DTYPES)
@given(shapes(1, 5, 1, 5), shapes(0, 2, 1, 4), st.booleans(), st.sampled_from(["int16", "int32", "int64"]), st.data())
def test_gather(
    dtype: str, shape: tuple[int, ...], tail: tuple[int, ...], constant: bool, of: str, data: st.DataObject
) -> None:
    axis = data.draw(st.integers(0, len(shape) - 1))
    batch_dims = data.draw(st.integers(0, axis))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**16)))
    index = rng.integers(0, shape[axis], (*shape[:batch_dims], *tail)).astype(of)
    # A batch_dims below zero counts from the rank of the indices; the reference then reads the wrong batches.
    axis -= data.draw(st.sampled_from([0, len(shape)])) if batch_dims == 0 else 0
    a = Arguments()
    inputs = [a.add(values(dtype, shape)), a.add(index, constant)]
    compare(build("GATHER", inputs, T(dtype, (1,)), axis=axis, batch_dims=batch_dims), a.feed)


@pytest.mark.parametrize("index", [-1, 3, -(2**31), 2**31 - 1])
def test_index_out_of_range(index: int) -> None:
    model = sanderling.load(build("GATHER", [T("int8", (3, 2)), T("int32", (2,))], T("int8", (2, 2)), axis=0))
    with pytest.raises(sanderling.ModelError, match=r"GATHER.*index .* is not in \[0, 3\)"):
        model(values("int8", (3, 2)), np.array([0, index], np.int32))


def test_threads_and_resize() -> None:
    model = build("GATHER", [T("int8", (1, 8, 2)), T("int32", (1, 3))], T("int8", (1,)), axis=1, batch_dims=1)
    x = values("int8", (300, 8, 200))
    index = np.random.default_rng(0).integers(0, 8, (300, 30)).astype(np.int32)
    compare(model, [x, index], resize=[x.shape, index.shape], threads=3)


@pytest.mark.parametrize("dtype", ["float32", "int8", "uint8", "int16", "int32", "int64"])
@given(shapes(2, 4, 1, 5), st.integers(0, 6), st.integers(0, 2**16))
def test_embedding_lookup(dtype: str, shape: tuple[int, ...], count: int, seed: int) -> None:
    index = np.random.default_rng(seed).integers(0, shape[0], count).astype(np.int32)
    table = const(values(dtype, shape))
    compare(build("EMBEDDING_LOOKUP", [T("int32", (count,)), table], T(dtype, (count, *shape[1:]))), [index])


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
@pytest.mark.parametrize("per_row", [False, True])
@given(shapes(2, 4, 2, 5), st.integers(1, 6), st.integers(0, 2**16))
def test_embedding_lookup_hybrid(dtype: str, per_row: bool, shape: tuple[int, ...], count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    index = rng.integers(0, shape[0], count).astype(np.int32)
    scale = np.float32(2.0 ** rng.uniform(-20, 4, shape[0] if per_row else 1))
    table = const(values(dtype, shape), scale=scale)
    compare(build("EMBEDDING_LOOKUP", [T("int32", (count,)), table], T("float32", (count, *shape[1:]))), [index])


def test_embedding_lookup_out_of_range() -> None:
    table = const(values("int8", (3, 2)), scale=0.5)
    for out in ("int8", "float32"):
        model = sanderling.load(build("EMBEDDING_LOOKUP", [T("int32", (1,)), table], T(out, (1, 2))))
        with pytest.raises(sanderling.ModelError, match=r"EMBEDDING_LOOKUP.*index 3"):
            model(np.array([3], np.int32))


@pytest.mark.parametrize("dtype", ["float32", "int8", "uint8", "int32", "int64", "bool"])
@given(shapes(1, 4, 1, 4), shapes(1, 3, 1, 4), st.booleans(), st.data())
def test_scatter_nd(
    dtype: str, shape: tuple[int, ...], lead: tuple[int, ...], constant: bool, data: st.DataObject
) -> None:
    depth = data.draw(st.integers(1, len(shape)))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**16)))
    # Indices come twice: their updates are added.
    index = rng.integers(0, shape[:depth], (*lead, depth)).astype(np.int32)
    a = Arguments()
    inputs = [a.add(index), a.add(values(dtype, (*lead, *shape[depth:])))]
    inputs.append(a.add(np.array(shape, np.int32), constant))
    compare(build("SCATTER_ND", inputs, T(dtype, shape)), a.feed)


@pytest.mark.parametrize("dtype", ["int8", "int32", "int64"])
def test_scatter_nd_wraps(dtype: str) -> None:
    most = np.full(2, np.iinfo(dtype).max, dtype)
    inputs = [const([[1], [1]]), T(dtype, (2,)), const([3])]
    np.testing.assert_array_equal(compare(build("SCATTER_ND", inputs, T(dtype, (3,))), [most])[0], [0, -2, 0])


def test_scatter_nd_out_of_range() -> None:
    model = sanderling.load(
        build("SCATTER_ND", [T("int32", (1, 2)), T("int8", (1,)), const([2, 3])], T("int8", (2, 3)))
    )
    for index in ([0, 3], [2, 0], [-1, 1]):
        with pytest.raises(sanderling.ModelError, match=r"SCATTER_ND.*index"):
            model(np.array([index], np.int32), np.ones(1, np.int8))


@pytest.mark.parametrize(
    ("op", "inputs", "options", "message"),
    [
        ("GATHER", [T("int8", (2, 3)), const([0])], {"axis": 2}, "'axis' is 2"),
        ("GATHER", [T("int8", (2, 3)), const([0])], {"axis": 0, "batch_dims": 1}, "batch_dims"),
        ("GATHER", [T("int8", (2, 3)), const([[0]])], {"axis": 1, "batch_dims": 1}, "differ in dimension 0"),
        ("GATHER", [T("int8", (2, 3)), const([0])], {"axis": 1, "batch_dims": -5}, "batch_dims"),
        ("GATHER", [T("int8", (2, 3)), const([0.0])], {"axis": 1}, "indices .* are float32"),
        ("GATHER", [T("int8", (2, 3)), const(np.zeros((1,) * 8, np.int32))], {"axis": 1}, "at most 8"),
        ("EMBEDDING_LOOKUP", [const([0]), T("int8", (2,))], {}, "2 dimensions at least"),
        ("EMBEDDING_LOOKUP", [const([[0]]), T("int8", (2, 2))], {}, "a vector of int32"),
        ("EMBEDDING_LOOKUP", [const([0]), T("int16", (2, 2))], {}, "the same types"),
        ("SCATTER_ND", [const([[0]]), T("int8", (1, 2)), const([3])], {}, "updates have shape"),
        ("SCATTER_ND", [const([[0, 0]]), T("int8", (1,)), const([3])], {}, "2 coordinates"),
        ("SCATTER_ND", [const([[0]]), T("int8", (1,)), const([-3])], {}, "negative"),
        ("SCATTER_ND", [const([[0]]), T("int8", (1, 2)), const([2**31 - 1, 2])], {}, "memory limit"),
    ],
)
def test_errors(op: str, inputs: list[T], options: dict[str, int], message: str) -> None:
    with pytest.raises(sanderling.ModelError, match=f"{op}.*{message}"):
        sanderling.load(build(op, inputs, T("int8", (1,)), **options))
