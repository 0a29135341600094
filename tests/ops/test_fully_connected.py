"""FULLY_CONNECTED in every kind of type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sanderling import _core
from sanderling.errors import ModelError
from sanderling.importers import load_ir
from sanderling.model import Model
from tests.support.builder import Net, T, build, const, pack_int4
from tests.support.compare import compare

ACTIVATIONS = ["NONE", "RELU", "RELU_N1_TO_1", "RELU6"]
WEIGHT_LIMITS = {"int8": (-128, 127), "uint8": (0, 255), "int16": (-32768, 32767)}


def random_array(rng: np.random.Generator, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    """Uniform over the whole dtype, or nothing but its extremes."""
    low, high = WEIGHT_LIMITS[dtype]
    if rng.random() < 0.2:
        return rng.choice([low, high], shape).astype(dtype)
    return rng.integers(low, high + 1, shape).astype(dtype)


@dataclass
class Case:
    """Sizes and numbers that all kinds share."""

    lead: list[int]
    depth: int
    outputs: int
    activation: str
    keep: bool
    bias: bool
    constant: bool
    rng: np.random.Generator

    @property
    def input_shape(self) -> tuple[int, ...]:
        return (*self.lead, self.depth)

    @property
    def rows(self) -> int:
        return int(np.prod(self.lead))

    @property
    def output_shape(self) -> tuple[int, ...]:
        return (*self.lead, self.outputs) if self.keep else (self.rows, self.outputs)

    @property
    def options(self) -> dict[str, Any]:
        return {"fused_activation_function": self.activation, "keep_num_dims": self.keep}


@st.composite
def cases(draw: st.DrawFn, max_depth: int = 70) -> Case:
    return Case(
        lead=draw(st.lists(st.integers(1, 5), min_size=1, max_size=3)),
        depth=draw(st.integers(1, max_depth)),
        outputs=draw(st.integers(1, 70)),
        activation=draw(st.sampled_from(ACTIVATIONS)),
        keep=draw(st.booleans()),
        bias=draw(st.booleans()),
        constant=draw(st.booleans()),
        rng=np.random.default_rng(draw(st.integers(0, 2**32))),
    )


def output_scale(case: Case, in_scale: float, weight_scale: float, reach: float) -> float:
    """A scale that makes some outputs saturate and keeps products within int32, beyond which C++ defines nothing."""
    typical = in_scale * weight_scale * reach * case.depth**0.5
    return float(np.float32(typical / 2 ** case.rng.uniform(2, 9)))


def quantized_inputs(
    case: Case, dtype: str, weights: str, in_scale: float, zero: int, w_scale: Any, w_zero: Any, bias: str = "int32"
) -> tuple[list[T | None], list[np.ndarray]]:
    """The three inputs of the operator and the arrays of those that are not constant."""
    rng = case.rng
    w = random_array(rng, weights, (case.outputs, case.depth))
    x = random_array(rng, dtype, case.input_shape)
    w_scale = np.asarray(w_scale, np.float32)
    inputs: list[T | None] = [
        T(dtype, case.input_shape, in_scale, zero),
        T(weights, w.shape, w_scale, w_zero, data=w if case.constant else None),
    ]
    arrays = [x] if case.constant else [x, w]
    if case.bias:
        b = rng.integers(-(2**14), 2**14, case.outputs).astype(bias)
        inputs.append(T(bias, b.shape, np.float32(in_scale) * w_scale, data=b if case.constant else None))
        if not case.constant:
            arrays.append(b)
    elif rng.random() < 0.5:
        inputs.append(None)
    return inputs, arrays


scales = st.floats(-20, 4).map(lambda e: float(np.float32(2.0**e)))


@given(cases(), scales, scales, st.integers(-128, 127), st.integers(-128, 127), st.integers(-128, 127))
def test_int8(case: Case, in_scale: float, w_scale: float, zero: int, w_zero: int, out_zero: int) -> None:
    inputs, arrays = quantized_inputs(case, "int8", "int8", in_scale, zero, w_scale, w_zero)
    scale = output_scale(case, in_scale, w_scale, 128 * 128)
    compare(build("FULLY_CONNECTED", inputs, T("int8", case.output_shape, scale, out_zero), **case.options), arrays)


@given(cases(), scales, st.integers(-128, 127), st.integers(-128, 127))
def test_int8_per_channel(case: Case, in_scale: float, zero: int, out_zero: int) -> None:
    assume(case.outputs > 1)
    w_scale = (2.0 ** case.rng.uniform(-12, 0, case.outputs)).astype(np.float32)
    inputs, arrays = quantized_inputs(case, "int8", "int8", in_scale, zero, w_scale, 0)
    scale = output_scale(case, in_scale, float(w_scale.mean()), 128 * 128)
    compare(build("FULLY_CONNECTED", inputs, T("int8", case.output_shape, scale, out_zero), **case.options), arrays)


@given(cases(), st.integers(-128, 127), st.integers(-128, 127), st.booleans())
def test_int8_with_int4_weights(case: Case, zero: int, out_zero: int, per_channel: bool) -> None:
    w = case.rng.integers(-8, 8, (case.outputs, case.depth))
    w_scale = 2.0 ** case.rng.uniform(-6, 0, case.outputs if per_channel else 1).astype(np.float32)
    x = random_array(case.rng, "int8", case.input_shape)
    inputs = [T("int8", case.input_shape, 0.05, zero), T("int4", w.shape, w_scale, 0, data=pack_int4(w))]
    scale = output_scale(case, 0.05, float(w_scale.mean()), 128 * 8)
    compare(build("FULLY_CONNECTED", inputs, T("int8", case.output_shape, scale, out_zero), **case.options), [x])


@pytest.mark.parametrize("isa", _core.available_isas())
def test_int4_weights_that_others_read_too(isa: str) -> None:
    """Packed by one operator, values for others: the plan's own copy in int8 is there for these alone."""
    rng = np.random.default_rng(1)
    w = rng.integers(-8, 8, (9, 33)).astype(np.int8)
    x = T("int8", (2, 33), 0.1, 4)
    models = []
    for weights in (T("int4", w.shape, 0.02, 0, data=pack_int4(w)), T("int8", w.shape, 0.02, 0, data=w)):
        net = Net()
        net.input(x)
        outputs = [
            net.op("FULLY_CONNECTED", [x, weights], T("int8", (2, 9), 0.1, 1), fused_activation_function="NONE"),
            net.op("DEQUANTIZE", [weights], T("float32", w.shape)),
            net.op("FULLY_CONNECTED", [x, weights], T("int8", (2, 9), 0.2, 1), fused_activation_function="NONE"),
        ]
        models.append(Model(load_ir(net.build(outputs)), threads=1, isa=isa))
    for _ in range(2):
        values = random_array(rng, "int8", (2, 33))
        for ours, expected in zip(models[0](values), models[1](values), strict=True):
            np.testing.assert_array_equal(ours, expected)


