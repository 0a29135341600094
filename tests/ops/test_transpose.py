"""TRANSPOSE, REVERSE_V2, REVERSE_SEQUENCE, SPACE_TO_DEPTH and DEPTH_TO_SPACE."""

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
# Of a scalar, the reference returns memory that nobody wrote.
@given(shapes(1, 6, 1, 5), st.booleans(), st.data())
def test_transpose(dtype: str, shape: tuple[int, ...], constant: bool, data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(shape))))
    order = [p - data.draw(st.sampled_from([0, len(shape)])) for p in order]
    a = Arguments()
    inputs = [a.add(values(dtype, shape)), a.add(np.array(order, np.int32), constant)]
    compare(build("TRANSPOSE", inputs, T(dtype, shape)), a.feed)


@pytest.mark.parametrize("dtype", ["int8", "int16", "float32", "int64"])
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize(
    ("shape", "order"),
    [
        ((133, 70), (1, 0)),
        ((1, 60, 50, 3), (0, 3, 1, 2)),
        ((2, 5, 60, 50), (0, 2, 3, 1)),
        ((40, 4, 33), (2, 1, 0)),
        ((33, 2, 40, 2), (2, 0, 1, 3)),
        ((7, 64, 16), (1, 0, 2)),
        ((4, 0, 3), (2, 0, 1)),
    ],
)
def test_large(dtype: str, threads: int, shape: tuple[int, ...], order: tuple[int, ...]) -> None:
    model = build("TRANSPOSE", [T(dtype, shape), const(np.array(order, np.int32))], T(dtype, shape))
    x = values(dtype, shape)
    np.testing.assert_array_equal(sanderling.load(model, threads=threads)(x), x.transpose(order))


@pytest.mark.parametrize("dtype", DTYPES)
# On empty tensors the reference crashes.
@given(shapes(1, 5, 1, 5), st.booleans(), st.data())
def test_reverse(dtype: str, shape: tuple[int, ...], constant: bool, data: st.DataObject) -> None:
    # The reference takes neighbouring axes only.
    low = data.draw(st.integers(0, len(shape) - 1))
    high = data.draw(st.integers(low, len(shape) - 1))
    axes = data.draw(st.permutations(range(low, high + 1)))
    axes = [p - data.draw(st.sampled_from([0, len(shape)])) for p in axes]
    a = Arguments()
    inputs = [a.add(values(dtype, shape)), a.add(np.array(axes, np.int32), constant)]
    compare(build("REVERSE_V2", inputs, T(dtype, shape)), a.feed)


def test_reverse_of_nothing() -> None:
    model = build("REVERSE_V2", [T("int16", (3, 0, 5)), const([1, 2])], T("int16", (3, 0, 5)))
    assert sanderling.load(model)(np.zeros((3, 0, 5), np.int16)).shape == (3, 0, 5)


def test_reverse_of_axes_apart() -> None:
    x = values("int16", (3, 4, 5))
    model = build("REVERSE_V2", [T("int16", (3, 4, 5)), const([2, 0])], T("int16", (3, 4, 5)))
    np.testing.assert_array_equal(sanderling.load(model)(x), x[::-1, :, ::-1])


@pytest.mark.parametrize("dtype", ["float32", "uint8", "int16", "int32", "int64"])
@given(shapes(2, 5, 1, 5), st.booleans(), st.sampled_from([np.int32, np.int64]), st.data())
def test_reverse_sequence(dtype: str, shape: tuple[int, ...], constant: bool, of: type, data: st.DataObject) -> None:
    seq, batch = data.draw(st.permutations(range(len(shape))))[:2]
    lengths = data.draw(st.lists(st.integers(0, shape[seq]), min_size=shape[batch], max_size=shape[batch]))
    a = Arguments()
    inputs = [a.add(values(dtype, shape)), a.add(np.array(lengths, of), constant)]
    compare(build("REVERSE_SEQUENCE", inputs, T(dtype, shape), seq_dim=seq, batch_dim=batch), a.feed)


def test_reverse_sequence_of_nothing() -> None:
    shape = (2**20, 2**19, 2, 0)
    inputs = [T("uint8", shape), const(np.zeros(0, np.int32))]
    model = build("REVERSE_SEQUENCE", inputs, T("uint8", shape), seq_dim=2, batch_dim=3)
    assert sanderling.load(model)(np.zeros(shape, np.uint8)).shape == shape


