"""WHERE and UNIQUE: the shape of the output depends on values."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sanderling
from tests.support.arrays import shapes, values
from tests.support.builder import Net, T, build, const
from tests.support.compare import compare


@pytest.mark.parametrize("dtype", ["float32", "bool", "int8", "uint8", "int32", "uint32", "int64"])
@given(shapes(1, 4, 1, 4), st.floats(0.1, 1), st.integers(0, 2**16), st.booleans())
def test_where(dtype: str, shape: tuple[int, ...], share: float, seed: int, constant: bool) -> None:
    keep = np.random.default_rng(seed).random(shape) < share
    keep.flat[0] = True  # LiteRT's interpreter does not hand out an empty array that was sized at run time.
    x = np.where(keep, 1, 0).astype(dtype)
    model = build("WHERE", [const(x) if constant else T(dtype, shape)], T("int64", (1, len(shape))))
    compare(model, [] if constant else [x])


def test_where_of_nothing_and_special_floats() -> None:
    model = sanderling.load(build("WHERE", [T("float32", (5,))], T("int64", (1, 1))))
    assert model(np.zeros(5, np.float32)).shape == (0, 1)
    np.testing.assert_array_equal(model(np.array([np.nan, -0.0, 0, np.inf, 1e-45], np.float32)), [[0], [3], [4]])


def test_where_feeds_a_gather() -> None:
    net = Net()
    x = net.input(T("int8", (3, 4)))
    places = net.op("WHERE", [x], T("int64", (1, 2)))
    y = net.op("GATHER_ND", [x, places], T("int8", (1,)))
    model = sanderling.load(net.build([y]))
    for seed in range(5):
        v = values("int8", (3, 4), seed) * (values("bool", (3, 4), seed))
        np.testing.assert_array_equal(model(v.astype(np.int8)), v[v != 0])


@pytest.mark.parametrize("numbers", ["int32", "int64"])
@pytest.mark.parametrize("dtype", ["float32", "int8", "uint8", "int16", "int32", "int64"])
@given(st.lists(st.integers(0, 9), min_size=1, max_size=30), st.integers(0, 99))
def test_unique(dtype: str, numbers: str, picks: list[int], seed: int) -> None:
    x = values(dtype, (10,), seed)[picks]
    outputs = [T(dtype, (1,)), T(numbers, (len(x),))]
    compare(build("UNIQUE", [T(dtype, (len(x),))], outputs, idx_out_type=numbers), [x])


def test_unique_of_special_floats() -> None:
    model = sanderling.load(build("UNIQUE", [T("float32", (6,))], [T("float32", (1,)), T("int32", (6,))]))
    found, number = model(np.array([np.nan, 0, -0.0, 1, np.nan, -np.inf], np.float32))
    np.testing.assert_array_equal(found, np.array([np.nan, 0, 1, -np.inf], np.float32))
    np.testing.assert_array_equal(number, [0, 1, 1, 2, 0, 3])


def test_errors() -> None:
    with pytest.raises(sanderling.ModelError, match=r"WHERE.*scalar"):
        sanderling.load(build("WHERE", [T("int8", ())], T("int64", (1, 1))))
    with pytest.raises(sanderling.ModelError, match=r"WHERE.*int64 expected"):
        sanderling.load(build("WHERE", [T("int8", (2,))], T("int32", (1, 1))))
    with pytest.raises(sanderling.ModelError, match=r"UNIQUE.*a vector expected"):
        sanderling.load(build("UNIQUE", [T("int8", (2, 2))], [T("int8", (1,)), T("int32", (2,))]))
    with pytest.raises(sanderling.ModelError, match=r"UNIQUE.*bool"):
        sanderling.load(build("UNIQUE", [T("bool", (2,))], [T("bool", (1,)), T("int32", (2,))]))