@given(cases(), scales, st.integers(0, 255), st.integers(0, 255), st.integers(0, 255))
def test_uint8(case: Case, in_scale: float, zero: int, w_zero: int, out_zero: int) -> None:
    inputs, arrays = quantized_inputs(case, "uint8", "uint8", in_scale, zero, 0.02, w_zero)
    scale = output_scale(case, in_scale, 0.02, 128 * 128)
    compare(build("FULLY_CONNECTED", inputs, T("uint8", case.output_shape, scale, out_zero), **case.options), arrays)


@given(cases(), st.integers(0, 255), st.integers(0, 255))
def test_uint8_to_int16(case: Case, zero: int, w_zero: int) -> None:
    case.bias = True  # the reference reads it without looking whether there is one
    inputs, arrays = quantized_inputs(case, "uint8", "uint8", 0.01, zero, 0.02, w_zero)
    scale = output_scale(case, 0.01, 0.02, 1)
    compare(build("FULLY_CONNECTED", inputs, T("int16", case.output_shape, scale, 0), **case.options), arrays)


@pytest.mark.parametrize("bias", ["int32", "int64"])
@pytest.mark.parametrize("per_channel", [False, True])
@given(case=cases(max_depth=600), w_zero=st.integers(-128, 127))
def test_int16_with_int8_weights(bias: str, per_channel: bool, case: Case, w_zero: int) -> None:
    # Without quantized_bias_type the reference reads any bias as int64.
    options = {"quantized_bias_type": bias} if bias == "int32" or case.rng.random() < 0.5 else {}
    w_scale = 2.0 ** case.rng.uniform(-9, 0, case.outputs if per_channel else 1)
    w_zero = 0 if per_channel else w_zero
    inputs, arrays = quantized_inputs(case, "int16", "int8", 0.001, 0, w_scale, w_zero, bias)
    scale = output_scale(case, 0.001, float(w_scale.mean()), 128)
    out = T("int16", case.output_shape, scale, 0)
    compare(build("FULLY_CONNECTED", inputs, out, **case.options, **options), arrays)