def test_reverse_sequence_too_long() -> None:
    inputs = [T("float32", (2, 3)), T("int32", (2,))]
    model = sanderling.load(build("REVERSE_SEQUENCE", inputs, T("float32", (2, 3)), seq_dim=1, batch_dim=0))
    for length in (4, -1):
        with pytest.raises(sanderling.ModelError, match=f"REVERSE_SEQUENCE.*length 1 is {length}"):
            model(values("float32", (2, 3)), np.array([0, length], np.int32))


@pytest.mark.parametrize("dtype", ["float32", "int8", "uint8", "int32", "int64"])
@pytest.mark.parametrize("op", ["SPACE_TO_DEPTH", "DEPTH_TO_SPACE"])
@given(st.tuples(st.integers(0, 3), *[st.integers(1, 4)] * 3), st.integers(1, 4))
def test_depth(op: str, dtype: str, shape: tuple[int, ...], b: int) -> None:
    n, h, w, c = shape
    shape = (n, h * b, w * b, c) if op == "SPACE_TO_DEPTH" else (n, h, w, c * b * b)
    compare(build(op, [T(dtype, shape)], T(dtype, shape), block_size=b), [values(dtype, shape)])


def test_resize() -> None:
    model = build("SPACE_TO_DEPTH", [T("int8", (1, 4, 4, 3))], T("int8", (1, 2, 2, 12)), block_size=2)
    compare(model, [values("int8", (3, 6, 8, 3))], resize=[(3, 6, 8, 3)])
    model = build("TRANSPOSE", [T("int8", (1, 4)), const([1, 0])], T("int8", (4, 1)))
    compare(model, [values("int8", (50, 4))], resize=[(50, 4)], threads=2)


@pytest.mark.parametrize(
    ("op", "inputs", "options", "message"),
    [
        ("TRANSPOSE", [T("int8", (2, 3)), const([0, 0])], {}, "twice"),
        ("TRANSPOSE", [T("int8", (2, 3)), const([0, 2])], {}, "element of the permutation is 2"),
        ("TRANSPOSE", [T("int8", (2, 3)), const([0])], {}, "expected"),
        ("REVERSE_V2", [T("int8", (2, 3)), const([0, -2])], {}, "twice"),
        ("REVERSE_V2", [T("int8", (2, 3)), const([5])], {}, "axis is 5"),
        ("REVERSE_SEQUENCE", [T("int8", (2, 3)), const([1, 1])], {"seq_dim": 1, "batch_dim": 1}, "both 1"),
        ("REVERSE_SEQUENCE", [T("int8", (2, 3)), const([1, 1])], {"seq_dim": 2, "batch_dim": 0}, "seq_dim"),
        ("REVERSE_SEQUENCE", [T("int8", (2, 3)), const([1])], {"seq_dim": 1, "batch_dim": 0}, "lengths"),
        ("SPACE_TO_DEPTH", [T("int8", (1, 3, 4, 1))], {"block_size": 2}, "block_size 2"),
        ("SPACE_TO_DEPTH", [T("int8", (1, 4, 4))], {"block_size": 2}, "4 dimensions"),
        ("SPACE_TO_DEPTH", [T("int8", (1, 4, 4, 1))], {"block_size": 0}, "block_size"),
        ("SPACE_TO_DEPTH", [T("int8", (1, 0, 0, 8))], {"block_size": 2**31 - 1}, "too large"),
        ("DEPTH_TO_SPACE", [T("int8", (1, 4, 4, 6))], {"block_size": 2}, "block_size 2"),
        ("DEPTH_TO_SPACE", [T("int8", (1, 4, 4, 4))], {"block_size": -2}, "block_size"),
        ("DEPTH_TO_SPACE", [T("int8", (1, 2048, 2048, 0))], {"block_size": 2**31 - 1}, "too large"),
    ],
)
def test_errors(op: str, inputs: list[T], options: dict[str, int], message: str) -> None:
    with pytest.raises(sanderling.ModelError, match=f"{op}.*{message}"):
        sanderling.load(build(op, inputs, T("int8", (1,)), **options))
