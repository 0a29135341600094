"""Every row of depthwise_q8 against the portable one, at the remainders of channels, pixels and rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sanderling import _core
from sanderling.importers import load_ir
from sanderling.model import Model
from tests.support import oracle
from tests.support.builder import T
from tests.support.compare import assert_same
from tests.support.convolution import Convolution, simple
from tests.support.isa import require_isa

ISAS = [isa for folder, _, isa in _core.kernels() if folder == "depthwise_q8" and isa != "portable"]
CHANNELS = [1, 7, 8, 15, 16, 17, 24, 31, 32, 33, 40, 47, 48, 49, 63, 64, 65, 70, 96, 112, 130]
KERNELS = [(1, 1), (1, 3), (2, 2), (3, 3), (5, 5), (4, 1), (7, 2), (10, 3), (3, 6)]


def depthwise(channels: int, size: tuple[int, int], seed: int, **changes: Any) -> Convolution:
    return simple(True, input_shape=(2, *size, channels), out_c=channels, rng=np.random.default_rng(seed), **changes)


def taken_by(isa: str, x: np.ndarray) -> str:
    """The instruction set that runs an input: NEON's leave few channels and hybrid models to the portable row."""
    return "portable" if isa.startswith("neon") and (x.shape[-1] < 8 or x.dtype == np.float32) else isa


def check(isa: str, model: bytes, arrays: list[np.ndarray], reference: bool = False) -> None:
    require_isa(isa)
    ours = Model(load_ir(model), threads=2, isa=isa)
    assert ours._runner.steps(0)[0]["kernel"].split("/")[0] == taken_by(isa, arrays[0])
    expected = oracle.run(model, arrays)[0] if reference else Model(load_ir(model), threads=1, isa="portable")(*arrays)
    assert_same(ours(*arrays), expected)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("channels", CHANNELS)
def test_channels_and_widths(isa: str, channels: int) -> None:
    for width in range(1, 12):
        c = depthwise(channels, (1 + width % 5, width), width)
        check(isa, *c.quantized("int8", "int8", 0.5, width * 9 - 50, c.channel_scales(), out_zero=3))


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kernel", KERNELS)
def test_windows(isa: str, kernel: tuple[int, int]) -> None:
    seed = 0
    for stride in [(1, 1), (2, 2), (1, 3), (3, 1)]:
        for dilation in [(1, 1), (2, 1), (1, 2), (3, 3)]:
            for padding in ["SAME", "VALID"]:
                seed += 1
                size = (11, 17) if padding == "SAME" else (28, 18)
                c = depthwise(20 + 13 * (seed % 4), size, seed, kernel=kernel, stride=stride, dilation=dilation,
                              padding=padding, activation=["NONE", "RELU", "RELU6"][seed % 3])  # fmt: skip
                check(isa, *c.quantized("int8", "int8", 0.5, -7, c.channel_scales(), out_zero=3))


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("w_zero", [0, 1, 60, 127, 128, 129, 200, 255])
def test_weight_zero_points(isa: str, w_zero: int) -> None:
    for seed in range(8):
        c = depthwise(10 + 20 * (seed % 5), (6, 9), seed, kernel=[(3, 3), (5, 5)][seed % 2])
        check(isa, *c.quantized("uint8", "uint8", 0.5, seed * 30, 0.1, w_zero, out_zero=3), reference=True)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("zero", [-128, 0, 127])
@pytest.mark.parametrize("out_scale", [1e-6, 0.01, 1.0, 2.0**9, 2.0**20, 2.0**36])
def test_extremes(isa: str, zero: int, out_scale: float) -> None:
    """Activations and weights of -128, biases near the ends of int32, and rescaling by left and right shifts."""
    c = depthwise(80, (5, 7), 1)
    for value, largest in [(-128, 0), (-128, 2**31 - 1), (127, -(2**31))]:
        x = np.full(c.input_shape, value, np.int8)
        w = T("int8", c.weights_shape, np.full(80, 0.5), axis=3, data=np.full(c.weights_shape, -128, np.int8))
        bias = np.linspace(0, largest, 80).astype(np.int64).astype(np.int32)
        b = T("int32", (80,), np.full(80, 0.25), data=bias)
        model = c.model(T("int8", x.shape, 0.5, zero), w, b, T("int8", c.output_shape, out_scale, -5))
        check(isa, model, [x])


@pytest.mark.parametrize("isa", ISAS)
def test_accumulators(isa: str) -> None:
    """Hybrid models take the accumulators."""
    for channels in [3, 19, 40, 70]:
        c = depthwise(channels, (6, 7), channels)
        check(isa, *c.float_weights("int8", c.channel_scales()))