@pytest.mark.parametrize("bias", ["int32", "int64"])
@pytest.mark.parametrize("per_channel", [False, True])
@given(case=cases())
def test_int16_with_int16_weights(bias: str, per_channel: bool, case: Case) -> None:
    # Without quantized_bias_type the reference reads any bias as int32.
    options = {"quantized_bias_type": bias} if bias == "int64" or case.rng.random() < 0.5 else {}
    w_scale = 2.0 ** case.rng.uniform(-9, 0, case.outputs if per_channel else 1)
    inputs, arrays = quantized_inputs(case, "int16", "int16", 0.001, 0, w_scale, 0, bias)
    scale = output_scale(case, 0.001, float(w_scale.mean()), 2**15)
    out = T("int16", case.output_shape, scale, 0)
    compare(build("FULLY_CONNECTED", inputs, out, **case.options, **options), arrays)


@given(cases())
def test_float32(case: Case) -> None:
    rng = case.rng
    w = rng.standard_normal((case.outputs, case.depth)).astype(np.float32)
    b = rng.standard_normal(case.outputs).astype(np.float32)
    x = rng.standard_normal(case.input_shape).astype(np.float32)
    arrays = [x, w, b] if case.bias else [x, w]
    inputs = [T("float32", a.shape, data=a if case.constant and k else None) for k, a in enumerate(arrays)]
    model = build("FULLY_CONNECTED", inputs, T("float32", case.output_shape), **case.options)
    compare(model, arrays[:1] if case.constant else arrays, magnitude=1.0)


@pytest.mark.parametrize("weights", ["int8", "int4", "uint8"])
@pytest.mark.parametrize("per_channel", [False, True])
@given(
    case=cases(),
    asymmetric=st.booleans(),
    activation=st.sampled_from([*ACTIVATIONS, "TANH", "SIGN_BIT"]),
    magnitude=st.floats(-10, 10),
    shift=st.floats(-2, 2),
)
def test_hybrid(
    weights: str, per_channel: bool, case: Case, asymmetric: bool, activation: str, magnitude: float, shift: float
) -> None:
    rng = case.rng
    low, high = (-8, 8) if weights == "int4" else (-127, 128)
    w = rng.integers(low, high, (case.outputs, case.depth))
    data = pack_int4(w) if weights == "int4" else w.astype(np.int8).view(weights)
    w_scale = (2.0 ** rng.uniform(-9, 0, case.outputs if per_channel else 1)).astype(np.float32)
    x = ((rng.standard_normal(case.input_shape) + shift) * 2.0**magnitude).astype(np.float32)
    x[rng.random(case.lead) < 0.2] = 0
    inputs = [T("float32", x.shape), T(weights, w.shape, w_scale, 0, data=data)]
    if case.bias:
        inputs.append(const(rng.standard_normal(case.outputs).astype(np.float32)))
    options = {**case.options, "fused_activation_function": activation, "asymmetric_quantize_inputs": asymmetric}
    model = build("FULLY_CONNECTED", inputs, T("float32", case.output_shape), **options)
    compare(model, [x], magnitude=max(1.0, 2.0**magnitude) * float(w_scale.max()))


def test_rounds_ties_away_from_zero() -> None:
    # Multiplier 1/2: accumulators of odd value are ties.
    w = np.ones((3, 1), np.int8)
    b = np.array([-1, 0, 1], np.int32)
    inputs = [T("int8", (5, 1), 1.0, 0), T("int8", w.shape, 0.5, 0, data=w), T("int32", (3,), 0.5, data=b)]
    x = np.array([[-3], [-2], [0], [2], [3]], np.int8)
    (y,) = compare(build("FULLY_CONNECTED", inputs, T("int8", (5, 3), 1.0, 7)), [x])
    assert y[:, 1].tolist() == [5, 6, 7, 8, 9]
    assert y[2].tolist() == [6, 7, 8]


def test_rescales_in_double() -> None:
    # 2**24 + 1 and 2**31 - 1 have no float32 value; a 31-bit multiplier would round them twice.
    b = np.array([2**24 + 1, -(2**24) - 1, 2**31 - 1, -(2**31)], np.int32)
    w = np.zeros((4, 1), np.int8)
    inputs = [T("int8", (1, 1), 1.0, 0), T("int8", w.shape, 1.0, 0, data=w), T("int32", (4,), 1.0, data=b)]
    for scale in (2.0**18, 2.0**24 / 100.5, 2.0**17 + 1):
        compare(build("FULLY_CONNECTED", inputs, T("int8", (1, 4), scale, 3)), [np.ones((1, 1), np.int8)])


@pytest.mark.parametrize("value", [-128, 127])
def test_long_sums_of_extremes(value: int) -> None:
    # 255 * 255 * 40000 wraps int32.
    depth = 40000
    w = np.full((5, depth), value, np.int8)
    x = np.full((3, depth), -128, np.int8)
    inputs = [T("int8", x.shape, 0.5, 127), T("int8", w.shape, 0.5, -128 if value > 0 else 127, data=w)]
    compare(build("FULLY_CONNECTED", inputs, T("int8", (3, 5), 2.0**24, 0)), [x])


