"""Kernels as functions: each gives the reference's bits on every instruction set, and names the row that ran."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import sanderling
from sanderling import _core, kernels, one_operator
from sanderling.exporters import tflite
from tests.support import oracle
from tests.support.compare import assert_same
from tests.support.isa import require_isa

RNG = np.random.default_rng(5)
DTYPES = ["int8", "uint8", "int16", "float32"]
X_Q = {"int8": (0.05, -3), "uint8": (0.05, 120), "int16": (0.0002, 0), "float32": None}
Y_Q = {"int8": (0.4, 5), "uint8": (0.4, 130), "int16": (0.002, 0), "float32": None}


def values(dtype: str, *shape: int) -> np.ndarray:
    if dtype == "float32":
        return RNG.normal(size=shape).astype(np.float32)
    limits = np.iinfo(dtype)
    return RNG.integers(limits.min, limits.max, shape, dtype=dtype, endpoint=True)


def weights(dtype: str, axis: int, *shape: int) -> dict[str, Any]:
    """Weights, a bias for the output channels along `axis`, and the quantizations."""
    kind = {"int16": "int8"}.get(dtype, dtype)
    n = shape[axis]
    scales = (RNG.uniform(0.001, 0.02, n), 0) if dtype in ("int8", "int16") else (0.01, 140)
    bias = RNG.integers(-500, 500, n).astype({"int16": "int64"}.get(dtype, "int32"))
    return {
        "w": values(kind, *shape),
        "bias": bias if dtype != "float32" else RNG.normal(size=n).astype(np.float32),
        "x_q": X_Q[dtype],
        "w_q": scales if dtype != "float32" else None,
        "y_q": Y_Q[dtype],
    }


def call(name: str, dtype: str) -> tuple[list[Any], dict[str, Any]]:
    """Arguments of a call; the first are the operator's inputs that are not constant."""
    q = {"x_q": X_Q[dtype]}
    x = values(dtype, 2, 9, 7, 12)
    if name == "conv2d":
        return [x], weights(dtype, 0, 20, 3, 3, 12) | {"stride": (2, 1), "activation": "RELU6"}
    if name == "depthwise_conv2d":
        return [x], weights(dtype, 3, 1, 3, 3, 24) | {"padding": "VALID", "dilation": 2}
    if name == "fully_connected":
        return [x], weights(dtype, 0, 33, 12)
    if name in ("add", "sub", "mul"):
        b_q = X_Q[dtype] and (X_Q[dtype][0] * 1.5, X_Q[dtype][1])
        return [x, values(dtype, 2, 9, 7, 12)], {"a_q": X_Q[dtype], "b_q": b_q, "y_q": Y_Q[dtype]}
    if name == "lookup":
        y_q = {"int8": (1 / 256, -128), "uint8": (1 / 256, 0), "int16": (1 / 32768, 0)}.get(dtype)
        return [x], {"function": "LOGISTIC", "y_q": y_q} | q
    if name in ("average_pool2d", "max_pool2d"):
        return [x], {"size": (3, 2), "stride": 2, "padding": "SAME"} | q
    if name == "mean":
        return [x], {"axes": (1, 2), "y_q": Y_Q[dtype]} | q
    return [x], q


FUNCTIONS = sorted(name for name, value in vars(kernels).items() if isinstance(value, kernels.Function))


def test_functions() -> None:
    assert len(FUNCTIONS) >= 11
    assert sanderling.kernels is kernels


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_reference(name: str, dtype: str) -> None:
    inputs, options = call(name, dtype)
    function = getattr(kernels, name)
    prepared = function.prepare(*inputs, **options, threads=2)
    expected = oracle.run(tflite.to_bytes(prepared.model.ir), inputs)[0]
    assert_same(function(*inputs, **options, threads=2), expected)
    for isa in _core.available_isas():
        y = function(*inputs, **options, isa=isa)
        assert_same(y, expected)
        assert y.dtype == dtype


