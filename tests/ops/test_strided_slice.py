import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import sanderling
from tests.support.arrays import Arguments, shapes, values
from tests.support.builder import T, build, const
from tests.support.compare import compare

DTYPES = ["float32", "float16", "int8", "uint8", "int16", "int32", "uint32", "int64", "bool"]


@pytest.mark.parametrize("dtype", DTYPES)
@given(shapes(1, 5), st.booleans(), st.data())
def test_strided_slice(dtype: str, shape: tuple[int, ...], constant: bool, data: st.DataObject) -> None:
    # What stands for each dimension of the input, and new axes and an ellipsis between them.
    rank = len(shape)
    kinds = ["slice"] * data.draw(st.integers(0, rank))
    shrinks = {i for i in range(len(kinds)) if data.draw(st.sampled_from([False, False, True]))}
    kinds = ["shrink" if i in shrinks else "slice" for i in range(len(kinds))]
    for _ in range(data.draw(st.integers(0, min(2, 5 - rank)))):
        kinds.insert(data.draw(st.integers(0, len(kinds))), "new")
    if data.draw(st.booleans()):
        at = data.draw(st.integers(0, len(kinds)))
        # With an ellipsis that stands for nothing and a new axis behind it, the reference reads beyond the shape.
        assume(len(kinds) - kinds.count("new") < rank or "new" not in kinds[at:])
        kinds.insert(at, "ellipsis")
    begin, end, strides = [], [], []
    masks = {"begin_mask": 0, "end_mask": 0, "ellipsis_mask": 0, "new_axis_mask": 0, "shrink_axis_mask": 0}
    # Which dimension each stands for, as the reference has it: an ellipsis covers one at least.
    before = after = 0
    for i, kind in enumerate(kinds):
        first, last, step = data.draw(
            st.tuples(st.integers(-7, 7), st.integers(-7, 7), st.sampled_from([1, 1, 1, 2, 3, -1, -2]))
        )
        if kind == "ellipsis":
            masks["ellipsis_mask"] |= 1 << i
            covered = max(1, rank - sum(k in ("slice", "shrink") for k in kinds))
            after = covered
        elif kind == "new":
            masks["new_axis_mask"] |= 1 << i
        elif before + after < rank:
            extent = shape[before + after]
            before += 1
            if kind == "shrink":
                # Beyond the end the reference returns memory that nobody wrote.
                masks["shrink_axis_mask"] |= 1 << i
                first, step = data.draw(st.integers(-extent, extent - 1)), 1
            masks["begin_mask"] |= data.draw(st.integers(0, 1)) << i
            masks["end_mask"] |= data.draw(st.integers(0, 1)) << i
        begin.append(first)
        end.append(last)
        strides.append(step)
    a = Arguments()
    x = a.add(values(dtype, shape))
    index = [a.add(np.array(v, np.int32), constant) for v in (begin, end, strides)]
    compare(build("STRIDED_SLICE", [x, *index], T(dtype, (1,)), **masks), a.feed)


@given(shapes(1, 4), st.booleans(), st.data())
def test_offset(shape: tuple[int, ...], constant: bool, data: st.DataObject) -> None:
    # Where begin + size leaves the input, the reference returns memory that nobody wrote.
    begin = [data.draw(st.integers(0, n)) for n in shape]
    size = [data.draw(st.integers(0, n - b)) for n, b in zip(shape, begin, strict=True)]
    a = Arguments()
    inputs = [a.add(values("int8", shape)), a.add(np.array(begin, np.int32), constant)]
    inputs += [const(np.array(v, np.int32)) for v in (size, [data.draw(st.integers(1, 2)) for _ in shape])]
    compare(build("STRIDED_SLICE", inputs, T("int8", shape), offset=True), a.feed)


@given(st.integers(0, 3), st.integers(-(2**31), 2**31 - 1), st.integers(-(2**31), 2**31 - 1), st.integers(-9, 9))
def test_extremes(extent: int, begin: int, end: int, stride: int) -> None:
    # The reference refuses -2^31 as a stride; begin + extent cannot overflow, and nothing else is added.
    inputs = [T("int32", (extent,)), *(const([v]) for v in (begin, end, stride or 2**31 - 1))]
    compare(build("STRIDED_SLICE", inputs, T("int32", (1,))), [values("int32", (extent,))])


def test_resize() -> None:
    inputs = [T("int8", (1, 4)), const([0, 1]), const([0, 3]), const([1, 1])]
    model = build("STRIDED_SLICE", inputs, T("int8", (1, 2)), end_mask=1)
    compare(model, [values("int8", (5, 4))], resize=[(5, 4)])


@pytest.mark.parametrize(
    ("begin", "end", "strides", "options", "message"),
    [
        ([0], [1], [0], {}, "a stride is 0"),
        ([0], [1, 1], [1, 1], {}, "vectors of one length"),
        ([[0]], [[1]], [[1]], {}, "vectors of one length"),
        ([2], [3], [1], {"shrink_axis_mask": 1}, "index 2 is outside"),
        ([0], [3], [-1], {"shrink_axis_mask": 1}, "shrink_axis_mask"),
        ([0] * 3, [1] * 3, [1] * 3, {"ellipsis_mask": 5}, "ellipsis_mask"),
        ([1], [5], [1], {"offset": True}, "takes 5 elements"),
        ([0] * 8, [1] * 8, [1] * 8, {"new_axis_mask": 255}, "at most 8"),
        ([0] * 40, [1] * 40, [1] * 40, {}, "at most 31"),
    ],
)
def test_errors(begin: object, end: object, strides: object, options: dict[str, int], message: str) -> None:
    inputs = [T("int8", (2,)), const(begin), const(end), const(strides)]
    with pytest.raises(sanderling.ModelError, match=f"STRIDED_SLICE.*{message}"):
        sanderling.load(build("STRIDED_SLICE", inputs, T("int8", (1,)), **options))
