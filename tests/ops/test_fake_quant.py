"""FAKE_QUANT."""

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes

from tests.support.broadcast import SEEDS, values
from tests.support.compare import compare
from tests.support.unary import expect_error, unary

FLOAT = {"dtype": "float32"}


@given(
    array_shapes(max_dims=4, min_side=0, max_side=5),
    st.floats(-100, 0, width=32),
    st.floats(0, 100, width=32),
    st.integers(2, 16),
    SEEDS,
)
def test_fake_quant(shape, low, high, bits, seed):
    assume(high - low > 1e-3)
    model = unary("FAKE_QUANT", shape, FLOAT, FLOAT, min=low, max=high, num_bits=bits, narrow_range=False)
    compare(model, [values("float32", shape, seed)])


def test_errors():
    x = np.zeros(3, np.float32)
    good = {"min": -1.0, "max": 1.0, "num_bits": 8, "narrow_range": False}
    for name, bad in (("narrow_range", True), ("num_bits", 1), ("num_bits", 99), ("min", 0.5), ("max", float("nan"))):
        model = unary("FAKE_QUANT", (3,), FLOAT, FLOAT, **{**good, name: bad})
        expect_error(model, x, "FAKE_QUANT", f"'{name}'")
