import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sanderling
from tests.support.builder import T, build, const
from tests.support.compare import compare

DTYPES = ["float32", "int8", "uint8", "int32", "int64", "bool"]


def model(indices: T, depth: T, on: T, off: T, axis: int = -1) -> bytes:
    return build("ONE_HOT", [indices, depth, on, off], [T(on.dtype, [])], axis=axis)


@pytest.mark.parametrize("index", ["int32", "int64"])
@pytest.mark.parametrize("dtype", DTYPES)
@given(st.data())
def test_one_hot(dtype: str, index: str, data: st.DataObject) -> None:
    shape = tuple(data.draw(st.lists(st.integers(1, 5), max_size=3)))
    depth = np.array(data.draw(st.integers(0, 6)), np.int32)
    constant = data.draw(st.booleans())
    axis = data.draw(st.integers(-1, len(shape)))
    on, off = np.array(7).astype(dtype), np.array(0).astype(dtype)
    indices = np.random.default_rng(data.draw(st.integers(0, 2**16))).integers(-2, 8, shape, index)
    if index == "int64" and shape and data.draw(st.booleans()):
        indices.flat[0] += 2**32  # Only the low half counts.
    x, d = T(index, shape), const(depth) if constant else T("int32", [])
    inputs = [indices] if constant else [indices, depth]
    compare(model(x, d, T(dtype, []), T(dtype, []), axis), [*inputs, on, off])


def test_int16() -> None:
    # LiteRT accepts int16 when it prepares and refuses it when it runs.
    on, off = const(np.array(5, np.int16)), const(np.array(-1, np.int16))
    y = sanderling.load(model(T("int32", (2,)), const(3), on, off))(np.array([2, 3], np.int32))
    np.testing.assert_array_equal(y, np.array([[-1, -1, 5], [-1, -1, -1]], np.int16))


def test_batch_and_threads() -> None:
    indices = np.random.default_rng(1).integers(-1, 40, (900, 3), np.int32)
    on, off = const(np.float32(1.5)), const(np.float32(-1))
    compare(model(T("int32", (1, 3)), const(40), on, off), [indices], resize=[indices.shape], threads=3)


def test_errors() -> None:
    x, depth, on, off = T("int32", (2, 3)), const(4), const(np.int8(1)), const(np.int8(0))
    for axis in (-2, 3):
        with pytest.raises(sanderling.ModelError, match=r"(?s)ONE_HOT.*axis"):
            sanderling.load(model(x, depth, on, off, axis))
    with pytest.raises(sanderling.ModelError, match=r"(?s)ONE_HOT.*depth is -1"):
        sanderling.load(model(x, const(-1), on, off))
    with pytest.raises(sanderling.ModelError, match=r"(?s)ONE_HOT.*input 3 is uint8 but output is int8"):
        sanderling.load(model(x, depth, on, const(np.uint8(0))))
    with pytest.raises(sanderling.ModelError, match=r"(?s)ONE_HOT.*indices are int8; int32 or int64 expected"):
        sanderling.load(model(T("int8", (2,)), depth, on, off))
