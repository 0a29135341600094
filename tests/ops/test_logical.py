"""LOGICAL_AND, LOGICAL_OR, LOGICAL_NOT, BITWISE_XOR, RIGHT_SHIFT, ADD_N, ZEROS_LIKE."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sanderling import ModelError
from sanderling.importers import load_ir
from sanderling.model import Model
from tests.support.broadcast import SEEDS, operands, result_shape, shapes, tensors, values
from tests.support.builder import T, build
from tests.support.compare import compare


@pytest.mark.parametrize("op", ["LOGICAL_AND", "LOGICAL_OR"])
@given(shapes(), SEEDS)
def test_logical(op, dims, seed):
    compare(build(op, tensors(dims, "bool"), T("bool", result_shape(dims))), operands(dims, "bool", seed))


@given(shapes(1), SEEDS)
def test_logical_not(dims, seed):
    compare(build("LOGICAL_NOT", tensors(dims, "bool"), T("bool", dims[0])), operands(dims, "bool", seed))


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint32"])
@pytest.mark.parametrize("op", ["BITWISE_XOR", "RIGHT_SHIFT"])
@given(shapes(), SEEDS)
def test_bits(op, dtype, dims, seed):
    compare(build(op, tensors(dims, dtype), T(dtype, result_shape(dims))), operands(dims, dtype, seed))


@pytest.mark.parametrize("dtype", ["float32", "int32"])
@given(shapes(1), st.integers(2, 5), SEEDS)
def test_add_n(dtype, dims, count, seed):
    compare(build("ADD_N", tensors(dims * count, dtype), T(dtype, dims[0])), operands(dims * count, dtype, seed))


@pytest.mark.parametrize("dtype", ["float32", "int32", "int64"])
@given(shapes(1), SEEDS)
def test_zeros_like(dtype, dims, seed):
    compare(build("ZEROS_LIKE", tensors(dims, dtype), T(dtype, dims[0])), operands(dims, dtype, seed))


@pytest.mark.parametrize(("op", "dtype"), [("LOGICAL_AND", "bool"), ("BITWISE_XOR", "int32")])
def test_threads_and_resize(op, dtype):
    model = build(op, tensors([(1, 8, 9, 5), (5,)], dtype), T(dtype, (1, 8, 9, 5)))
    larger = (300, 8, 9, 5)
    compare(model, [values(dtype, larger, 1), values(dtype, (5,), 2)], resize=[larger, (5,)], threads=4)


@pytest.mark.parametrize(
    ("op", "dtypes", "output", "message"),
    [
        ("LOGICAL_AND", ["int8", "int8"], "int8", "bool expected"),
        ("LOGICAL_OR", ["bool", "int8"], "bool", "input 1 is int8"),
        ("LOGICAL_NOT", ["float32"], "bool", "bool expected"),
        ("BITWISE_XOR", ["float32", "float32"], "float32", "inputs are float32"),
        ("RIGHT_SHIFT", ["int64", "int64"], "int64", "inputs are int64"),
        ("ADD_N", ["float32"], "float32", "2 or more"),
        ("ADD_N", ["float32", "int32"], "float32", "int32"),
        ("ADD_N", ["int64", "int64"], "int64", "int32 or float32"),
        ("ZEROS_LIKE", ["int8"], "int8", "float32 expected"),
        ("ZEROS_LIKE", ["float32"], "int32", "output is int32"),
    ],
)
def test_errors(op, dtypes, output, message):
    with pytest.raises(ModelError, match=op) as caught:
        Model(load_ir(build(op, [T(dtype, (2,)) for dtype in dtypes], T(output, (2,)))))
    assert message in str(caught.value)


def test_truth_values_of_a_file_may_be_any_byte():
    """A constant of type bool with bytes other than 0 and 1 is true where it is not 0."""
    true = T("bool", (4,), data=np.array([0, 1, 1, 1], bool))
    model = build("LOGICAL_AND", [true, T("bool", (4,))], T("bool", (4,)))
    broken = model.replace(bytes([0, 1, 1, 1]), bytes([0, 1, 2, 255]))
    y = Model(load_ir(broken))(np.ones(4, bool))
    assert y.view(np.uint8).tolist() == [0, 1, 1, 1]
