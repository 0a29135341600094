import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sanderling
from tests.support import oracle
from tests.support.builder import T, build, const
from tests.support.compare import compare

OPTIONS = [{}, {"align_corners": True}, {"half_pixel_centers": True}]


def values(dtype: str, shape: tuple[int, ...], seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if dtype == "float32":
        return rng.normal(0, 3, shape).astype(np.float32)
    info = np.iinfo(dtype)
    x = rng.integers(info.min, info.max, shape, dtype, endpoint=True)
    return np.where(rng.random(shape) < 0.2, rng.choice([info.min, info.max], shape), x).astype(dtype)


def model(op: str, dtype: str, shape: tuple[int, ...], size: T, **options) -> bytes:
    return build(op, [T(dtype, shape, scale=0.5), size], [T(dtype, shape, scale=0.5)], **options)


@pytest.mark.parametrize("options", OPTIONS, ids=["plain", "align_corners", "half_pixel_centers"])
@pytest.mark.parametrize("dtype", ["float32", "int8", "uint8", "int16"])
@given(st.data())
def test_bilinear(dtype: str, options: dict[str, bool], data: st.DataObject) -> None:
    extent = st.integers(1, 12)
    channels = data.draw(st.sampled_from([1, 3, 8, 21]))
    shape = (data.draw(st.integers(1, 3)), data.draw(extent), data.draw(extent), channels)
    size = np.array([data.draw(st.integers(1, 40)), data.draw(st.integers(1, 40))], np.int32)
    constant = data.draw(st.booleans())
    x = values(dtype, shape, data.draw(st.integers(0, 2**16)))
    content = model("RESIZE_BILINEAR", dtype, shape, const(size) if constant else T("int32", [2]), **options)
    compare(content, [x] if constant else [x, size])


@pytest.mark.parametrize("options", OPTIONS, ids=["plain", "align_corners", "half_pixel_centers"])
@pytest.mark.parametrize("dtype", ["float32", "int8", "uint8", "int16"])
def test_bilinear_threads_and_batch(dtype: str, options: dict[str, bool]) -> None:
    x = values(dtype, (2, 17, 17, 21), 1)
    content = model("RESIZE_BILINEAR", dtype, (1, 17, 17, 21), const([129, 129]), **options)
    compare(content, [x], resize=[x.shape], threads=3)


@pytest.mark.parametrize("dtype", ["int8", "int16"])
def test_bilinear_past_the_end(dtype: str) -> None:
    # 1024 * 65 / 513 is rounded up to 130, so that the last position is 65: the reference reads the next row there.
    # In the last row it reads whatever memory follows the tensor; here that stays within the last row.
    shape = (1, 9, 65, 2)
    x = values(dtype, shape, 2)
    content = model("RESIZE_BILINEAR", dtype, shape, const([9, 513]))
    theirs = oracle.run(content, [x])[0]
    ours = sanderling.load(content)(x)
    np.testing.assert_array_equal(ours[:, :-1], theirs[:, :-1])
    np.testing.assert_array_equal(ours[:, :-1, -1], x[:, 1:, 0])
    np.testing.assert_array_equal(ours[:, -1, :-1], theirs[:, -1, :-1])
    np.testing.assert_array_equal(ours[:, -1, -1], x[:, -1, -1])

    rows = model("RESIZE_BILINEAR", dtype, (1, 65, 9, 2), const([513, 9]))
    x = values(dtype, (1, 65, 9, 2), 3)
    np.testing.assert_array_equal(sanderling.load(rows)(x)[:, -1], x[:, -1])


NEAREST = ["float32", "int8", "uint8", "int16", "int32", "uint32", "bool"]


@pytest.mark.parametrize("options", [*OPTIONS, OPTIONS[1] | OPTIONS[2]], ids=["plain", "align", "half_pixel", "both"])
@pytest.mark.parametrize("dtype", NEAREST)
@given(st.data())
def test_nearest(dtype: str, options: dict[str, bool], data: st.DataObject) -> None:
    extent = st.integers(1, 12)
    shape = (data.draw(st.integers(1, 3)), data.draw(extent), data.draw(extent), data.draw(st.sampled_from([1, 3, 21])))
    size = np.array([data.draw(st.integers(1, 40)), data.draw(st.integers(1, 40))], np.int32)
    constant = data.draw(st.booleans())
    x = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    content = model("RESIZE_NEAREST_NEIGHBOR", dtype, shape, const(size) if constant else T("int32", [2]), **options)
    compare(content, [x] if constant else [x, size])


@pytest.mark.parametrize("dtype", [*NEAREST, "int64"])
def test_nearest_threads_and_batch(dtype: str) -> None:
    x = np.arange(3 * 20 * 21 * 20).reshape(3, 20, 21, 20).astype(dtype)
    content = model("RESIZE_NEAREST_NEIGHBOR", dtype, (1, 10, 10, 20), const([60, 42]))
    if dtype == "int64":  # Not in LiteRT.
        loaded = sanderling.load(content, threads=3)
        loaded.resize(x.shape)
        np.testing.assert_array_equal(loaded(x), x.repeat(3, 1).repeat(2, 2))
    else:
        compare(content, [x], resize=[x.shape], threads=3)


@pytest.mark.parametrize("op", ["RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"])
def test_errors(op: str) -> None:
    for size in ([0, 3], [3, -1], [2**30, 2]):
        with pytest.raises(sanderling.ModelError, match=f"(?s){op}.*cannot resize to {size[0]} x {size[1]}"):
            sanderling.load(model(op, "int8", (1, 2, 3, 1), const(size)))
    with pytest.raises(sanderling.ModelError, match=rf"(?s){op}.*\[2, 3, 1\]"):
        sanderling.load(model(op, "int8", (2, 3, 1), const([4, 4])))
    with pytest.raises(sanderling.ModelError, match=rf"(?s){op}.*\[2\] expected"):
        sanderling.load(model(op, "int8", (1, 2, 3, 1), const([4, 4, 4])))
    with pytest.raises(sanderling.ModelError, match=rf"(?s){op}.*without pixels: \[1, 0, 3, 1\]"):
        sanderling.load(model(op, "int8", (1, 0, 3, 1), const([4, 4])))


def test_bilinear_errors() -> None:
    op = "RESIZE_BILINEAR"
    with pytest.raises(sanderling.ModelError, match=f"(?s){op}.*align_corners.*half_pixel_centers"):
        sanderling.load(model(op, "int8", (1, 2, 3, 1), const([4, 4]), align_corners=True, half_pixel_centers=True))
    with pytest.raises(sanderling.ModelError, match=f"(?s){op}.*int32.*float32, int8"):
        sanderling.load(model(op, "int32", (1, 2, 3, 1), const([4, 4])))
