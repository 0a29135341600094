import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sanderling
from tests.support.builder import T, build, const
from tests.support.compare import compare

OPS = ["ARG_MAX", "ARG_MIN"]
DTYPES = ["float32", "int8", "uint8", "int32", "bool"]


def values(dtype: str, shape: tuple[int, ...], seed: int) -> np.ndarray:
    """Few distinct values, so that ties are common."""
    rng = np.random.default_rng(seed)
    if dtype == "bool":
        return rng.random(shape) < 0.5
    pool = (
        np.array([-1.5, 0, 1.5]) if dtype == "float32" else np.array([0, 1, np.iinfo(dtype).min, np.iinfo(dtype).max])
    )
    return rng.choice(pool, shape).astype(dtype)


def model(op: str, dtype: str, shape: tuple[int, ...], axis: T, index: str = "int32") -> bytes:
    return build(op, [T(dtype, shape), axis], [T(index, [])], output_type=index)


@pytest.mark.parametrize("index", ["int32", "int64"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("op", OPS)
@given(st.data())
def test_arg(op: str, dtype: str, index: str, data: st.DataObject) -> None:
    shape = tuple(data.draw(st.lists(st.sampled_from([1, 2, 3, 7, 70]), min_size=1, max_size=3)))
    axis = np.array(data.draw(st.integers(-len(shape), len(shape) - 1)), data.draw(st.sampled_from(["int32", "int64"])))
    constant = data.draw(st.booleans())
    x = values(dtype, shape, data.draw(st.integers(0, 2**16)))
    content = model(op, dtype, shape, const(axis) if constant else T(axis.dtype.name, []), index)
    compare(content, [x] if constant else [x, axis])


@pytest.mark.parametrize("op", OPS)
def test_nan_never_wins(op: str) -> None:
    nan, inf = np.nan, np.inf
    x = np.array([[nan, 1, nan, 2], [nan] * 4, [-inf, nan, inf, 0], [inf, -inf, nan, nan]], np.float32).T.copy()
    first = compare(model(op, "float32", x.shape, const(0)), [x])[0]
    # Along the last axis LiteRT 2.3 has another kernel, in which a NaN that comes first wins on x86 but not on ARM.
    last = sanderling.load(model(op, "float32", x.shape, const(1)))(x.T.copy())
    np.testing.assert_array_equal(last, first)


@pytest.mark.parametrize("op", OPS)
def test_threads_and_batch(op: str) -> None:
    x = values("uint8", (4, 50, 60, 21), 3)
    compare(model(op, "uint8", (1, 50, 60, 21), const(-1)), [x], resize=[x.shape], threads=3)
    compare(model(op, "uint8", (1, 50, 60, 21), const(1)), [x], resize=[x.shape], threads=3)


@pytest.mark.parametrize("op", OPS)
def test_errors(op: str) -> None:
    for axis, says in [(2, "axis 2"), (-3, "axis -3")]:
        with pytest.raises(sanderling.ModelError, match=f"(?s){op}.*{says}"):
            sanderling.load(model(op, "int8", (2, 3), const(axis)))
    with pytest.raises(sanderling.ModelError, match=f"(?s){op}.*int64.*float32, int8"):
        sanderling.load(model(op, "int64", (2, 3), const(0)))
    with pytest.raises(sanderling.ModelError, match=f"(?s){op}.*empty"):
        sanderling.load(model(op, "int8", (2, 0), const(1)))
    with pytest.raises(sanderling.ModelError, match=f"(?s){op}.*one number expected"):
        sanderling.load(model(op, "int8", (2, 3), const([0, 1])))
