"""SPLIT, SPLIT_V, UNPACK and PACK."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sanderling
from tests.support.arrays import Arguments, shapes, values
from tests.support.builder import T, build, const
from tests.support.compare import compare

SPLIT_DTYPES = ["float32", "int8", "uint8", "int16", "int32", "int64"]


@pytest.mark.parametrize("dtype", SPLIT_DTYPES)
@given(shapes(1, 5, 0, 4), st.integers(1, 4), st.booleans(), st.data())
def test_split(dtype: str, shape: tuple[int, ...], parts: int, constant: bool, data: st.DataObject) -> None:
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    whole = list(shape)
    whole[axis] *= parts
    a = Arguments()
    inputs = [a.add(np.array(axis, np.int32), constant), a.add(values(dtype, whole))]
    compare(build("SPLIT", inputs, [T(dtype, shape) for _ in range(parts)], num_splits=parts), a.feed)


@pytest.mark.parametrize("dtype", SPLIT_DTYPES)
@given(shapes(1, 5), st.lists(st.integers(0, 4), min_size=1, max_size=4), st.booleans(), st.booleans(), st.data())
def test_split_v(
    dtype: str, shape: tuple[int, ...], sizes: list[int], constant: bool, wide: bool, data: st.DataObject
) -> None:
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    whole = list(shape)
    whole[axis] = sum(sizes)
    spelled = np.array(sizes, np.int64 if wide else np.int32)
    if data.draw(st.booleans()):
        spelled[data.draw(st.integers(0, len(sizes) - 1))] = -1
    a = Arguments()
    inputs = [a.add(values(dtype, whole)), a.add(spelled, constant), a.add(np.array(axis, np.int32), True)]
    compare(build("SPLIT_V", inputs, [T(dtype, shape) for _ in sizes], num_splits=len(sizes)), a.feed)


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8", "uint8", "int16", "int32", "bool"])
@given(shapes(1, 5), st.data())
def test_unpack(dtype: str, shape: tuple[int, ...], data: st.DataObject) -> None:
    # The reference adds the rank to a negative axis in its preparation only and then reads nonsense.
    axis = data.draw(st.integers(0, len(shape) - 1))
    outputs = [T(dtype, shape[:axis] + shape[axis + 1 :]) for _ in range(shape[axis])]
    compare(build("UNPACK", [T(dtype, shape)], outputs, axis=axis, num=shape[axis]), [values(dtype, shape)])


@pytest.mark.parametrize("dtype", ["float32", "int8", "uint8", "int16", "int32", "uint32", "int64"])
@given(shapes(0, 4, 0, 4), st.integers(1, 4), st.data())
def test_pack(dtype: str, shape: tuple[int, ...], count: int, data: st.DataObject) -> None:
    axis = data.draw(st.integers(-len(shape) - 1, len(shape)))
    a = Arguments()
    inputs = [a.add(values(dtype, shape, seed), seed > 0 and data.draw(st.booleans())) for seed in range(count)]
    compare(build("PACK", inputs, T(dtype, (count, *shape)), values_count=count, axis=axis), a.feed)


def test_unpack_of_a_negative_axis() -> None:
    x = values("int8", (2, 3))
    outputs = [T("int8", (2,)) for _ in range(3)]
    got = sanderling.load(build("UNPACK", [T("int8", (2, 3))], outputs, axis=-1, num=3))(x)
    np.testing.assert_array_equal(np.stack(got, -1), x)


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
def test_quantized(dtype: str) -> None:
    q = {"scale": 0.25, "zero_point": 7}
    x = values(dtype, (4, 6, 2))
    twice = [T(dtype, (4, 6), **q)] * 2
    compare(build("PACK", twice, T(dtype, (4, 2, 6), **q), values_count=2, axis=1), [x[..., 0]])
    outputs = [T(dtype, (4, 6), **q) for _ in range(2)]
    compare(build("UNPACK", [T(dtype, (4, 6, 2), **q)], outputs, axis=2, num=2), [x])
    outputs = [T(dtype, (4, 3, 2), **q) for _ in range(2)]
    compare(build("SPLIT", [const(1), T(dtype, (4, 6, 2), **q)], outputs, num_splits=2), [x])


def test_resize() -> None:
    model = build("SPLIT", [const(1), T("int8", (1, 6))], [T("int8", (1, 3)), T("int8", (1, 3))], num_splits=2)
    compare(model, [values("int8", (5, 6))], resize=[(5, 6)])


@pytest.mark.parametrize(
    ("op", "inputs", "outputs", "options", "message"),
    [
        ("SPLIT", [const(1), T("int8", (1, 5))], 2, {"num_splits": 2}, "cannot be split evenly"),
        ("SPLIT", [const(2), T("int8", (1, 4))], 2, {"num_splits": 2}, "axis is 2"),
        ("SPLIT", [const(1), T("int8", (1, 4))], 2, {"num_splits": 0}, "num_splits"),
        ("SPLIT", [const([0, 1]), T("int8", (1, 4))], 2, {"num_splits": 2}, "axis .*one value expected"),
        ("SPLIT_V", [T("int8", (1, 4)), const([3, 2]), const(1)], 2, {"num_splits": 2}, "size 1 is 2"),
        ("SPLIT_V", [T("int8", (1, 4)), const([1, 2]), const(1)], 2, {"num_splits": 2}, "leave 1"),
        ("SPLIT_V", [T("int8", (1, 4)), const([-1, -1]), const(1)], 2, {"num_splits": 2}, "more than one"),
        ("SPLIT_V", [T("int8", (1, 4)), const([-2, 6]), const(1)], 2, {"num_splits": 2}, "size 0 is -2"),
        ("UNPACK", [T("int8", (3, 4))], 2, {"axis": 0, "num": 2}, "needs 3"),
        ("UNPACK", [T("int8", (2, 4))], 2, {"axis": 0, "num": 3}, "'num' is 3"),
        ("UNPACK", [T("int8", ())], 1, {"axis": 0, "num": 1}, "axis is 0"),
        ("PACK", [T("int8", (2,)), T("int8", (3,))], 1, {"values_count": 2}, "input 1 has shape"),
        ("PACK", [T("int8", (2,))], 1, {"values_count": 2}, "values_count"),
        ("PACK", [T("int8", (2,))], 1, {"values_count": 1, "axis": 3}, "axis is 3"),
        ("PACK", [T("int8", (2,), scale=3.0)], 1, {"values_count": 1}, "must be equal"),
    ],
)
def test_errors(op: str, inputs: list[T], outputs: int, options: dict[str, int], message: str) -> None:
    with pytest.raises(sanderling.ModelError, match=f"{op}.*{message}"):
        sanderling.load(build(op, inputs, [T("int8", (1, 2)) for _ in range(outputs)], **options))
