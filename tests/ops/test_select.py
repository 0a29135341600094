"""SELECT, SELECT_V2."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sanderling import ModelError
from sanderling.importers import load_ir
from sanderling.model import Model
from tests.support.broadcast import SEEDS, result_shape, shapes, values
from tests.support.builder import T, build
from tests.support.compare import compare

DTYPES = ["bool", "float32", "int8", "uint8", "int16", "int32", "int64"]


def check(op, dims, dtype, seed):
    inputs = [T("bool", dims[0]), T(dtype, dims[1]), T(dtype, dims[2])]
    data = [values(t.dtype, t.shape, seed + k) for k, t in enumerate(inputs)]
    compare(build(op, inputs, T(dtype, result_shape(dims[1:] if op == "SELECT" else dims))), data)


@pytest.mark.parametrize("dtype", DTYPES)
@given(shapes(3), SEEDS)
def test_select_v2(dtype, dims, seed):
    # The reference may keep the declared shape where everything is a single element.
    assume(max(np.prod(s) for s in dims) != 1 or len({len(s) for s in dims}) == 1)
    check("SELECT_V2", dims, dtype, seed)


@pytest.mark.parametrize("dtype", DTYPES)
@given(shapes(1, min_side=1), st.sampled_from(["same", "scalar", "slice"]), SEEDS)
def test_select(dtype, dims, kind, seed):
    shape = dims[0]
    condition = {"same": shape, "scalar": (), "slice": shape[:1]}[kind]
    assume(np.prod(shape) != 1 or condition == shape)
    check("SELECT", [condition, shape, shape], dtype, seed)


@pytest.mark.parametrize("ranks", [(0, 1), (1, 0), (2, 3)])
@pytest.mark.parametrize("op", ["SELECT", "SELECT_V2"])
def test_single_elements(op, ranks):
    """One element each, with different ranks."""
    inputs = [T("bool", (1,) * ranks[0]), *(T("int32", (1,) * ranks[1]) for _ in range(2))]
    model = build(op, inputs, T("int32", (1,) * max(ranks)))
    compare(model, [np.array(True).reshape(inputs[0].shape), *(values("int32", t.shape, 3) for t in inputs[1:])])


@pytest.mark.parametrize("op", ["SELECT", "SELECT_V2"])
def test_threads_and_resize(op):
    model = build(op, [T("bool", (1,)), *(T("int8", (1, 30, 30)) for _ in range(2))], T("int8", (1, 30, 30)))
    dims = [(90,), (90, 30, 30), (90, 30, 30)]
    if op == "SELECT_V2":
        dims[0] = (30,)
    data = [values("bool", dims[0], 1), values("int8", dims[1], 2), values("int8", dims[2], 3)]
    compare(model, data, resize=dims, threads=4)


@pytest.mark.parametrize("op", ["SELECT", "SELECT_V2"])
def test_errors(op):
    def error(dims, dtypes, output="int8"):
        with pytest.raises(ModelError, match=op) as caught:
            Model(load_ir(build(op, [T(t, s) for t, s in zip(dtypes, dims, strict=True)], T(output, dims[1]))))
        return str(caught.value)

    same = [(2, 3)] * 3
    assert "condition is int8; bool" in error(same, ["int8"] * 3)
    assert "input 2 is int16" in error(same, ["bool", "int8", "int16"])
    assert "output is int16" in error(same, ["bool", "int8", "int8"], "int16")
    assert "[2, 2]" in error([(2, 3), (2, 3), (2, 2)], ["bool", "int8", "int8"])
    assert "[4]" in error([(4,), (2, 3), (2, 3)], ["bool", "int8", "int8"])
