import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.support.builder import T, build, const
from tests.support.compare import compare


@given(st.lists(st.integers(1, 4), max_size=4), st.booleans(), st.booleans(), st.data())
def test_reshape(shape: list[int], free: bool, constant: bool, data: st.DataObject) -> None:
    target = data.draw(st.permutations(shape)) if shape else [1]
    spelled = list(target)
    if free and spelled:
        spelled[data.draw(st.integers(0, len(spelled) - 1))] = -1
    wanted = np.array(spelled, np.int32)
    x = np.arange(np.prod(shape), dtype=np.int8).reshape(shape)
    to = const(wanted) if constant else T("int32", wanted.shape)
    model = build("RESHAPE", [T("int8", shape), to], [T("int8", target)], new_shape=[])
    compare(model, [x] if constant else [x, wanted])
