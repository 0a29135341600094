"""GATHER_ND."""

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
@given(shapes(1, 4), shapes(0, 3, 1, 4), st.booleans(), st.data())
def test_gather_nd(
    dtype: str, shape: tuple[int, ...], lead: tuple[int, ...], constant: bool, data: st.DataObject
) -> None:
    depth = data.draw(st.integers(1, len(shape)))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**16)))
    of = data.draw(st.sampled_from(["int16", "int32", "int64"]))
    indices = rng.integers(0, shape[:depth], (*lead, depth)).astype(of)
    a = Arguments()
    inputs = [a.add(values(dtype, shape)), a.add(indices, constant)]
    compare(build("GATHER_ND", inputs, T(dtype, (1,))), a.feed)


def test_threads_and_resize() -> None:
    model = build("GATHER_ND", [T("int8", (4, 500)), T("int32", (2, 1))], T("int8", (2, 500)))
    index = np.arange(999, dtype=np.int32).reshape(-1, 1) % 7
    compare(model, [values("int8", (7, 500)), index], resize=[(7, 500), (999, 1)], threads=3)


@pytest.mark.parametrize("index", [[-1, 0], [2, 0], [0, 3], [-(2**31), 2**31 - 1]])
def test_index_out_of_range(index: list[int]) -> None:
    model = sanderling.load(build("GATHER_ND", [T("int8", (2, 3)), T("int32", (1, 2))], T("int8", (1,))))
    with pytest.raises(sanderling.ModelError, match=r"GATHER_ND.*index .* is not in"):
        model(values("int8", (2, 3)), np.array([index], np.int32))
    # The fault leaves the model usable.
    model(values("int8", (2, 3)), np.array([[1, 2]], np.int32))


def test_many_indices_of_nothing() -> None:
    # A file can ask for 2^38 empty results; they must not be visited one by one.
    indices = T("int32", (2**20, 2**18, 0))
    model = build("GATHER_ND", [T("int8", (0, 1)), indices], T("int8", (2**20, 2**18, 0, 1)))
    feed = [np.zeros((0, 1), np.int8), np.zeros((2**20, 2**18, 0), np.int32)]
    assert sanderling.load(model)(*feed).shape == (2**20, 2**18, 0, 1)


@pytest.mark.parametrize(
    ("x", "indices", "message"),
    [
        (T("int8", (2, 3)), const(np.zeros((1, 3), np.int32)), "3 coordinates"),
        (T("int8", (2, 3)), const(np.zeros((), np.int32)), "a vector at least"),
        (T("int8", ()), const(np.zeros((1, 0), np.int32)), "scalar"),
        (T("int8", (2, 3)), const(np.zeros((1, 1), np.float32)), "indices .* are float32"),
    ],
)
def test_errors(x: T, indices: T, message: str) -> None:
    with pytest.raises(sanderling.ModelError, match=f"GATHER_ND.*{message}"):
        sanderling.load(build("GATHER_ND", [x, indices], T("int8", (1,))))
