import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sanderling
from tests.support.arrays import Arguments, shapes, values
from tests.support.builder import T, build, const
from tests.support.compare import compare


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8", "uint8", "int16", "int32", "int64", "bool"])
@given(shapes(1, 5, 1, 4), st.sampled_from(["REFLECT", "SYMMETRIC"]), st.booleans(), st.data())
def test_mirror_pad(dtype: str, shape: tuple[int, ...], mode: str, constant: bool, data: st.DataObject) -> None:
    most = [n - (mode == "REFLECT") for n in shape]
    paddings = [[data.draw(st.integers(0, m)) * data.draw(st.integers(0, 1)) for _ in range(2)] for m in most]
    a = Arguments()
    inputs = [a.add(values(dtype, shape))]
    inputs.append(a.add(np.array(paddings, data.draw(st.sampled_from([np.int32, np.int64]))), constant))
    compare(build("MIRROR_PAD", inputs, T(dtype, shape), mode=mode), a.feed)


def test_threads_and_resize() -> None:
    paddings = const([[0, 0], [3, 3], [3, 3], [0, 0]])
    model = build("MIRROR_PAD", [T("int8", (1, 8, 8, 3)), paddings], T("int8", (1, 14, 14, 3)), mode="REFLECT")
    compare(model, [values("int8", (2, 90, 80, 3))], resize=[(2, 90, 80, 3)], threads=3)


@pytest.mark.parametrize(
    ("paddings", "mode", "message"),
    [
        ([[0, 0], [3, 0]], "REFLECT", "paddings of dimension 1"),
        ([[3, 0], [0, 0]], "SYMMETRIC", "paddings of dimension 0"),
        ([[0, 0], [0, -1]], "SYMMETRIC", "paddings of dimension 1"),
        ([[0, 0]], "SYMMETRIC", "have shape"),
    ],
)
def test_errors(paddings: list[list[int]], mode: str, message: str) -> None:
    with pytest.raises(sanderling.ModelError, match=f"MIRROR_PAD.*{message}"):
        sanderling.load(build("MIRROR_PAD", [T("int8", (2, 3)), const(paddings)], T("int8", (2, 3)), mode=mode))
