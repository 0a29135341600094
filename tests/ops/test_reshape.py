"""RESHAPE, SQUEEZE, EXPAND_DIMS and BITCAST."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sanderling
from tests.support.arrays import Arguments, shapes, values
from tests.support.builder import Net, T, build, const
from tests.support.compare import compare

DTYPES = ["float32", "float16", "int8", "uint8", "int16", "int32", "int64", "bool"]


@pytest.mark.parametrize("dtype", DTYPES)
@given(st.lists(st.integers(1, 4), max_size=4), st.booleans(), st.booleans(), st.data())
def test_reshape(dtype: str, shape: list[int], free: bool, constant: bool, data: st.DataObject) -> None:
    target = data.draw(st.permutations(shape)) if shape else [1]
    spelled = list(target)
    if free and spelled:
        spelled[data.draw(st.integers(0, len(spelled) - 1))] = -1
    a = Arguments()
    inputs = [a.add(values(dtype, shape)), a.add(np.array(spelled, np.int32), constant)]
    compare(build("RESHAPE", inputs, T(dtype, target), new_shape=[]), a.feed)


@given(st.lists(st.sampled_from([0, 1, 2, 3]), min_size=1, max_size=3), st.booleans(), st.data())
def test_reshape_of_nothing(shape: list[int], free: bool, data: st.DataObject) -> None:
    target = list(data.draw(st.permutations(shape)))
    if free:
        target[data.draw(st.integers(0, len(target) - 1))] = -1
    a = Arguments()
    inputs = [a.add(values("int8", shape)), a.add(np.array(target, np.int32), True)]
    compare(build("RESHAPE", inputs, T("int8", shape), new_shape=[]), a.feed)


@pytest.mark.parametrize(
    ("shape", "option", "target"),
    [
        ((1, 1), [0], None),  # [0] as an option means a scalar
        ((1, 1), [], None),
        ((2, 3), [3, -1], None),
        ((2, 3), [3, 2], np.array([[6]], np.int32)),  # an input that is no vector is not read
        ((2, 3), [3, 2], np.array(6, np.int32)),
        ((2, 3), [3, 2], np.array([6], np.int32)),
        ((1,), [], np.zeros(0, np.int32)),
        ((2, 0), [], np.array([0], np.int32)),
    ],
)
def test_targets(shape: tuple[int, ...], option: list[int], target: np.ndarray | None) -> None:
    inputs = [T("int8", shape)] + ([] if target is None else [const(target)])
    compare(build("RESHAPE", inputs, T("int8", shape), new_shape=option), [values("int8", shape)])


def test_target_of_int64() -> None:
    # LiteRT ignores such an input, and here there is no option to fall back on.
    model = build("RESHAPE", [T("int8", (2, 3)), const(np.array([3, -1], np.int64))], T("int8", (3, 2)), new_shape=[])
    assert sanderling.load(model)(values("int8", (2, 3))).shape == (3, 2)


def test_resize() -> None:
    model = build("RESHAPE", [T("int8", (1, 4)), const([-1, 2])], T("int8", (2, 2)), new_shape=[])
    compare(model, [values("int8", (5, 4))], resize=[(5, 4)])


def test_chain_keeps_values() -> None:
    # Input and outputs of several operators may share memory.
    net = Net()
    x = net.input(T("int8", (2, 6)))
    a = net.op("RESHAPE", [x, const([3, 4])], T("int8", (3, 4)), new_shape=[])
    b = net.op("EXPAND_DIMS", [a, const(1)], T("int8", (3, 1, 4)))
    c = net.op("SQUEEZE", [b], T("int8", (3, 4)), squeeze_dims=[1])
    d = net.op("TRANSPOSE", [c, const([1, 0])], T("int8", (4, 3)))
    compare(net.build([x, a, b, c, d]), [values("int8", (2, 6))])


@pytest.mark.parametrize("dtype", DTYPES)
@given(shapes(0, 5, 1, 3), st.data())
def test_squeeze(dtype: str, shape: tuple[int, ...], data: st.DataObject) -> None:
    ones = [i - data.draw(st.sampled_from([0, len(shape)])) for i, n in enumerate(shape) if n == 1]
    axes = data.draw(st.lists(st.sampled_from(ones), max_size=3)) if ones else []
    compare(build("SQUEEZE", [T(dtype, shape)], T(dtype, shape), squeeze_dims=axes), [values(dtype, shape)])


@pytest.mark.parametrize("dtype", DTYPES)
@given(shapes(0, 4, 0, 4), st.booleans(), st.sampled_from([np.int32, np.int64]), st.booleans(), st.data())
def test_expand_dims(
    dtype: str, shape: tuple[int, ...], constant: bool, of: type, vector: bool, data: st.DataObject
) -> None:
    axis = np.array(data.draw(st.integers(-len(shape) - 1, len(shape))), of)
    a = Arguments()
    inputs = [a.add(values(dtype, shape)), a.add(axis.reshape(1) if vector else axis, constant)]
    compare(build("EXPAND_DIMS", inputs, T(dtype, (1, *shape))), a.feed)


@pytest.mark.parametrize("to", ["int8", "uint8", "int16", "int32", "uint32", "int64"])
@pytest.mark.parametrize("dtype", ["float32", "int8", "uint8", "int16", "int32", "int64"])
@given(shapes(0, 3, 1, 4))
def test_bitcast(dtype: str, to: str, shape: tuple[int, ...]) -> None:
    ratio = np.dtype(to).itemsize // np.dtype(dtype).itemsize
    if ratio > 1:
        shape = (*shape, ratio)
    compare(build("BITCAST", [T(dtype, shape)], T(to, shape)), [values(dtype, shape)])


@pytest.mark.parametrize(
    ("op", "inputs", "options", "message"),
    [
        ("RESHAPE", [T("int8", (2, 3)), const([4, 2])], {"new_shape": []}, "cannot reshape"),
        ("RESHAPE", [T("int8", (2, 3)), const([4, -1])], {"new_shape": []}, "cannot reshape"),
        ("RESHAPE", [T("int8", (2, 3)), const([-1, -1])], {"new_shape": []}, "more than one -1"),
        ("RESHAPE", [T("int8", (2, 3)), const([-2, -3])], {"new_shape": []}, "negative"),
        ("RESHAPE", [T("int8", (2, 3)), const([2**31 - 1] * 5)], {"new_shape": []}, "too many elements"),
        ("RESHAPE", [T("int8", (2, 3)), const([1] * 9)], {"new_shape": []}, "at most 8"),
        ("SQUEEZE", [T("int8", (2, 1))], {"squeeze_dims": [0]}, "which is not 1"),
        ("SQUEEZE", [T("int8", (2, 1))], {"squeeze_dims": [2]}, "squeeze_dims"),
        ("EXPAND_DIMS", [T("int8", (2, 1)), const(3)], {}, "axis is 3"),
        ("EXPAND_DIMS", [T("int8", (2, 1)), const([0, 1])], {}, "one value"),
        ("EXPAND_DIMS", [T("int8", (1,) * 8), const(0)], {}, "at most 8"),
    ],
)
def test_errors(op: str, inputs: list[T], options: dict[str, list[int]], message: str) -> None:
    with pytest.raises(sanderling.ModelError, match=f"{op}.*{message}"):
        sanderling.load(build(op, inputs, T("int8", (1,)), **options))


def test_error_of_bitcast() -> None:
    with pytest.raises(sanderling.ModelError, match=r"BITCAST.*last dimension must be 4"):
        sanderling.load(build("BITCAST", [T("int8", (2, 3))], T("int32", (2,))))
