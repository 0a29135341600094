"""BATCH_MATMUL in every kind of type."""

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
from tests.support.builder import T, build
from tests.support.compare import compare


@dataclass
class Case:
    x: tuple[int, ...]
    y: tuple[int, ...]
    out: tuple[int, ...]
    adj_x: bool
    adj_y: bool
    constant: bool
    rng: np.random.Generator

    @property
    def depth(self) -> int:
        return self.x[-2 if self.adj_x else -1]

    @property
    def columns(self) -> int:
        return self.out[-1]

    def build(self, x: T, y: T, out: T, **options: Any) -> bytes:
        return build("BATCH_MATMUL", [x, y], out, adj_x=self.adj_x, adj_y=self.adj_y, **options)

    def compare(self, model: bytes, x: np.ndarray, y: np.ndarray, magnitude: float = 0.0) -> np.ndarray:
        return compare(model, [x] if self.constant else [x, y], magnitude=magnitude)[0]


@st.composite
def cases(draw: st.DrawFn, most_batches: int = 3) -> Case:
    batch = draw(st.lists(st.integers(1, 3), max_size=most_batches))
    rows, columns, depth = draw(st.integers(1, 20)), draw(st.integers(1, 70)), draw(st.integers(1, 40))

    def part() -> tuple[int, ...]:
        dims = [n if draw(st.booleans()) else 1 for n in batch]
        return tuple(dims[draw(st.integers(0, len(dims))) :])

    x, y = part(), part()
    out = np.broadcast_shapes(x, y)
    adj_x, adj_y = draw(st.booleans()), draw(st.booleans())
    return Case(
        x=(*x, depth, rows) if adj_x else (*x, rows, depth),
        y=(*y, columns, depth) if adj_y else (*y, depth, columns),
        out=(*out, rows, columns),
        adj_x=adj_x,
        adj_y=adj_y,
        constant=draw(st.booleans()),
        rng=np.random.default_rng(draw(st.integers(0, 2**32))),
    )


