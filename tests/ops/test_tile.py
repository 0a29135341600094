"""TILE, BROADCAST_TO, BROADCAST_ARGS, FILL and RANGE."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sanderling
from tests.support.arrays import Arguments, shapes, values
from tests.support.builder import T, build, const
from tests.support.compare import compare

indices = st.sampled_from([np.int32, np.int64])


@pytest.mark.parametrize("dtype", ["float32", "int8", "uint8", "int16", "int32", "int64", "bool"])
@given(shapes(1, 5, 1, 4), st.booleans(), indices, st.data())
def test_tile(dtype: str, shape: tuple[int, ...], constant: bool, of: type, data: st.DataObject) -> None:
    multiples = [data.draw(st.integers(1, 3)) for _ in shape]
    a = Arguments()
    inputs = [a.add(values(dtype, shape)), a.add(np.array(multiples, of), constant)]
    compare(build("TILE", inputs, T(dtype, shape)), a.feed)


@pytest.mark.parametrize("multiples", [(0, 2), (2, 0), (3, 1)])
def test_tile_of_nothing(multiples: tuple[int, int]) -> None:
    for shape in ((2, 3), (0, 3), (3, 0)):
        x = values("int8", shape)
        model = build("TILE", [T("int8", shape), const(multiples)], T("int8", shape))
        np.testing.assert_array_equal(sanderling.load(model)(x), np.tile(x, multiples))


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8", "uint8", "int16", "int32", "int64", "bool"])
@given(shapes(0, 5, 1, 4), st.booleans(), indices, st.data())
def test_broadcast_to(dtype: str, target: tuple[int, ...], constant: bool, of: type, data: st.DataObject) -> None:
    kept = target[data.draw(st.integers(0, len(target))) :]
    shape = tuple(1 if data.draw(st.booleans()) else n for n in kept)
    a = Arguments()
    inputs = [a.add(values(dtype, shape)), a.add(np.array(target, of), constant)]
    compare(build("BROADCAST_TO", inputs, T(dtype, target)), a.feed)


@given(shapes(0, 5, 1, 4), st.booleans(), indices, st.data())
def test_broadcast_args(target: tuple[int, ...], constant: bool, of: type, data: st.DataObject) -> None:
    a = Arguments()
    inputs = []
    for _ in range(2):
        part = [1 if data.draw(st.booleans()) else n for n in target]
        inputs.append(a.add(np.array(part[data.draw(st.integers(0, len(part))) :], of), constant))
    compare(build("BROADCAST_ARGS", inputs, T(np.dtype(of).name, (len(target),))), a.feed)


def test_broadcast_args_that_do_not_fit() -> None:
    model = sanderling.load(build("BROADCAST_ARGS", [T("int32", (2,)), T("int32", (1,))], T("int32", (2,))))
    with pytest.raises(sanderling.ModelError, match=r"BROADCAST_ARGS.*extents 3 and 2"):
        model(np.array([1, 3], np.int32), np.array([2], np.int32))


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8", "int16", "int32", "int64", "bool"])
@given(shapes(0, 4, 1, 5), st.booleans(), st.booleans(), indices, st.integers(0, 99))
def test_fill(dtype: str, shape: tuple[int, ...], constant: bool, fixed: bool, of: type, seed: int) -> None:
    a = Arguments()
    inputs = [a.add(np.array(shape, of), constant), a.add(np.asarray(values(dtype, (), seed)), fixed)]
    compare(build("FILL", inputs, T(dtype, shape)), a.feed)


def test_fill_of_quantized() -> None:
    q = {"scale": 0.5, "zero_point": 3}
    compare(build("FILL", [const([2, 3]), T("int8", (), **q)], T("int8", (2, 3), **q)), [np.array(7, np.int8)])


@pytest.mark.parametrize("dtype", ["int32", "int64", "float32"])
@given(st.integers(-50, 50), st.integers(0, 60), st.integers(1, 9), st.booleans(), st.booleans())
def test_range(dtype: str, start: int, length: int, delta: int, down: bool, constant: bool) -> None:
    start, limit, delta = (start, start - length, -delta) if down else (start, start + length, delta)
    parts = np.array([start, limit, delta])
    if dtype == "float32":
        parts = parts / 7
    a = Arguments()
    inputs = [a.add(np.asarray(v), constant) for v in parts.astype(dtype)]
    compare(build("RANGE", inputs, T(dtype, (1,))), a.feed)


def test_range_at_the_limits() -> None:
    low, high = -(2**31), 2**31 - 1
    model = build("RANGE", [const(low), const(high), const(2**30)], T("int32", (1,)))
    np.testing.assert_array_equal(sanderling.load(model)(), [low, -(2**30), 0, 2**30])
    parts = [const(np.array(v)) for v in (2**63 - 1, -(2**63), -(2**62))]
    expected = [2**63 - 1, 2**62 - 1, -1, -(2**62) - 1]
    np.testing.assert_array_equal(sanderling.load(build("RANGE", parts, T("int64", (1,))))(), expected)


def test_range_changes_with_its_values() -> None:
    # The shape depends on values: the operator is planned again for each.
    model = sanderling.load(build("RANGE", [const(0), T("int32", ()), const(2)], T("int32", (1,))))
    for limit in (5, 8, 5, 0):
        np.testing.assert_array_equal(model(np.array(limit, np.int32)), np.arange(0, limit, 2))


@pytest.mark.parametrize(
    ("op", "inputs", "message"),
    [
        ("TILE", [T("int8", (2, 3)), const([1])], "multiples"),
        ("TILE", [T("int8", (2, 3)), const([1, -1])], "multiple 1 is -1"),
        ("TILE", [T("int8", (2, 3)), const([2**31 - 1, 2**31 - 1])], "too many elements"),
        ("TILE", [T("int8", (2, 3)), const(np.array([1, 2**62]))], "multiple 1"),
        ("TILE", [T("int8", (2, 3)), const([2**31 - 1, 1])], "memory limit"),
        ("BROADCAST_TO", [T("int8", (2, 3)), const([2, 2])], "cannot be broadcast"),
        ("BROADCAST_TO", [T("int8", (2, 3)), const([3])], "more than 1 dimensions"),
        ("BROADCAST_TO", [T("int8", (1, 3)), const([-2, 3])], "negative"),
        ("FILL", [const([-1]), T("int8", ())], "negative"),
        ("FILL", [const([2**31 - 1] * 2), T("int8", ())], "too many elements"),
        ("FILL", [const([[2]]), T("int8", ())], "a vector expected"),
        ("FILL", [const([2]), T("int8", (2,))], "a scalar expected"),
        ("RANGE", [const(0), const(5), const(0)], "cannot count"),
        ("RANGE", [const(0), const(5), const(-1)], "cannot count"),
        ("RANGE", [const(0.0), const(float("nan")), const(1.0)], "cannot count"),
        ("RANGE", [const(0.0), const(float("inf")), const(1.0)], "has inf elements"),
        ("RANGE", [const(0.0), const(3e38), const(1e-3)], "elements"),
        ("RANGE", [const(-(2**31)), const(2**31 - 1), const(1)], "4294967295 elements"),
    ],
)
def test_errors(op: str, inputs: list[T], message: str) -> None:
    with pytest.raises(sanderling.ModelError, match=f"{op}.*{message}"):
        sanderling.load(build(op, inputs, T(inputs[0].dtype if op == "RANGE" else "int8", (1,))))
