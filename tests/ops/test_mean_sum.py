import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sanderling
from tests.support.builder import T, build, const
from tests.support.compare import compare

QUANTIZED = ["int8", "uint8", "int16"]
TYPES = {
    "MEAN": ["float32", "int32", "int64", *QUANTIZED],
    # LiteRT's SUM of int16 reads half of the input as uint8 and leaves half of the output unset: see below.
    "SUM": ["float32", "int32", "int64", "bool", "int8", "uint8"],
}
CASES = [(op, dtype) for op, dtypes in TYPES.items() for dtype in dtypes]


def values(dtype: str, shape: tuple[int, ...], seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if dtype == "bool":
        return rng.random(shape) < 0.5
    if dtype == "float32":
        return rng.normal(0, 3, shape).astype(np.float32)
    info = np.iinfo(dtype)
    x = rng.integers(info.min, info.max, shape, dtype, endpoint=True)
    return np.where(rng.random(shape) < 0.2, rng.choice(np.array([info.min, info.max], dtype), shape), x)


def quantization(dtype: str, data: st.DataObject) -> dict:
    if dtype not in QUANTIZED:
        return {}
    info = np.iinfo(dtype)
    zero_point = 0 if dtype == "int16" else data.draw(st.sampled_from([info.min, info.max, 3, 100]))
    return {"scale": data.draw(st.sampled_from([2.0**-20, 0.003, 0.1, 0.11, 1.0, 2.0**4])), "zero_point": zero_point}


def model(op: str, x: T, axes: T, y: T, keep_dims: bool = False) -> bytes:
    return build(op, [x, axes], [y], keep_dims=keep_dims)


@pytest.mark.parametrize(("op", "dtype"), CASES)
@given(st.data())
def test_mean_sum(op: str, dtype: str, data: st.DataObject) -> None:
    shape = tuple(data.draw(st.lists(st.sampled_from([1, 2, 3, 7, 66]), min_size=0, max_size=4)))
    rank = max(1, len(shape))
    axes = np.array(data.draw(st.lists(st.integers(-rank, rank - 1), max_size=5)), np.int32)
    constant = data.draw(st.booleans())
    x = T(dtype, shape, **quantization(dtype, data))
    y = T(dtype, [], **quantization(dtype, data))
    content = model(op, x, const(axes) if constant else T("int32", axes.shape), y, data.draw(st.booleans()))
    inputs = [values(dtype, shape, data.draw(st.integers(0, 2**16)))]
    compare(content, inputs if constant else [*inputs, axes])


@given(st.data())
def test_sum_int16(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 70))
    x = values("int16", (3, count, 5), data.draw(st.integers(0, 2**16)))
    x //= data.draw(st.sampled_from([1, 100]))
    times = data.draw(st.sampled_from([1, 2, 4]))  # Ratios that do not round.
    content = model("SUM", T("int16", x.shape, scale=0.5 * times), const([1]), T("int16", [3, 5], scale=0.5))
    expected = np.clip(x.astype(np.int64).sum(1) * times, -32768, 32767).astype(np.int16)
    np.testing.assert_array_equal(sanderling.load(content)(x), expected)


@pytest.mark.parametrize(("op", "dtype"), CASES)
@pytest.mark.parametrize("shape", [(0, 3), (2, 0, 3), (3, 0)])
@pytest.mark.parametrize("axis", [0, 1])
def test_empty(op: str, dtype: str, shape: tuple[int, ...], axis: int) -> None:
    q = {"scale": 0.5, "zero_point": 0} if dtype in QUANTIZED else {}
    content = model(op, T(dtype, shape, **q), const([axis]), T(dtype, [], **q))
    y = sanderling.load(content)(np.zeros(shape, dtype))
    rest = np.delete(shape, axis)
    assert y.shape == tuple(rest)
    empty = np.nan if (op, dtype) == ("MEAN", "float32") else 0
    np.testing.assert_array_equal(y, np.full(rest, empty, dtype))


@pytest.mark.parametrize(("op", "dtype"), CASES)
@pytest.mark.parametrize("axes", [[1, 2], [2, 1], [0, 2], [3], [0, 1, 2, 3], [0, 1]])
def test_batch_and_threads(op: str, dtype: str, axes: list[int]) -> None:
    q = {"scale": 0.5, "zero_point": 0} if dtype in QUANTIZED else {}
    content = model(op, T(dtype, (1, 7, 7, 130), **q), const(axes), T(dtype, [], **({**q, "scale": 0.7} if q else {})))
    compare(content, [values(dtype, (3, 9, 8, 130), 5)], resize=[(3, 9, 8, 130)], threads=3)


@pytest.mark.parametrize("op", TYPES)
def test_errors(op: str) -> None:
    x = T("float32", (2, 3))
    for axis in (2, -3):
        with pytest.raises(sanderling.ModelError, match=f"(?s){op}.*axis {axis}"):
            sanderling.load(model(op, x, const([axis]), T("float32", [])))
    with pytest.raises(sanderling.ModelError, match=f"(?s){op}.*float32 but output is int8"):
        sanderling.load(model(op, x, const([0]), T("int8", [])))
    with pytest.raises(sanderling.ModelError, match=f"(?s){op}.*float64.*float32, int8"):
        sanderling.load(model(op, T("float64", (2, 3)), const([0]), T("float64", [])))
    with pytest.raises(sanderling.ModelError, match=f"(?s){op}.*no quantization"):
        sanderling.load(model(op, T("int8", (2, 3)), const([0]), T("int8", [])))
    q = {"scale": 0.5, "zero_point": 3}
    with pytest.raises(sanderling.ModelError, match=f"(?s){op}.*zero point.*int16.*is 3"):
        sanderling.load(model(op, T("int16", (2, 3), **q), const([0]), T("int16", [], **q)))
