"""PRELU."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes

from tests.support.broadcast import SEEDS, quantized, values
from tests.support.builder import T, build
from tests.support.compare import compare
from tests.support.unary import expect_error, unary

TYPES = [("float32", "float32"), ("int8", "int8"), ("uint8", "uint8"), ("int16", "int8")]
SHAPES = st.one_of(array_shapes(max_dims=4, min_side=1, max_side=5), st.just((1, 4, 4, 40)))


@pytest.mark.parametrize(("dtype", "alpha_dtype"), TYPES)
@given(SHAPES, st.lists(st.booleans(), min_size=4, max_size=4), st.integers(0, 4), st.booleans(), SEEDS, st.data())
def test_prelu(dtype, alpha_dtype, shape, ones, drop, constant, seed, data):
    alpha_shape = tuple(1 if one else n for n, one in zip(shape, ones, strict=False))[drop:]
    quantization = {}, {}, {}
    if dtype != "float32":
        symmetric = dtype == "int16"
        quantization = [data.draw(quantized(t, symmetric)) for t in (dtype, alpha_dtype, dtype)]
    x, alpha = values(dtype, shape, seed), values(alpha_dtype, alpha_shape, seed + 1)
    a = T(alpha_dtype, alpha_shape, data=alpha if constant else None, **quantization[1])
    model = build("PRELU", [T(dtype, shape, **quantization[0]), a], T(dtype, shape, **quantization[2]))
    compare(model, [x] if constant else [x, alpha])


def test_batch_resize():
    x = T("int8", (1, 2, 3), 0.1)
    alpha = T("int8", (2, 3), 0.01, data=values("int8", (2, 3), 1))
    compare(build("PRELU", [x, alpha], T("int8", (1, 2, 3), 0.1)), [values("int8", (4, 2, 3), 0)], resize=[(4, 2, 3)])


def test_errors():
    x = np.zeros((2, 3), np.float32)
    for shape in ((2,), (1, 2, 3), (4, 2, 3)):
        if shape == (1, 2, 3):
            wide = T("float32", (2, 2, 3), data=np.zeros((2, 2, 3), np.float32))
        else:
            wide = T("float32", shape, data=np.zeros(shape, np.float32))
        model = build("PRELU", [T("float32", (2, 3)), wide], T("float32", (2, 3)))
        expect_error(model, x, "PRELU", "broadcast")
    alpha = T("int8", (3,), data=np.zeros(3, np.int8))
    expect_error(build("PRELU", [T("float32", (2, 3)), alpha], T("float32", (2, 3))), x, "PRELU", "alpha", "int8")
    expect_error(unary("PRELU", (2, 3), {"dtype": "float32"}, {"dtype": "float32"}), x, "PRELU", "1 inputs")
