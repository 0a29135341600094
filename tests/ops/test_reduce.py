import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sanderling
from tests.support.builder import T, build, const
from tests.support.compare import compare

PLAIN = ["float32", "int8", "uint8", "int16", "int32", "int64", "bool"]
TYPES = {
    "REDUCE_MAX": PLAIN,
    "REDUCE_MIN": PLAIN,
    "REDUCE_PROD": PLAIN,
    "REDUCE_ANY": ["bool"],
    "REDUCE_ALL": ["bool"],
}
CASES = [(op, dtype) for op, dtypes in TYPES.items() for dtype in dtypes]


def values(dtype: str, shape: tuple[int, ...], seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if dtype == "bool":
        return rng.random(shape) < rng.random()
    if dtype == "float32":
        return rng.normal(0, 1.3, shape).astype(np.float32)
    info = np.iinfo(dtype)
    x = rng.integers(info.min, info.max, shape, dtype, endpoint=True)
    return np.where(rng.random(shape) < 0.1, rng.choice(np.array([info.min, info.max], dtype), shape), x)


def model(op: str, x: T, axes: T, y: T, keep_dims: bool = False) -> bytes:
    return build(op, [x, axes], [y], keep_dims=keep_dims)


def check(op: str, x: T, y: T, data: st.DataObject) -> None:
    rank = max(1, len(x.shape))
    axes = np.array(data.draw(st.lists(st.integers(-rank, rank - 1), max_size=5)), np.int32)
    constant = data.draw(st.booleans())
    content = model(op, x, const(axes) if constant else T("int32", axes.shape), y, data.draw(st.booleans()))
    inputs = [values(x.dtype, tuple(x.shape), data.draw(st.integers(0, 2**16)))]
    compare(content, inputs if constant else [*inputs, axes])


SHAPES = st.lists(st.sampled_from([1, 2, 3, 5, 66]), min_size=0, max_size=4).map(tuple)


@pytest.mark.parametrize(("op", "dtype"), CASES)
@given(SHAPES, st.data())
def test_reduce(op: str, dtype: str, shape: tuple[int, ...], data: st.DataObject) -> None:
    q = {}
    if op in ("REDUCE_MAX", "REDUCE_MIN") and dtype in ("int8", "uint8", "int16"):
        q = {"scale": 0.25, "zero_point": 0 if dtype == "int16" else 5}
    check(op, T(dtype, shape, **q), T(dtype, [], **q), data)


@pytest.mark.parametrize("dtype", ["int8", "int16"])
@given(st.lists(st.sampled_from([1, 2, 3, 5]), min_size=1, max_size=4).map(tuple), st.data())
def test_quantized_product(dtype: str, shape: tuple[int, ...], data: st.DataObject) -> None:
    zero_points = st.just(0) if dtype == "int16" else st.sampled_from([-128, -3, 0, 127])
    scales = st.sampled_from([2.0**-12, 0.003, 0.05, 0.5, 1.0, 1.5])
    x = T(dtype, shape, scale=data.draw(scales), zero_point=data.draw(zero_points))
    y = T(dtype, [], scale=data.draw(scales), zero_point=data.draw(zero_points))
    check("REDUCE_PROD", x, y, data)


@pytest.mark.parametrize(("op", "dtype"), CASES)
@pytest.mark.parametrize("shape", [(0, 3), (2, 0, 3)])
@pytest.mark.parametrize("axis", [0, 1])
def test_empty(op: str, dtype: str, shape: tuple[int, ...], axis: int) -> None:
    y = sanderling.load(model(op, T(dtype, shape), const([axis]), T(dtype, [])))(np.zeros(shape, dtype))
    rest = np.delete(shape, axis)
    assert y.shape == tuple(rest)
    if dtype == "bool":
        start = op not in ("REDUCE_ANY", "REDUCE_MAX")
    else:
        info = np.finfo(dtype) if dtype == "float32" else np.iinfo(dtype)
        start = {"REDUCE_MAX": info.min, "REDUCE_MIN": info.max, "REDUCE_PROD": 1}[op]
    np.testing.assert_array_equal(y, np.full(rest, start, dtype))


@pytest.mark.parametrize("op", ["REDUCE_MAX", "REDUCE_MIN"])
@pytest.mark.parametrize("axes", [[0], [1], [0, 1]])
def test_infinities(op: str, axes: list[int]) -> None:
    x = np.array([[-np.inf, -np.inf], [-np.inf, 1], [np.inf, np.inf]], np.float32)
    for part in (x, x[:1], x[2:]):
        compare(model(op, T("float32", part.shape), const(axes), T("float32", [])), [part])


@pytest.mark.parametrize(("op", "dtype"), CASES)
@pytest.mark.parametrize("axes", [[1, 2], [0, 2], [3], [0, 1, 2, 3]])
def test_batch_and_threads(op: str, dtype: str, axes: list[int]) -> None:
    content = model(op, T(dtype, (1, 7, 7, 130)), const(axes), T(dtype, []))
    x = values(dtype, (3, 9, 8, 130), 5)
    if dtype == "float32":
        x = np.exp(x / 100, dtype=np.float32)  # A product of so many stays finite.
    compare(content, [x], resize=[(3, 9, 8, 130)], threads=3)


@pytest.mark.parametrize("op", TYPES)
def test_errors(op: str) -> None:
    x, y = T("bool", (2, 3)), T("bool", [])
    for axis in (2, -3):
        with pytest.raises(sanderling.ModelError, match=f"(?s){op}.*axis {axis}"):
            sanderling.load(model(op, x, const([axis]), y))
    with pytest.raises(sanderling.ModelError, match=f"(?s){op}.*bool but output is int8"):
        sanderling.load(model(op, x, const([0]), T("int8", [])))
    with pytest.raises(sanderling.ModelError, match=f"(?s){op}.*float64.* expected"):
        sanderling.load(model(op, T("float64", (2, 3)), const([0]), T("float64", [])))


def test_quantization_errors() -> None:
    x = T("int8", (2, 3), scale=0.5)
    with pytest.raises(sanderling.ModelError, match=r"(?s)REDUCE_MAX.*scale 0\.5.*0\.25.*the same expected"):
        sanderling.load(model("REDUCE_MAX", x, const([0]), T("int8", [], scale=0.25)))
    with pytest.raises(sanderling.ModelError, match=r"(?s)REDUCE_PROD.*uint8; int8 or int16 expected"):
        sanderling.load(model("REDUCE_PROD", T("uint8", (2, 3), scale=0.5), const([0]), T("uint8", [], scale=0.5)))