def test_long_sums_of_int16_extremes() -> None:
    x = np.full((2, 40000), -32768, np.int16)
    w = np.full((5, 40000), -128, np.int8)
    inputs = [T("int16", x.shape, 0.5, 0), T("int8", w.shape, 0.5, 127, data=w)]
    compare(build("FULLY_CONNECTED", inputs, T("int16", (2, 5), 2.0**23, 0)), [x])


@pytest.mark.parametrize("rows", [1, 3, 40])
def test_resize(rows: int) -> None:
    rng = np.random.default_rng(rows)
    w = rng.integers(-128, 128, (70, 33)).astype(np.int8)
    inputs = [T("int8", (1, 33), 0.1, 3), T("int8", w.shape, 0.1, 0, data=w)]
    model = build("FULLY_CONNECTED", inputs, T("int8", (1, 70), 5.0, 3))
    x = rng.integers(-128, 128, (rows, 33)).astype(np.int8)
    compare(model, [x], resize=[(rows, 33)], threads=3)


@pytest.mark.parametrize("dtype", ["int8", "float32"])
def test_many_rows_on_threads(dtype: str) -> None:
    rng = np.random.default_rng(0)
    w, x = (rng.integers(-128, 128, shape).astype(dtype) for shape in [(130, 300), (77, 300)])
    scale = None if dtype == "float32" else 0.1
    inputs = [T(dtype, x.shape, scale), T(dtype, w.shape, scale, data=w)]
    model = build("FULLY_CONNECTED", inputs, T(dtype, (77, 130), scale and 50.0))
    outputs = [compare(model, [x], threads=threads)[0] for threads in (1, 2, 3)]
    np.testing.assert_array_equal(outputs[0], outputs[1])
    np.testing.assert_array_equal(outputs[0], outputs[2])


@pytest.mark.parametrize(("shape", "w_shape"), [((0, 3), (2, 3)), ((2, 3), (0, 3)), ((2, 0), (4, 0))])
@pytest.mark.parametrize("dtype", ["int8", "float32"])
def test_empty(dtype: str, shape: tuple[int, int], w_shape: tuple[int, int]) -> None:
    scale = None if dtype == "float32" else 0.5
    w = np.ones(w_shape, dtype)
    inputs = [T(dtype, shape, scale), T(dtype, w_shape, scale)]
    model = build("FULLY_CONNECTED", inputs, T(dtype, (shape[0], w_shape[0]), scale))
    (y,) = Model(load_ir(model)).run([np.ones(shape, dtype), w]).values()
    assert y.shape == (shape[0], w_shape[0])
    assert not y.any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights_format": "SHUFFLED4x16INT8"}, "weights_format"),
        ({"fused_activation_function": "TANH"}, "TANH"),
        ({"keep_num_dims": True, "shape": (3, 2)}, "keep_num_dims"),
        ({"weights": T("int8", (2, 2, 2), 0.5)}, "weights have shape"),
        ({"weights": T("int8", (2, 4))}, "quantization"),
        ({"weights": T("float32", (2, 4))}, "supported are"),
        ({"bias": T("int32", (3,), 0.25)}, "bias has shape"),
        ({"bias": T("float32", (2,))}, "bias is float32"),
        ({"output": T("uint8", (1, 2), 0.5)}, "supported are"),
    ],
)
def test_errors(change: dict[str, Any], message: str) -> None:
    inputs = [T("int8", change.pop("shape", (1, 4)), 0.5), change.pop("weights", T("int8", (2, 4), 0.5))]
    if "bias" in change:
        inputs.append(change.pop("bias"))
    output = change.pop("output", T("int8", (1, 2), 0.5))
    with pytest.raises(ModelError, match=f"FULLY_CONNECTED.*{message}"):
        Model(load_ir(build("FULLY_CONNECTED", inputs, output, **change)))


@pytest.mark.parametrize("scale", [0.0, 1e-40, 1e-38, 3e38])
@pytest.mark.parametrize("dtype", ["int8", "float32"])
def test_any_scale_and_any_float_is_safe(dtype: str, scale: float) -> None:
    w = np.full((3, 4), 100, np.int8)
    x = np.full((2, 4), 100, dtype)
    x[0] = 0
    if dtype == "float32":
        x[1] = [np.nan, np.inf, -np.inf, scale]
    quantized = {"scale": scale} if dtype == "int8" else {}
    for out in (scale, 1.0):
        output = T(dtype, (2, 3), out) if dtype == "int8" else T(dtype, (2, 3))
        inputs = [T(dtype, (2, 4), **quantized), T("int8", w.shape, scale, data=w)]
        Model(load_ir(build("FULLY_CONNECTED", inputs, output, asymmetric_quantize_inputs=out == 1.0))).run([x])
