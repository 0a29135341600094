"""TRANSPOSE_CONV in every kind of type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sanderling.errors import ModelError
from sanderling.importers import load_ir
from sanderling.model import Model
from tests.support.builder import T, build, const
from tests.support.compare import compare


@dataclass
class Case:
    x: tuple[int, int, int, int]
    w: tuple[int, int, int, int]
    out: tuple[int, int, int, int]
    options: dict[str, Any]
    bias: bool
    constant: bool
    known_shape: bool
    rng: np.random.Generator

    @property
    def unit(self) -> float:
        """Factor for weights that makes sums about 1: no activation cuts them to less than their rounding error."""
        return float(np.prod(self.w[1:])) ** -0.5

    def build(self, x: T, w: T, bias: T | None, out: T, **options: Any) -> bytes:
        shape = const(np.array(self.out, np.int32)) if self.known_shape else T("int32", (4,))
        inputs = [shape, w, x]
        if bias is not None or self.rng.random() < 0.5:
            inputs.append(bias)
        return build("TRANSPOSE_CONV", inputs, out, **self.options, **options)

    def compare(
        self, model: bytes, x: np.ndarray, w: np.ndarray, bias: np.ndarray | None, magnitude: float = 0.0
    ) -> np.ndarray:
        arrays = [] if self.known_shape else [np.array(self.out, np.int32)]
        if not self.constant:
            arrays.append(w)
        arrays.append(x)
        if not self.constant and bias is not None:
            arrays.append(bias)
        return compare(model, arrays, magnitude=magnitude)[0]

    def random(self, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
        info = np.iinfo(dtype)
        if self.rng.random() < 0.2:
            return self.rng.choice([info.min, info.max], shape).astype(dtype)
        return self.rng.integers(info.min, info.max + 1, shape).astype(dtype)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    batches, in_c, out_c = draw(st.integers(1, 3)), draw(st.integers(1, 20)), draw(st.integers(1, 9))
    padding = draw(st.sampled_from(["SAME", "VALID"]))

    def axis() -> tuple[int, int, int, int]:
        """Input extent, filter, stride, and an output extent that gives this input."""
        n, filter_, stride = draw(st.integers(1, 6)), draw(st.integers(1, 5)), draw(st.integers(1, 4))
        slack = draw(st.integers(0, stride - 1))
        return (
            n,
            filter_,
            stride,
            (n * stride if padding == "SAME" else (n - 1) * stride + filter_ + stride - 1) - slack,
        )

    height, filter_h, stride_h, out_h = axis()
    width, filter_w, stride_w, out_w = axis()
    return Case(
        x=(batches, height, width, in_c),
        w=(out_c, filter_h, filter_w, in_c),
        out=(batches, out_h, out_w, out_c),
        options={
            "padding": padding,
            "stride_h": stride_h,
            "stride_w": stride_w,
            "fused_activation_function": draw(st.sampled_from(["NONE", "RELU", "RELU_N1_TO_1", "RELU6"])),
        },
        bias=draw(st.booleans()),
        constant=draw(st.booleans()),
        known_shape=draw(st.booleans()),
        rng=np.random.default_rng(draw(st.integers(0, 2**32))),
    )


scales = st.floats(-12, 4).map(lambda e: float(np.float32(2.0**e)))


def check_quantized(
    case: Case,
    dtypes: tuple[str, str, str],
    x_scale: float,
    x_zero: int,
    w_scale: np.ndarray,
    w_zero: int,
    out_zero: int,
    **options: Any,
) -> None:
    """Run with random integers; dtypes of input and output, weights, bias."""
    x, w = case.random(dtypes[0], case.x), case.random(dtypes[1], case.w)
    reach = {"int16": 2**15 * 2**7 / 2**15}.get(dtypes[0], 2.0**7) * np.sqrt(np.prod(case.w[1:]))
    out_scale = float(np.float32(x_scale * w_scale.mean() * reach * 2.0 ** case.rng.uniform(-2, 1)))
    w_scale = w_scale.astype(np.float32)
    bias = case.rng.integers(-(2**12), 2**12, case.w[0]).astype(dtypes[2]) if case.bias else None
    model = case.build(
        T(dtypes[0], x.shape, x_scale, x_zero),
        T(dtypes[1], w.shape, w_scale, w_zero, data=w if case.constant else None),
        None
        if bias is None
        else T(dtypes[2], bias.shape, np.float32(x_scale) * w_scale, data=bias if case.constant else None),
        T(dtypes[0], case.out, out_scale, out_zero),
        **options,
    )
    case.compare(model, x, w, bias)


@pytest.mark.parametrize("per_channel", [False, True])
@given(case=cases(), x_scale=scales, x_zero=st.integers(-128, 127), out_zero=st.integers(-128, 127))
def test_int8(per_channel: bool, case: Case, x_scale: float, x_zero: int, out_zero: int) -> None:
    w_scale = 2.0 ** case.rng.uniform(-9, 0, case.w[0] if per_channel else 1)
    check_quantized(case, ("int8", "int8", "int32"), x_scale, x_zero, w_scale, 0, out_zero)


@given(cases(), scales, st.integers(0, 255), st.integers(0, 255), st.integers(0, 255))
def test_uint8(case: Case, x_scale: float, x_zero: int, w_zero: int, out_zero: int) -> None:
    check_quantized(case, ("uint8", "uint8", "int32"), x_scale, x_zero, np.array([0.125]), w_zero, out_zero)


@pytest.mark.parametrize("bias", ["int32", "int64"])
@pytest.mark.parametrize("per_channel", [False, True])
@given(case=cases(), x_scale=scales)
def test_int16(bias: str, per_channel: bool, case: Case, x_scale: float) -> None:
    # Without quantized_bias_type the reference reads any bias as int64.
    options = {"quantized_bias_type": bias} if bias == "int32" or case.rng.random() < 0.5 else {}
    w_scale = 2.0 ** case.rng.uniform(-9, 0, case.w[0] if per_channel else 1)
    check_quantized(case, ("int16", "int8", bias), x_scale, 0, w_scale, 0, 0, **options)


@given(cases())
def test_float32(case: Case) -> None:
    x, w, bias = (case.rng.standard_normal(s).astype(np.float32) for s in (case.x, case.w, case.w[:1]))
    w *= case.unit
    model = case.build(
        T("float32", x.shape),
        T("float32", w.shape, data=w if case.constant else None),
        T("float32", bias.shape, data=bias if case.constant else None) if case.bias else None,
        T("float32", case.out),
    )
    case.compare(model, x, w, bias if case.bias else None, magnitude=case.unit)


@pytest.mark.parametrize("per_channel", [False, True])
@given(case=cases(), shift=st.floats(-2, 2))
def test_hybrid(per_channel: bool, case: Case, shift: float) -> None:
    x, bias = ((case.rng.standard_normal(s) + shift).astype(np.float32) for s in (case.x, case.w[:1]))
    w = case.rng.integers(-127, 128, case.w).astype(np.int8)
    case.constant = True
    scale = 2.0 ** case.rng.uniform(-9, 0, case.w[0] if per_channel else 1) * case.unit / 127
    model = case.build(
        T("float32", x.shape),
        T("int8", w.shape, scale, data=w),
        const(bias) if case.bias else None,
        T("float32", case.out),
    )
    case.compare(model, x, w, bias if case.bias else None, magnitude=case.unit)


@pytest.mark.parametrize("value", [-128, 127])
def test_extremes(value: int) -> None:
    x, w = np.full((1, 3, 3, 64), -128, np.int8), np.full((2, 3, 3, 64), value, np.int8)
    inputs = [const(np.array([1, 6, 6, 2], np.int32)), T("int8", w.shape, 0.5, data=w), T("int8", x.shape, 0.5, 127)]
    out = T("int8", (1, 6, 6, 2), 2.0**13, 0)
    compare(build("TRANSPOSE_CONV", inputs, out, padding="SAME", stride_h=2, stride_w=2), [x])


@pytest.mark.parametrize("dtype", ["int8", "float32"])
def test_resize_and_threads(dtype: str) -> None:
    rng = np.random.default_rng(1)
    scale = None if dtype == "float32" else 0.25
    w = rng.integers(-128, 128, (70, 4, 3, 33)).astype(dtype)
    inputs = [T("int32", (4,)), T(dtype, w.shape, scale, data=w), T(dtype, (1, 2, 2, 33), scale)]
    model = build("TRANSPOSE_CONV", inputs, T(dtype, (1, 4, 4, 70), scale), padding="SAME", stride_h=2, stride_w=2)
    x = rng.integers(-128, 128, (3, 9, 20, 33)).astype(dtype)
    arrays = [np.array([3, 18, 39, 70], np.int32), x]
    outputs = [compare(model, arrays, resize=[(4,), x.shape], threads=threads)[0] for threads in (1, 2, 3)]
    np.testing.assert_array_equal(outputs[0], outputs[1])
    np.testing.assert_array_equal(outputs[0], outputs[2])


def test_no_pictures() -> None:
    w = np.ones((2, 2, 2, 3), np.float32)
    inputs = [const(np.array([0, 4, 4, 2], np.int32)), const(w), T("float32", (0, 2, 2, 3))]
    model = build("TRANSPOSE_CONV", inputs, T("float32", (0, 4, 4, 2)), padding="SAME", stride_h=2, stride_w=2)
    (y,) = Model(load_ir(model)).run([np.ones((0, 2, 2, 3), np.float32)]).values()
    assert y.shape == (0, 4, 4, 2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stride_h": 0}, "stride_h"),
        ({"stride_w": -1}, "stride_w"),
        ({"shape": [1, 9, 4, 2]}, "output_shape"),
        ({"shape": [1, 4, 4, 3]}, "output_shape"),
        ({"shape": [2, 4, 4, 2]}, "output_shape"),
        ({"shape": [1, 4, 4]}, "output_shape"),
        ({"shape": [1, -4, 4, 2]}, "negative"),
        ({"weights": T("int8", (2, 2, 2, 4), 0.5)}, "weights of shape"),
        ({"weights": T("int8", (2, 2, 2, 3))}, "quantization"),
        ({"weights": T("int8", (2, 2, 2, 3), [0.5, 0.5, 0.5], axis=3)}, "axis"),
        ({"weights": T("float32", (2, 2, 2, 3))}, "supported are"),
        ({"bias": T("int32", (3,), 0.25)}, "bias has shape"),
        ({"bias": T("float32", (2,))}, "bias is float32"),
        ({"fused_activation_function": "TANH"}, "TANH"),
    ],
)
def test_errors(change: dict[str, Any], message: str) -> None:
    shape = const(np.array(change.pop("shape", [1, 4, 4, 2]), np.int32))
    inputs = [shape, change.pop("weights", T("int8", (2, 2, 2, 3), 0.5)), T("int8", (1, 2, 2, 3), 0.5)]
    if "bias" in change:
        inputs.append(change.pop("bias"))
    options = {"padding": "SAME", "stride_h": 2, "stride_w": 2, **change}
    with pytest.raises(ModelError, match=f"TRANSPOSE_CONV.*{message}"):
        Model(load_ir(build("TRANSPOSE_CONV", inputs, T("int8", (1, 4, 4, 2), 0.5), **options)))
