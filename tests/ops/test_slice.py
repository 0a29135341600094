"""SLICE and DYNAMIC_UPDATE_SLICE."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sanderling
from tests.support.arrays import Arguments, shapes, values
from tests.support.builder import T, build, const
from tests.support.compare import compare

DTYPES = ["float32", "float16", "int8", "uint8", "int16", "int32", "uint32", "int64", "bool"]


@pytest.mark.parametrize("dtype", DTYPES)
@given(shapes(1, 6, 1, 5), st.booleans(), st.sampled_from([np.int32, np.int64]), st.data())
def test_slice(dtype: str, shape: tuple[int, ...], constant: bool, of: type, data: st.DataObject) -> None:
    begin = [data.draw(st.integers(0, n - 1)) for n in shape]
    size = [data.draw(st.integers(1, n - b)) for n, b in zip(shape, begin, strict=True)]
    result = tuple(size)
    for i, n in enumerate(shape):
        if data.draw(st.sampled_from([False, False, True])):
            size[i], result = -1, (*result[:i], n - begin[i], *result[i + 1 :])
    a = Arguments()
    inputs = [a.add(values(dtype, shape)), a.add(np.array(begin, of), constant), a.add(np.array(size, of), constant)]
    # The reference trusts a declared shape of the output.
    compare(build("SLICE", inputs, T(dtype, result)), a.feed)


@given(shapes(1, 4, 0, 3), st.data())
def test_slice_of_nothing(shape: tuple[int, ...], data: st.DataObject) -> None:
    begin = [data.draw(st.integers(0, n)) for n in shape]
    size = [data.draw(st.integers(0, n - b)) for n, b in zip(shape, begin, strict=True)]
    x = values("int16", shape)
    inputs = [T("int16", shape), const(np.array(begin, np.int32)), const(np.array(size, np.int32))]
    got = sanderling.load(build("SLICE", inputs, T("int16", size)))(x)
    np.testing.assert_array_equal(got, x[tuple(slice(b, b + n) for b, n in zip(begin, size, strict=True))])


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8", "uint8", "int16", "int32", "int64", "bool"])
@given(shapes(1, 5, 1, 5), st.booleans(), st.sampled_from([np.int32, np.int64]), st.data())
def test_dynamic_update_slice(
    dtype: str, shape: tuple[int, ...], constant: bool, of: type, data: st.DataObject
) -> None:
    update = tuple(data.draw(st.integers(0 if i == 0 else 1, n)) for i, n in enumerate(shape))
    start = [data.draw(st.integers(-2, n + 1)) for n in shape]
    a = Arguments()
    inputs = [a.add(values(dtype, shape)), a.add(values(dtype, update, 1)), a.add(np.array(start, of), constant)]
    compare(build("DYNAMIC_UPDATE_SLICE", inputs, T(dtype, shape)), a.feed)


def test_update_of_a_constant() -> None:
    # What the operator is given must survive: it is a constant here, and an output.
    x = const(values("int8", (4, 5)))
    model = build("DYNAMIC_UPDATE_SLICE", [x, T("int8", (2, 2)), T("int32", (2,))], T("int8", (4, 5)))
    runner = sanderling.load(model)
    for start in ((0, 0), (2, 3), (9, 9)):
        index = np.array(start, np.int32)
        expected = np.array(x.data)
        i, j = min(start[0], 2), min(start[1], 3)
        expected[i : i + 2, j : j + 2] = [[1, 2], [3, 4]]
        np.testing.assert_array_equal(runner(np.array([[1, 2], [3, 4]], np.int8), index), expected)


def test_resize() -> None:
    inputs = [T("int8", (1, 4)), const([0, 1]), const([-1, 2])]
    model = build("SLICE", inputs, T("int8", ()))
    compare(model, [values("int8", (5, 4))], resize=[(5, 4)])


@pytest.mark.parametrize(
    ("begin", "size", "message"),
    [
        ([0, 0], [3, 1], "takes 3"),
        ([0, 0], [-2, 1], "takes -2"),
        ([-1, 0], [1, 1], "begins at -1"),
        ([3, 0], [-1, 1], "begins at 3"),
        ([0], [1], "expected"),
        (np.array([2**62, 0]), np.array([2**62, 1]), "begins at"),
        (np.array([1, 0]), np.array([2**63 - 1, 1]), "takes"),
    ],
)
def test_errors(begin: object, size: object, message: str) -> None:
    with pytest.raises(sanderling.ModelError, match=f"SLICE.*{message}"):
        sanderling.load(build("SLICE", [T("int8", (2, 3)), const(begin), const(size)], T("int8", (1, 1))))


@pytest.mark.parametrize(
    ("update", "start", "message"),
    [
        (T("int8", (3, 3)), const([0, 0]), "larger than"),
        (T("int8", (2,)), const([0, 0]), "the update has shape"),
        (T("int8", (2, 3)), const([0]), "start indices"),
        (T("int16", (2, 3)), const([0, 0]), "int16"),
    ],
)
def test_errors_of_update(update: T, start: T, message: str) -> None:
    with pytest.raises(sanderling.ModelError, match=f"DYNAMIC_UPDATE_SLICE.*{message}"):
        sanderling.load(build("DYNAMIC_UPDATE_SLICE", [T("int8", (2, 3)), update, start], T("int8", (2, 3))))