@pytest.mark.parametrize(("isa", "name"), [(r.isa, r.name) for r in kernels.rows() if r.folder == "conv2d_q8"])
def test_the_kernel_is_named(isa: str, name: str) -> None:
    require_isa(isa)
    # Words are for weights with a zero point.
    (x,), options = call("conv2d", "uint8" if name == "words" else "int8")
    x = np.tile(x, (1, 4, 4, 1))  # so much that every row pays
    prepared = kernels.conv2d.prepare(x, **options, isa=isa)
    assert prepared.kernel == f"{isa}/{name}"
    assert prepared.macs == 2 * 18 * 28 * 20 * 9 * 12
    assert prepared.nanoseconds() > 0


def test_rows() -> None:
    rows = kernels.rows()
    assert [(r.folder, r.name, r.isa) for r in rows] == _core.kernels()
    assert all(r.available for r in rows if r.isa == "portable")
    assert {r.isa for r in rows if r.available} <= {*_core.available_isas(), *_core.asked_isas()}


def test_calls_share_models_but_not_weights() -> None:
    inputs, options = call("fully_connected", "int8")
    first = kernels.fully_connected.prepare(*inputs, **options)
    again = kernels.fully_connected.prepare(*inputs, **options)
    assert first.model is again.model
    before = first()
    options["w"][...] += 1
    other = kernels.fully_connected(*inputs, **options)
    assert not np.array_equal(other, before)
    np.testing.assert_array_equal(first(), before)


def test_few_models_are_kept() -> None:
    for n in range(2 * kernels.MODELS_KEPT):
        kernels.softmax(np.zeros((1, n + 1), np.float32))
    assert len(one_operator._models) == kernels.MODELS_KEPT


@pytest.mark.parametrize(
    ("error", "message", "arguments"),
    [
        (TypeError, "x is int8: its quantization", {"x_q": None}),
        (TypeError, "x is float64; expected: int8", {"x": np.zeros((1, 4, 4, 12))}),
        (TypeError, "w is int16", {"w": np.zeros((4, 1, 1, 12), np.int16)}),
        (TypeError, "bias is int64; expected: int32", {"bias": np.zeros(20, np.int64)}),
        (ValueError, "CONV_2D.*channels", {"w": np.zeros((20, 1, 1, 5), np.int8)}),
        (ValueError, "CONV_2D.*padding", {"padding": "EQUAL"}),
        (ValueError, "'sse' is not one", {"isa": "sse"}),
        (ValueError, "threads is 0", {"threads": 0}),
        (TypeError, "threads is 2.0; a whole number", {"threads": 2.0}),
        (ValueError, "has 3 values; one, or two", {"stride": (1, 2, 3)}),
        (ValueError, "has 1 values; one, or two", {"dilation": (1,)}),
        (TypeError, "float", {"stride": 1.5}),
        (ValueError, "x has scale nan; positive", {"x_q": (np.nan, 0)}),
        (ValueError, "y has scale 0; positive", {"y_q": (0, 0)}),
        (ValueError, "x has scale -1; positive", {"x_q": (-1, 0)}),
        (TypeError, "x has zero point 1.5; whole", {"x_q": (1, 1.5)}),
    ],
)
def test_errors(error: type[Exception], message: str, arguments: dict[str, Any]) -> None:
    inputs, options = call("conv2d", "int8")
    with pytest.raises(error, match=message):
        kernels.conv2d(**{"x": inputs[0], **options, **arguments})


def test_function_names() -> None:
    with pytest.raises(ValueError, match="function is 'SINE'; expected: ELU"):
        kernels.lookup(np.zeros(3, np.float32), "SINE")
    for function in kernels.FUNCTIONS:
        assert kernels.lookup(np.ones(3, np.float32), function).shape == (3,)


def test_quantized_float() -> None:
    with pytest.raises(TypeError, match="x is float32 and has no quantization"):
        kernels.softmax(np.zeros(3, np.float32), x_q=(1, 0))


def test_numbers_of_numpy() -> None:
    inputs, options = call("conv2d", "int8")
    plain = kernels.conv2d(inputs[0], **{**options, "stride": 2})
    np.testing.assert_array_equal(kernels.conv2d(inputs[0], **{**options, "stride": np.int64(2)}), plain)
    with pytest.raises(TypeError, match="float"):
        kernels.mean(np.zeros((1, 2, 3, 4), np.float32), axes=[1.5])  # type: ignore[list-item]
