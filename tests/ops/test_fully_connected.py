"""FULLY_CONNECTED in every kind of type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.support.builder import T, build
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
