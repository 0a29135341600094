import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sanderling
from tests.support.builder import T, build
from tests.support.compare import compare

OUTPUT = {"float32": {}, "int8": {"scale": 1 / 128, "zero_point": 0}, "uint8": {"scale": 1 / 128, "zero_point": 128}}


def values(dtype: str, shape: tuple[int, ...], seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if dtype == "float32":
        return rng.normal(0, 3, shape).astype(np.float32)
    info = np.iinfo(dtype)
    x = rng.integers(info.min, info.max, shape, dtype, endpoint=True)
    return np.where(rng.random(shape) < 0.1, rng.choice(np.array([info.min, info.max], dtype), shape), x)


def model(dtype: str, shape: tuple[int, ...], zero_point: int = 0, **output) -> bytes:
    q = {} if dtype == "float32" else {"scale": 0.25, "zero_point": zero_point}
    y = T(dtype, shape, **{**OUTPUT[dtype], **output})
    return build("L2_NORMALIZATION", [T(dtype, shape, **q)], [y])


@pytest.mark.parametrize("dtype", OUTPUT)
@given(st.data())
def test_l2_normalization(dtype: str, data: st.DataObject) -> None:
    shape = tuple(data.draw(st.lists(st.sampled_from([1, 2, 3, 17, 300]), min_size=1, max_size=3)))
    zero_point = 0
    if dtype != "float32":
        info = np.iinfo(dtype)
        zero_point = data.draw(st.integers(info.min, info.max))
    compare(model(dtype, shape, zero_point), [values(dtype, shape, data.draw(st.integers(0, 2**16)))])


@pytest.mark.parametrize("dtype", OUTPUT)
def test_zeros_and_ones(dtype: str) -> None:
    x = np.eye(8, dtype=dtype)
    x[3] = 0
    compare(model(dtype, x.shape), [x])


@pytest.mark.parametrize("dtype", OUTPUT)
def test_batch_and_threads(dtype: str) -> None:
    compare(model(dtype, (1, 5, 30)), [values(dtype, (90, 5, 30), 3)], resize=[(90, 5, 30)], threads=3)


def test_errors() -> None:
    with pytest.raises(sanderling.ModelError, match=r"(?s)L2_NORMALIZATION.*1/128 and 0 expected"):
        sanderling.load(model("int8", (2, 3), scale=0.5))
    with pytest.raises(sanderling.ModelError, match=r"(?s)L2_NORMALIZATION.*1/128 and 128 expected"):
        sanderling.load(model("uint8", (2, 3), scale=0.5))
    content = build("L2_NORMALIZATION", [T("float32", (2, 3))], [T("float32", ())], fused_activation_function="RELU")
    with pytest.raises(sanderling.ModelError, match=r"(?s)L2_NORMALIZATION.*RELU.*NONE expected"):
        sanderling.load(content)
    with pytest.raises(sanderling.ModelError, match=r"(?s)L2_NORMALIZATION.*int16; float32, int8 or uint8 expected"):
        sanderling.load(build("L2_NORMALIZATION", [T("int16", (2, 3))], [T("int16", ())]))
