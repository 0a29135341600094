import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sanderling
from tests.support.builder import T, build, const
from tests.support.compare import compare

DTYPES = ["float32", "int32", "int64"]


def values(dtype: str, shape: tuple[int, ...], seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if dtype == "float32":
        return rng.normal(0, 3, shape).astype(np.float32)
    info = np.iinfo(dtype)
    return rng.integers(info.min, info.max, shape, dtype, endpoint=True)  # Sums wrap.


def model(dtype: str, shape: tuple[int, ...], axis: T, **options: bool) -> bytes:
    return build("CUMSUM", [T(dtype, shape), axis], [T(dtype, shape)], **options)


@pytest.mark.parametrize("dtype", DTYPES)
@given(st.booleans(), st.booleans(), st.data())
def test_cumsum(dtype: str, exclusive: bool, reverse: bool, data: st.DataObject) -> None:
    shape = tuple(data.draw(st.lists(st.sampled_from([1, 2, 3, 7, 40]), min_size=1, max_size=4)))
    axis = np.array(data.draw(st.integers(-len(shape), len(shape) - 1)), np.int32)
    constant = data.draw(st.booleans())
    x = values(dtype, shape, data.draw(st.integers(0, 2**16)))
    content = model(dtype, shape, const(axis) if constant else T("int32", []), exclusive=exclusive, reverse=reverse)
    compare(content, [x] if constant else [x, axis])


@pytest.mark.parametrize("dtype", DTYPES)
def test_batch_and_threads(dtype: str) -> None:
    compare(model(dtype, (1, 9, 8), const(1)), [values(dtype, (300, 9, 8), 1)], resize=[(300, 9, 8)], threads=3)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(0, 3), (3, 0)])
def test_empty(dtype: str, shape: tuple[int, ...]) -> None:
    assert sanderling.load(model(dtype, shape, const(0)))(np.zeros(shape, dtype)).shape == shape


def test_errors() -> None:
    for axis in (2, -3):
        with pytest.raises(sanderling.ModelError, match=f"(?s)CUMSUM.*axis {axis}"):
            sanderling.load(model("int32", (2, 3), const(axis)))
    with pytest.raises(sanderling.ModelError, match=r"(?s)CUMSUM.*int8; float32, int32 or int64 expected"):
        sanderling.load(model("int8", (2, 3), const(0)))
