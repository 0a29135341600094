"""SHAPE and RANK."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sanderling
from tests.support.arrays import shapes, values
from tests.support.builder import Net, T, build
from tests.support.compare import compare


@pytest.mark.parametrize("dtype", ["float32", "int8", "uint8", "int16", "int32", "int64", "bool"])
@given(shapes(0, 5, 0, 4), st.sampled_from(["int32", "int64"]))
def test_shape(dtype: str, shape: tuple[int, ...], wanted: str) -> None:
    model = build("SHAPE", [T(dtype, shape)], T(wanted, (len(shape),)), out_type=wanted)
    compare(model, [values(dtype, shape)])


@pytest.mark.parametrize("dtype", ["float32", "int8", "uint8", "int16", "int32", "int64", "bool"])
@given(shapes(0, 5, 0, 4))
def test_rank(dtype: str, shape: tuple[int, ...]) -> None:
    compare(build("RANK", [T(dtype, shape)], T("int32", ())), [values(dtype, shape)])


def test_resize() -> None:
    model = build("SHAPE", [T("int8", (1, 3))], T("int32", (2,)), out_type="int32")
    compare(model, [values("int8", (4, 5))], resize=[(4, 5)])


def test_shape_feeds_a_reshape() -> None:
    net = Net()
    x, y = net.input(T("int8", (2, 6))), net.input(T("int8", (3, 4)))
    target = net.op("SHAPE", [y], T("int32", (2,)), out_type="int32")
    z = net.op("RESHAPE", [x, target], T("int8", (3, 4)), new_shape=[])
    model = net.build([z])
    compare(model, [values("int8", (2, 6)), values("int8", (3, 4))])
    compare(model, [values("int8", (2, 5)), values("int8", (5, 2))], resize=[(2, 5), (5, 2)])


def test_shape_of_a_late_tensor() -> None:
    net = Net()
    x, target = net.input(T("int8", (2, 6))), net.input(T("int32", (3,)))
    y = net.op("RESHAPE", [x, target], T("int8", (1, 1, 1)), new_shape=[])
    s = net.op("SHAPE", [y], T("int32", (3,)), out_type="int32")
    model = net.build([s])
    compare(model, [values("int8", (2, 6)), np.array([2, -1, 2], np.int32)])


def test_errors() -> None:
    with pytest.raises(sanderling.ModelError, match=r"SHAPE.*out_type"):
        sanderling.load(build("SHAPE", [T("int8", (1,))], T("int32", (1,)), out_type="int64"))
    with pytest.raises(sanderling.ModelError, match=r"SHAPE.*int32 or int64 expected"):
        sanderling.load(build("SHAPE", [T("int8", (1,))], T("float32", (1,)), out_type="float32"))
