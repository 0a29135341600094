"""Functions of one operand: signs, roundings, roots, exponentials, and the smooth relatives of RELU."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes

from tests.support.broadcast import SCALES, SEEDS, quantized, values
from tests.support.compare import compare
from tests.support.unary import every, expect_error, ours, unary

SHAPES = array_shapes(max_dims=5, min_side=0, max_side=5)
FLOAT = ["ABS", "NEG", "SIGN", "FLOOR", "CEIL", "ROUND", "SQUARE", "SQRT", "RSQRT", "EXP", "LOG", "SIN", "COS"]
FLOAT += ["ELU", "GELU", "HARD_SWISH"]
INTEGER = [("ABS", "int16"), ("ABS", "int32"), ("SIGN", "int32")]
INTEGER += [("NEG", t) for t in ("int8", "int16", "int32", "int64")]
ROOTS = ("SQRT", "RSQRT")
# BUILTIN_REF does not have them.
RESOLVER = dict.fromkeys(["CEIL", "ROUND", "ELU"], "builtin")


def attributes(op, approximate=False):
    return {"approximate": approximate} if op == "GELU" else {}


@pytest.mark.parametrize("op", FLOAT)
@given(SHAPES, st.booleans(), SEEDS)
def test_float32(op, shape, approximate, seed):
    x = values("float32", shape, seed)
    if op in (*ROOTS, "LOG"):
        x = np.abs(x)
    if op == "GELU":  # Cancellation far left loses digits: no such value alone sets the scale of the tolerance.
        x.flat[:1] = 1
    model = unary(op, shape, {"dtype": "float32"}, {"dtype": "float32"}, **attributes(op, approximate))
    compare(model, [x], resolver=RESOLVER.get(op, "ref"))


@pytest.mark.parametrize("op", FLOAT)
def test_float32_extremes(op):
    x = np.array([0, -0.0, 1, -1, 0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 1e-40, 1e30, -1e30, np.inf, -np.inf, np.nan])
    if op in ("SIN", "COS"):
        x = x[np.abs(x) < 1e6]
    x = x.astype(np.float32)
    if op == "GELU":  # The reference's vector form gives NaN for infinities.
        x = x[~np.isinf(x)]
    model = unary(op, (1,), {"dtype": "float32"}, {"dtype": "float32"}, **attributes(op))
    for k in range(x.size):  # One by one, so that the tolerance is relative to each.
        compare(model, [x[k : k + 1]], resolver=RESOLVER.get(op, "ref"))


@pytest.mark.parametrize("op", ["FLOOR", "ROUND", "NEG", "SIN", "COS", "GELU"])
def test_float16(op):
    x = np.arange(65536, dtype=np.uint16).view(np.float16)
    x = x[np.abs(x.astype(np.float32)) < (2000 if op in ("FLOOR", "ROUND", "NEG") else 8)]
    model = unary(op, x.shape, {"dtype": "float16"}, {"dtype": "float16"}, **attributes(op))
    # The reference computes GELU itself in half precision.
    compare(model, [x], tolerance=2e-3 if op == "GELU" else 2**-11, resolver=RESOLVER.get(op, "ref"))


@pytest.mark.parametrize(("op", "dtype"), INTEGER)
@given(SHAPES, SEEDS)
def test_integers(op, dtype, shape, seed):
    compare(unary(op, shape, {"dtype": dtype}, {"dtype": dtype}), [values(dtype, shape, seed)])


@given(SHAPES, SEEDS)
def test_sign_float64(shape, seed):
    compare(unary("SIGN", shape, {"dtype": "float64"}, {"dtype": "float64"}), [values("float64", shape, seed)])


@pytest.mark.parametrize(
    ("op", "dtype"),
    [
        *((op, t) for op in ("ABS", "NEG", *ROOTS) for t in ("int8", "int16")),
        *(("HARD_SWISH", t) for t in ("int8", "uint8")),
    ],
)
@given(st.data())
def test_every_value_fixed_point(op, dtype, data):
    x, y = (data.draw(quantized(dtype, symmetric=dtype == "int16")) for _ in range(2))
    if op == "HARD_SWISH" and x["scale"] > y["scale"] * 100:
        x, y = y, x
    inputs = every(dtype)
    if op in ROOTS:
        inputs = inputs[inputs >= x["zero_point"]]
    compare(unary(op, inputs.shape, {"dtype": dtype, **x}, {"dtype": dtype, **y}), [inputs])


# (operator, type): the scales are such that results stay within int32, beyond which the reference's tables convert
# without a bound.
TABLES = [(op, t) for op in ("EXP", "LOG") for t in ("int8", "int16")]
TABLES += [("ELU", "int8"), *(("GELU", t) for t in ("int8", "uint8", "int16"))]


@pytest.mark.parametrize(("op", "dtype"), TABLES)
@given(SCALES, st.floats(2**-10, 2**4, width=32), st.booleans(), st.data())
def test_every_value_tables(op, dtype, x_scale, y_scale, approximate, data):
    x, y = (data.draw(quantized(dtype, symmetric=dtype == "int16" and op != "GELU")) for _ in range(2))
    if op == "EXP":
        x_scale = min(x_scale, 12 / (256 if dtype == "int8" else 32768))
    x["scale"], y["scale"] = x_scale, y_scale
    inputs = every(dtype)
    model = unary(op, inputs.shape, {"dtype": dtype, **x}, {"dtype": dtype, **y}, **attributes(op, approximate))
    compare(model, [inputs], resolver=RESOLVER.get(op, "ref"))


def test_table_saturates():
    model = unary("EXP", (256,), {"dtype": "int8", "scale": 16.0}, {"dtype": "int8", "scale": 2.0**-20})
    y = ours(model, every("int8"))
    np.testing.assert_array_equal(y, np.where(every("int8") < 0, 0, 127))


@pytest.mark.parametrize(
    ("op", "dtype"),
    [
        *((op, t) for op in ("ABS", "EXP", "LOG", "SQRT", "RSQRT", "GELU") for t in ("int8", "int16")),
        *((op, "int8") for op in ("ELU", "HARD_SWISH")),
    ],
)
@pytest.mark.parametrize("scale", [0.0, 2.0**-149, 3e38])
def test_strange_scales(op, dtype, scale):
    """Defined: no crash, whatever the result."""
    for a, b in ((scale, 1.0), (1.0, scale)):
        model = unary(op, (100,), {"dtype": dtype, "scale": a}, {"dtype": dtype, "scale": b}, **attributes(op))
        x = np.arange(100).astype(dtype)
        if op == "HARD_SWISH" and a / 128 >= b:
            expect_error(model, x, op, "too large")
        else:
            ours(model, x)


@pytest.mark.parametrize("op", ROOTS)
@pytest.mark.parametrize("dtype", ["int8", "int16"])
def test_roots_of_negative_values(op, dtype):
    zero_point = 5 if dtype == "int8" else 0
    tensor = {"dtype": dtype, "scale": 0.1, "zero_point": zero_point}
    model = unary(op, (3,), tensor, tensor)
    compare(model, [np.full(3, zero_point, dtype)])
    expect_error(model, np.array([zero_point, zero_point - 1, 100], dtype), op, "negative")


def test_batch_resize():
    model = unary("EXP", (1, 5), {"dtype": "int8", "scale": 0.01}, {"dtype": "int8", "scale": 0.05})
    compare(model, [values("int8", (3, 5), 0)], resize=[(3, 5)])


@pytest.mark.parametrize("op", FLOAT)
def test_errors(op):
    x = np.zeros(3, bool)
    expect_error(unary(op, (3,), {"dtype": "bool"}, {"dtype": "bool"}, **attributes(op)), x, op, "bool", "float32")
    model = unary(op, (3,), {"dtype": "float32"}, {"dtype": "int32"}, **attributes(op))
    expect_error(model, x.astype(np.float32), op, "int32", "float32")
