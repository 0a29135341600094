"""Every row of the matrix kernels against the portable one: remainders of tiles, zero points, extremes."""

from __future__ import annotations

import numpy as np
import pytest

from sanderling import _core
from sanderling.importers import load_ir
from sanderling.model import Model
from tests.support.builder import T, build, pack_int4
from tests.support.isa import require_isa

ROWS = [row for row in _core.kernels() if row[0] == "matmul"]
LIMITS = {"int4": (-8, 7), "int8": (-128, 127), "uint8": (0, 255), "int16": (-32768, 32767)}


def random(rng: np.random.Generator, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    low, high = LIMITS[dtype]
    storage = "int8" if dtype == "int4" else dtype
    if rng.random() < 0.3:
        return rng.choice([low, high], shape).astype(storage)
    return rng.integers(low, high + 1, shape).astype(storage)


def without_least(w: np.ndarray) -> np.ndarray:
    """No -128 (int8) or 0 (uint8), as converters write int8 weights: kernels may compute those in another way."""
    return np.maximum(w, LIMITS[str(w.dtype)][0] + 1)


def fully_connected(rng: np.random.Generator, family: str, rows: int, depth: int, outputs: int) -> tuple[bytes, list]:
    dtype = {"s16": "int16", "q4": "int8"}.get(family) or str(rng.choice(["int8", "uint8"]))
    weights = "int4" if family == "q4" else "uint8" if dtype == "uint8" else "int8"
    w = random(rng, weights, (outputs, depth))
    if family == "q8" and rng.random() < 0.5:
        w = without_least(w)
    zeros = [int(rng.integers(*LIMITS[t], endpoint=True)) if t == "uint8" else 0 for t in (dtype, weights)]
    if dtype == "int8":
        zeros[0] = int(rng.choice([-128, -5, 127]))
    bias = rng.integers(-(2**20), 2**20, outputs).astype("int64" if dtype == "int16" else "int32")
    model = build(
        "FULLY_CONNECTED",
        [
            T(dtype, (rows, depth), 0.5, zeros[0]),
            T(weights, w.shape, 0.25, zeros[1], data=pack_int4(w) if family == "q4" else w),
            T(str(bias.dtype), bias.shape, 0.125, data=bias),
        ],
        [T(dtype, (rows, outputs), float(rng.choice([0.01, 1.0, 300.0])) * depth**0.5, 0 if dtype == "int16" else 9)],
        fused_activation_function="NONE",
    )
    return model, [random(rng, dtype, (rows, depth))]


def batch_matmul(rng: np.random.Generator, rows: int, depth: int, columns: int) -> tuple[bytes, list]:
    """A right operand that is packed at each run, either way round."""
    adjoint = bool(rng.random() < 0.5)
    x, y = rng.normal(size=(2, rows, depth)), rng.normal(size=(2, columns, depth) if adjoint else (2, depth, columns))
    arrays = [x.astype(np.float32), y.astype(np.float32)]
    inputs = [T("float32", a.shape) for a in arrays]
    return build("BATCH_MATMUL", inputs, [T("float32", (2, rows, columns))], adj_x=False, adj_y=adjoint), arrays


@pytest.mark.parametrize(("folder", "family", "isa"), ROWS)
def test_row(folder: str, family: str, isa: str) -> None:
    require_isa(isa)
    rng = np.random.default_rng(1)
    for n in range(1, 74):
        sizes = 1 + n * 7 % 20 if n % 3 else 1, int(rng.integers(1, 100)), n if n < 71 else 1 + n * 3
        if family == "f32":
            model, arrays = batch_matmul(rng, *sizes)
        else:
            model, arrays = fully_connected(rng, family, *sizes)
        ours = Model(load_ir(model), threads=2, isa=isa)
        output, expected = ours(*arrays), Model(load_ir(model), threads=1, isa="portable")(*arrays)
        if family == "f32":
            np.testing.assert_allclose(output, expected, rtol=0, atol=1e-4)
        else:
            np.testing.assert_array_equal(output, expected, err_msg=f"{sizes} {arrays[0].dtype}")
        kernel = ours._runner.steps(0)[0]["kernel"].split("/")
        assert kernel[0] == isa
        assert len(kernel) == 1 or kernel[1] == family


@pytest.mark.parametrize("least", [-128, -127])
@pytest.mark.parametrize(("folder", "family", "isa"), [row for row in ROWS if row[1] == "q8"])
def test_extreme_weights(folder: str, family: str, isa: str, least: int) -> None:
    """All inputs -128 and all weights the least or the greatest: the largest sums of two and of four products."""
    require_isa(isa)
    for rows, value in [(1, least), (1, 127), (5, least), (5, 127)]:
        w, x = np.full((37, 91), value, np.int8), np.full((rows, 91), -128, np.int8)
        inputs = [T("int8", x.shape, 0.5, 0), T("int8", w.shape, 0.25, 0, data=w)]
        model = build("FULLY_CONNECTED", inputs, [T("int8", (rows, 37), 1500.0, 0)], fused_activation_function="NONE")
        expected = round(-128 * value * 91 * 0.5 * 0.25 / 1500)
        np.testing.assert_array_equal(Model(load_ir(model), threads=1, isa=isa)(x), np.full((rows, 37), expected))