def draw_integers(case: Case, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    info = np.iinfo(dtype)
    if case.rng.random() < 0.2:
        return case.rng.choice([info.min, info.max], shape).astype(dtype)
    return case.rng.integers(info.min, info.max + 1, shape).astype(dtype)


def integer_operands(case: Case, x_dtype: str, y_dtype: str) -> tuple[np.ndarray, np.ndarray]:
    return draw_integers(case, x_dtype, case.x), draw_integers(case, y_dtype, case.y)


zero_points = st.integers(-128, 127)
scales = st.floats(-12, 4).map(lambda e: float(np.float32(2.0**e)))


@given(cases(), scales, scales, st.floats(-4, 12), zero_points, zero_points, zero_points)
def test_int8(
    case: Case, x_scale: float, y_scale: float, reach: float, x_zero: int, y_zero: int, out_zero: int
) -> None:
    x, y = integer_operands(case, "int8", "int8")
    out_scale = float(np.float32(x_scale * y_scale * 2.0**reach))
    model = case.build(
        T("int8", x.shape, x_scale, x_zero),
        T("int8", y.shape, y_scale, y_zero, data=y if case.constant else None),
        T("int8", case.out, out_scale, out_zero),
    )
    case.compare(model, x, y)


@given(cases())
def test_int8_to_int32(case: Case) -> None:
    x, y = integer_operands(case, "int8", "int8")
    model = case.build(
        T("int8", x.shape, 0.5, 3), T("int8", y.shape, 0.5, 4, data=y if case.constant else None), T("int32", case.out)
    )
    case.compare(model, x, y)


@pytest.mark.parametrize("y_dtype", ["int8", "int16"])
@given(case=cases(), x_scale=scales, y_scale=scales, reach=st.floats(-2, 20))
def test_int16(y_dtype: str, case: Case, x_scale: float, y_scale: float, reach: float) -> None:
    x, y = integer_operands(case, "int16", y_dtype)
    out_scale = float(np.float32(x_scale * y_scale * 2.0**reach))
    model = case.build(
        T("int16", x.shape, x_scale),
        T(y_dtype, y.shape, y_scale, data=y if case.constant else None),
        T("int16", case.out, out_scale),
    )
    case.compare(model, x, y)


@given(cases())
def test_float32(case: Case) -> None:
    x, y = (case.rng.standard_normal(s).astype(np.float32) for s in (case.x, case.y))
    model = case.build(
        T("float32", x.shape), T("float32", y.shape, data=y if case.constant else None), T("float32", case.out)
    )
    case.compare(model, x, y, magnitude=1.0)


@pytest.mark.parametrize("per_channel", [False, True])
@given(
    # Of five dimensions the reference sums only a part of the rows of y, and reads memory that nobody wrote.
    case=cases(most_batches=2),
    asymmetric=st.booleans(),
    magnitude=st.floats(-10, 10),
    shift=st.floats(-2, 2),
)
def test_hybrid(per_channel: bool, case: Case, asymmetric: bool, magnitude: float, shift: float) -> None:
    rng = case.rng
    x = ((rng.standard_normal(case.x) + shift) * 2.0**magnitude).astype(np.float32)
    y = rng.integers(-127, 128, case.y).astype(np.int8)
    scale = (2.0 ** rng.uniform(-9, 0, case.columns if per_channel else 1)).astype(np.float32)
    axis = len(y.shape) - (2 if case.adj_y else 1) if per_channel else 0
    model = case.build(
        T("float32", x.shape),
        T("int8", y.shape, scale, 0, axis=axis, data=y if case.constant else None),
        T("float32", case.out),
        asymmetric_quantize_inputs=asymmetric,
    )
    case.compare(model, x, y, magnitude=2.0**magnitude * float(scale.max()))


@given(cases(most_batches=3))
def test_hybrid_symmetric_of_five_dimensions(case: Case) -> None:
    x = case.rng.standard_normal(case.x).astype(np.float32)
    y = case.rng.integers(-127, 128, case.y).astype(np.int8)
    model = case.build(
        T("float32", x.shape), T("int8", y.shape, 0.5, data=y if case.constant else None), T("float32", case.out)
    )
    case.compare(model, x, y)


@pytest.mark.parametrize("dtype", ["int8", "float32"])
def test_resize_and_threads(dtype: str) -> None:
    rng = np.random.default_rng(1)
    scale = None if dtype == "float32" else 0.25
    model = build("BATCH_MATMUL", [T(dtype, (1, 4, 5), scale), T(dtype, (1, 5, 6), scale)], T(dtype, (1, 4, 6), scale))
    x, y = (rng.integers(-128, 128, s).astype(dtype) for s in [(6, 70, 90), (6, 90, 80)])
    outputs = [compare(model, [x, y], resize=[x.shape, y.shape], threads=threads)[0] for threads in (1, 2, 3)]
    np.testing.assert_array_equal(outputs[0], outputs[1])
    np.testing.assert_array_equal(outputs[0], outputs[2])


@pytest.mark.parametrize(("x", "y"), [((2, 0, 3), (2, 3, 4)), ((2, 3, 0), (2, 0, 4)), ((0, 2, 3), (3, 4))])
@pytest.mark.parametrize("dtype", ["int8", "float32"])
def test_empty(dtype: str, x: tuple[int, ...], y: tuple[int, ...]) -> None:
    scale = None if dtype == "float32" else 0.5
    out = (*x[:-1], y[-1])
    model = build("BATCH_MATMUL", [T(dtype, x, scale), T(dtype, y, scale)], T(dtype, out, scale))
    (result,) = Model(load_ir(model)).run([np.ones(x, dtype), np.ones(y, dtype)]).values()
    np.testing.assert_array_equal(result, np.zeros(out, dtype))


@pytest.mark.parametrize(
    ("x", "y", "out", "message"),
    [
        (T("int8", (2, 3), 0.5), T("int8", (4, 3), 0.5), T("int8", (2, 3), 0.5), "cannot be multiplied"),
        (T("int8", (2, 2, 3), 0.5), T("int8", (3, 3, 4), 0.5), T("int8", (2, 2, 4), 0.5), "broadcast"),
        (T("int8", (3,), 0.5), T("int8", (3, 4), 0.5), T("int8", (4,), 0.5), "2 to 5 dimensions"),
        (T("int8", (2, 3), 0.5), T("int8", (3, 4)), T("int8", (2, 4), 0.5), "quantization"),
        (T("int16", (2, 3), 0.5, 1), T("int16", (3, 4), 0.5), T("int16", (2, 4), 0.5), "zero point"),
        (T("uint8", (2, 3), 0.5), T("uint8", (3, 4), 0.5), T("uint8", (2, 4), 0.5), "supported are"),
        (T("float32", (2, 3)), T("int8", (3, 4)), T("float32", (2, 4)), "quantization scales"),
    ],
)
def test_errors(x: T, y: T, out: T, message: str) -> None:
    with pytest.raises(ModelError, match=f"BATCH_MATMUL.*{message}"):
        Model(load_ir(build("BATCH_MATMUL", [x, y], out)))
