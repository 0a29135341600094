import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sanderling
from tests.support.builder import T, build
from tests.support.compare import compare

TYPES = {
    "AVERAGE_POOL_2D": ("float32", "int8", "uint8", "int16"),
    "MAX_POOL_2D": ("float32", "int8", "uint8", "int16"),
    "L2_POOL_2D": ("float32",),
}
CASES = [(op, dtype) for op, dtypes in TYPES.items() for dtype in dtypes]
ACTIVATIONS = ["NONE", "RELU", "RELU6", "RELU_N1_TO_1"]


def values(dtype: str, shape: tuple[int, ...], seed: int) -> np.ndarray:
    """All values of an integer type, the bounds among them."""
    rng = np.random.default_rng(seed)
    if dtype == "float32":
        return rng.normal(0, 3, shape).astype(np.float32)
    info = np.iinfo(dtype)
    x = rng.integers(info.min, info.max, shape, dtype, endpoint=True)
    return np.where(rng.random(shape) < 0.1, rng.choice([info.min, info.max], shape), x).astype(dtype)


def model(op: str, dtype: str, shape: tuple[int, ...], scale: float = 0.1, zero_point: int = 0, **options) -> bytes:
    options = {"padding": "VALID", "stride_w": 1, "stride_h": 1, "filter_width": 1, "filter_height": 1, **options}
    quantization = {} if dtype == "float32" else {"scale": scale, "zero_point": zero_point}
    return build(op, [T(dtype, shape, **quantization)], [T(dtype, shape, **quantization)], **options)


@pytest.mark.parametrize(("op", "dtype"), CASES)
@given(st.data())
def test_pool(op: str, dtype: str, data: st.DataObject) -> None:
    channels = data.draw(st.sampled_from([1, 2, 3, 17, 63, 64, 65, 130]))
    filter_h, filter_w = data.draw(st.tuples(st.integers(1, 6), st.integers(1, 6)))
    padding = data.draw(st.sampled_from(["SAME", "VALID"]))
    least = (filter_h, filter_w) if padding == "VALID" else (1, 1)
    shape = (
        data.draw(st.integers(1, 3)),
        data.draw(st.integers(least[0], 9)),
        data.draw(st.integers(least[1], 9)),
        channels,
    )
    zero_point = 0
    if dtype in ("int8", "uint8"):
        info = np.iinfo(dtype)
        zero_point = data.draw(st.sampled_from([info.min, info.max, 3]))
    scale = data.draw(st.sampled_from([2.0**-20, 2.0**-5, 0.1, 2.0**4]))
    content = model(
        op,
        dtype,
        shape,
        scale,
        zero_point,
        padding=padding,
        stride_h=data.draw(st.integers(1, 4)),
        stride_w=data.draw(st.integers(1, 4)),
        filter_height=filter_h,
        filter_width=filter_w,
        fused_activation_function=data.draw(st.sampled_from(ACTIVATIONS)),
    )
    compare(content, [values(dtype, shape, data.draw(st.integers(0, 2**16)))])


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16"])
@pytest.mark.parametrize("size", [2, 3, 7, 16])
def test_average_rounds_ties_away_from_zero(dtype: str, size: int) -> None:
    count = size * size
    info = np.iinfo(dtype)
    sums = np.arange(max(info.min, -30000), min(info.max, 30000), 117 if dtype == "int16" else 1)
    # One channel for each total: count - 1 equal values and a last one that brings the sum to any residue.
    x = np.zeros((1, size, size, sums.size), dtype)
    x[...] = (sums // 2).astype(dtype)
    x[0, 0, 0] = sums
    x[0, -1, -1] = np.clip(sums + count // 2, info.min, info.max)
    compare(model("AVERAGE_POOL_2D", dtype, x.shape, filter_height=size, filter_width=size), [x])


@pytest.mark.parametrize(("op", "dtype"), CASES)
def test_large_window_and_threads(op: str, dtype: str) -> None:
    shape = (2, 40, 33, 20)
    content = model(op, dtype, shape, padding="SAME", filter_height=33, filter_width=40, stride_h=2, stride_w=3)
    compare(content, [values(dtype, shape, 1)], threads=3)


@pytest.mark.parametrize("op", TYPES)
def test_resize_batch_and_picture(op: str) -> None:
    content = model(op, "float32", (1, 4, 4, 3), filter_height=2, filter_width=2, stride_h=2, stride_w=2)
    compare(content, [values("float32", (3, 7, 6, 3), 2)], resize=[(3, 7, 6, 3)])


@pytest.mark.parametrize(
    ("wrong", "names"),
    [
        ({"stride_h": 0}, "stride_h"),
        ({"stride_w": -1}, "stride_w"),
        ({"filter_height": 0}, "filter_height"),
        ({"filter_width": -3}, "filter_width"),
        ({"fused_activation_function": "TANH"}, "TANH"),
    ],
)
@pytest.mark.parametrize("op", TYPES)
def test_errors(op: str, wrong: dict, names: str) -> None:
    with pytest.raises(sanderling.ModelError, match=f"(?s){op}.*{names}"):
        sanderling.load(model(op, "float32", (1, 4, 4, 3), **wrong))


def test_error_rank_and_type() -> None:
    with pytest.raises(sanderling.ModelError, match=r"(?s)MAX_POOL_2D.*\[4, 4, 3\]"):
        sanderling.load(model("MAX_POOL_2D", "float32", (4, 4, 3)))
    with pytest.raises(sanderling.ModelError, match=r"(?s)L2_POOL_2D.*float32 expected"):
        sanderling.load(model("L2_POOL_2D", "int8", (1, 4, 4, 3)))
