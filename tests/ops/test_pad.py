"""PAD and PADV2."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sanderling
from tests.support.arrays import Arguments, shapes, values
from tests.support.builder import T, build, const
from tests.support.compare import compare

DTYPES = ["float32", "float16", "int8", "uint8", "int16", "int32", "int64", "bool"]
QUANTIZED = ["int8", "uint8", "int16"]


def draw_paddings(data: st.DataObject, rank: int) -> np.ndarray:
    amounts = st.sampled_from([0, 0, 0, 1, 2, 3])
    drawn = data.draw(st.lists(amounts, min_size=2 * rank, max_size=2 * rank))
    return np.array(drawn, data.draw(st.sampled_from([np.int32, np.int64, np.int16, np.int8]))).reshape(rank, 2)


@pytest.mark.parametrize("dtype", DTYPES)
@given(shapes(1, 5, 1, 4), st.booleans(), st.data())
def test_pad(dtype: str, shape: tuple[int, ...], constant: bool, data: st.DataObject) -> None:
    paddings = draw_paddings(data, len(shape))
    a = Arguments()
    inputs = [a.add(values(dtype, shape)), a.add(paddings, constant)]
    compare(build("PAD", inputs, T(dtype, shape)), a.feed)


@pytest.mark.parametrize("dtype", QUANTIZED)
@given(shapes(1, 5, 1, 4), st.booleans(), st.data())
def test_pad_with_zero_point(dtype: str, shape: tuple[int, ...], constant: bool, data: st.DataObject) -> None:
    info = np.iinfo(dtype)
    q = {"scale": 0.5, "zero_point": data.draw(st.integers(int(info.min), int(info.max)))}
    a = Arguments()
    inputs = [a.add(values(dtype, shape), **q), a.add(draw_paddings(data, len(shape)), constant)]
    compare(build("PAD", inputs, T(dtype, shape, **q)), a.feed)


@pytest.mark.parametrize("dtype", DTYPES)
@given(shapes(1, 5, 1, 4), st.booleans(), st.booleans(), st.data())
def test_padv2(dtype: str, shape: tuple[int, ...], constant: bool, fixed: bool, data: st.DataObject) -> None:
    q = {"scale": 0.5, "zero_point": 3} if dtype in QUANTIZED and data.draw(st.booleans()) else {}
    a = Arguments()
    value = values(dtype, (), data.draw(st.integers(0, 100)))
    inputs = [
        a.add(values(dtype, shape), **q),
        a.add(draw_paddings(data, len(shape)), constant),
        a.add(np.asarray(value), fixed, **q),
    ]
    compare(build("PADV2", inputs, T(dtype, shape, **q)), a.feed)


@given(shapes(1, 4, 0, 2), st.data())
def test_empty(shape: tuple[int, ...], data: st.DataObject) -> None:
    a = Arguments()
    inputs = [a.add(values("float32", shape)), a.add(draw_paddings(data, len(shape)), True)]
    compare(build("PAD", inputs, T("float32", shape)), a.feed)


def test_scalar() -> None:
    model = build("PAD", [T("float32", ()), const(np.zeros((0, 2), np.int32))], T("float32", ()))
    assert sanderling.load(model)(np.array(3, np.float32)) == 3


def test_picture_threads_resize() -> None:
    q = {"scale": 0.5, "zero_point": -7}
    paddings = const([[0, 0], [1, 2], [3, 4], [0, 0]])
    model = build("PAD", [T("int8", (1, 8, 8, 3), **q), paddings], T("int8", (1, 11, 15, 3), **q))
    compare(model, [values("int8", (3, 64, 60, 3))], resize=[(3, 64, 60, 3)], threads=3)


@pytest.mark.parametrize(
    ("paddings", "message"),
    [
        ([[0, 0], [0, -1]], "paddings of dimension 1"),
        ([[0, 0]], "have shape"),
        ([0, 0, 0, 0], "have shape"),
        ([[2**31 - 1] * 2] * 2, "too many elements|memory limit"),
        (np.array([[0, 0], [2**40, 0]], np.int64), "paddings of dimension 1"),
        (np.array([[0, 0], [0, -(2**63)]], np.int64), "paddings of dimension 1"),
        (np.zeros((2, 2), np.float32), "float32; int32 or int64 expected"),
    ],
)
def test_errors(paddings: object, message: str) -> None:
    with pytest.raises(sanderling.ModelError, match=f"PAD.*({message})"):
        sanderling.load(build("PAD", [T("int8", (1, 2)), const(paddings)], T("int8", (1, 2))))


def test_error_of_the_value() -> None:
    value = const(np.zeros(2, np.int8))
    model = build("PADV2", [T("int8", (1,)), const([[0, 0]]), value], T("int8", (1,)))
    with pytest.raises(sanderling.ModelError, match=r"PADV2.*one value expected"):
        sanderling.load(model)
