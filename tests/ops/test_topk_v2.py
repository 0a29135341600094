import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sanderling
from tests.support.builder import T, build, const
from tests.support.compare import compare

DTYPES = ["float32", "int8", "uint8", "int16", "int32", "int64"]


def values(dtype: str, shape: tuple[int, ...], seed: int) -> np.ndarray:
    """Values in which ties are common."""
    rng = np.random.default_rng(seed)
    if dtype == "float32":
        return rng.choice([-np.inf, -1.5, -0.0, 0.0, 1.5, 2.5], shape).astype(np.float32)
    info = np.iinfo(dtype)
    return rng.choice(np.array([info.min, 0, 1, 2, 3, info.max], dtype), shape)


def model(dtype: str, shape: tuple[int, ...], k: T, index: str = "int32") -> bytes:
    return build("TOPK_V2", [T(dtype, shape), k], [T(dtype, []), T(index, [])])


@pytest.mark.parametrize("index", ["int32", "int16"])
@pytest.mark.parametrize("dtype", DTYPES)
@given(st.data())
def test_topk(dtype: str, index: str, data: st.DataObject) -> None:
    shape = tuple(data.draw(st.lists(st.sampled_from([1, 2, 3, 7, 40]), min_size=1, max_size=3)))
    k = np.array(data.draw(st.integers(1, shape[-1])), data.draw(st.sampled_from(["int32", "int16"])))
    constant = data.draw(st.booleans())
    x = values(dtype, shape, data.draw(st.integers(0, 2**16)))
    content = model(dtype, shape, const(k) if constant else T(k.dtype.name, []), index)
    compare(content, [x] if constant else [x, k])


@pytest.mark.parametrize("dtype", DTYPES)
def test_batch_and_threads(dtype: str) -> None:
    compare(model(dtype, (1, 50), const(7)), [values(dtype, (600, 50), 1)], resize=[(600, 50)], threads=3)


def test_nan_comes_last() -> None:
    # The order of NaN is undefined in LiteRT 2.3; later ones put it last.
    x = np.array([np.nan, 1, np.nan, -np.inf, 2], np.float32)
    top, at = sanderling.load(model("float32", (5,), const(5)))(x)
    np.testing.assert_array_equal(top, [2, 1, -np.inf, np.nan, np.nan])
    np.testing.assert_array_equal(at, [4, 1, 3, 0, 2])


@pytest.mark.parametrize("k", [0, -1])
def test_nothing(k: int) -> None:
    top, at = sanderling.load(model("int8", (2, 5), const(k)))(np.zeros((2, 5), np.int8))
    assert top.shape == at.shape == (2, 0)


def test_errors() -> None:
    with pytest.raises(sanderling.ModelError, match=r"(?s)TOPK_V2.*k is 6.*5 elements"):
        sanderling.load(model("int8", (2, 5), const(6)))
    with pytest.raises(sanderling.ModelError, match=r"(?s)TOPK_V2.*one number expected"):
        sanderling.load(model("int8", (2, 5), const([1, 2])))
    with pytest.raises(sanderling.ModelError, match=r"(?s)TOPK_V2.*bool; float32, int8"):
        sanderling.load(model("bool", (2, 5), const(1)))
    with pytest.raises(sanderling.ModelError, match=r"(?s)TOPK_V2.*40000 elements"):
        sanderling.load(model("int8", (1, 40000), const(1), "int16"))
