"""SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sanderling
from tests.support.arrays import Arguments, values
from tests.support.builder import T, build, const
from tests.support.compare import compare

DTYPES = ["float32", "int8", "uint8", "int16", "int32", "int64", "bool"]


def quantization(dtype: str, data: st.DataObject) -> dict[str, float]:
    if dtype not in ("int8", "uint8") or data.draw(st.booleans()):
        return {}
    info = np.iinfo(dtype)
    return {"scale": 0.5, "zero_point": data.draw(st.integers(int(info.min), int(info.max)))}


@pytest.mark.parametrize("dtype", DTYPES)
@given(st.integers(1, 3), st.integers(1, 2), st.integers(1, 3), st.booleans(), st.data())
def test_space_to_batch(dtype: str, batch: int, spatial: int, depth: int, constant: bool, data: st.DataObject) -> None:
    blocks, paddings, extents = [], [], []
    for _ in range(spatial):
        block, places = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 4))
        before = data.draw(st.integers(0, block * places - 1))
        after = data.draw(st.integers(0, block * places - 1 - before))
        blocks.append(block)
        paddings.append([before, after])
        extents.append(block * places - before - after)
    q = quantization(dtype, data)
    a = Arguments()
    inputs = [
        a.add(values(dtype, (batch, *extents, depth)), **q),
        a.add(np.array(blocks, np.int32), constant),
        a.add(np.array(paddings, np.int32), constant),
    ]
    compare(build("SPACE_TO_BATCH_ND", inputs, T(dtype, (1,), **q)), a.feed)


@pytest.mark.parametrize("dtype", DTYPES)
@given(st.integers(1, 3), st.integers(1, 2), st.integers(1, 3), st.booleans(), st.data())
def test_batch_to_space(dtype: str, batch: int, spatial: int, depth: int, constant: bool, data: st.DataObject) -> None:
    blocks, crops, extents = [], [], []
    for _ in range(spatial):
        block, places = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 4))
        before = data.draw(st.integers(0, block * places - 1))
        blocks.append(block)
        crops.append([before, data.draw(st.integers(0, block * places - 1 - before))])
        extents.append(places)
    q = quantization(dtype, data)
    a = Arguments()
    inputs = [
        a.add(values(dtype, (batch * int(np.prod(blocks)), *extents, depth)), **q),
        a.add(np.array(blocks, np.int32), constant),
        a.add(np.array(crops, np.int32), constant),
    ]
    compare(build("BATCH_TO_SPACE_ND", inputs, T(dtype, (1,), **q)), a.feed)


def test_three_dimensions_there_and_back() -> None:
    # LiteRT has two spatial dimensions at most.
    shape, blocks = (2, 3, 5, 4, 2), const([2, 3, 1])
    borders = const([[0, 1], [0, 1], [0, 0]])
    there = build("SPACE_TO_BATCH_ND", [T("int16", shape), blocks, borders], T("int16", (1,)))
    x = values("int16", shape)
    y = sanderling.load(there)(x)
    assert y.shape == (12, 2, 2, 4, 2)
    np.testing.assert_array_equal(y[2 * 1 : 2 * 2], np.pad(x, [(0, 0), (0, 1), (0, 1), (0, 0), (0, 0)])[:, ::2, 1::3])
    back = build("BATCH_TO_SPACE_ND", [T("int16", y.shape), blocks, borders], T("int16", (1,)))
    np.testing.assert_array_equal(sanderling.load(back)(y), x)


def test_threads_and_resize() -> None:
    inputs = [T("int8", (1, 4, 4, 1)), const([2, 2]), const([[1, 1], [2, 0]])]
    model = build("SPACE_TO_BATCH_ND", inputs, T("int8", (4, 3, 3, 1)))
    compare(model, [values("int8", (3, 60, 50, 8))], resize=[(3, 60, 50, 8)], threads=3)
    inputs = [T("int8", (4, 4, 4, 1)), const([2, 2]), const([[1, 1], [2, 0]])]
    model = build("BATCH_TO_SPACE_ND", inputs, T("int8", (1, 6, 6, 1)))
    compare(model, [values("int8", (8, 60, 50, 8))], resize=[(8, 60, 50, 8)], threads=3)


@pytest.mark.parametrize(
    ("op", "shape", "blocks", "borders", "message"),
    [
        ("SPACE_TO_BATCH_ND", (1, 3, 4, 1), [2, 2], [[0, 0], [0, 0]], "no multiple of block 2"),
        ("SPACE_TO_BATCH_ND", (1, 4, 4, 1), [2, 2], [[0, 0], [-1, 1]], "paddings of dimension 2"),
        ("SPACE_TO_BATCH_ND", (1, 4, 4, 1), [2, 0], [[0, 0], [0, 0]], "block 1 is 0"),
        ("SPACE_TO_BATCH_ND", (1, 4, 4, 1), [2, -2], [[0, 0], [0, 0]], "block 1 is -2"),
        ("SPACE_TO_BATCH_ND", (1, 4, 4, 1), [2, 2], [[0, 0]], "have shape"),
        ("SPACE_TO_BATCH_ND", (4,), [2], [[0, 0]], "block shape"),
        ("SPACE_TO_BATCH_ND", (1, 0, 0, 1), [2**31 - 1] * 2, [[0, 0]] * 2, "too large"),
        ("BATCH_TO_SPACE_ND", (3, 4, 4, 1), [2, 2], [[0, 0], [0, 0]], "cannot be divided"),
        ("BATCH_TO_SPACE_ND", (4, 1, 1, 1), [2, 2], [[0, 0], [2, 1]], "exceed"),
        ("BATCH_TO_SPACE_ND", (4, 1, 1, 1), [2, 2], [[0, 0], [-1, 0]], "crops of dimension 2"),
    ],
)
def test_errors(op: str, shape: tuple[int, ...], blocks: object, borders: object, message: str) -> None:
    with pytest.raises(sanderling.ModelError, match=f"{op}.*{message}"):
        sanderling.load(build(op, [T("int8", shape), const(blocks), const(borders)], T("int8", (1,))))
