"""Every row of conv2d_q8 against the portable one, at the remainders of channels, pixels and depth."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sanderling import _core
from sanderling.importers import load_ir
from sanderling.model import Model
from tests.support.compare import assert_same
from tests.support.convolution import LIMITS, Convolution, simple
from tests.support.isa import require_isa

ISAS = [*dict.fromkeys(isa for folder, _, isa in _core.kernels() if folder == "conv2d_q8" and isa != "portable")]


class Lowest(Convolution):
    """Nothing but the least values: weights and inputs of -128, whose products in pairs do not fit int16."""

    def random(self, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
        return np.full(shape, LIMITS[dtype][0], "int8" if dtype == "int4" else dtype)


def check(isa: str, model: bytes, arrays: list[np.ndarray]) -> None:
    require_isa(isa)
    expected = Model(load_ir(model), threads=1, isa="portable")(*arrays)
    for threads in (1, 3):
        ours = Model(load_ir(model), threads=threads, isa=isa)
        kernel = ours._runner.steps(0)[0]["kernel"]
        # What tile registers take: test_tile_registers().
        assert kernel.startswith(isa + "/") or (isa == "avx512amx" and kernel.startswith("avx512vnni/"))
        assert_same(ours(*arrays), expected)


def both_kinds(isa: str, c: Convolution, seed: int, **changes: Any) -> None:
    """Check int8, and uint8 with a zero point of the weights."""
    check(isa, *c.quantized("int8", "int8", 0.5, seed * 37 % 256 - 128, c.channel_scales(), out_zero=3, **changes))
    check(isa, *c.quantized("uint8", "uint8", 0.5, seed * 53 % 256, 0.1, seed * 29 % 256, out_zero=3, **changes))


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("out_c", range(1, 71))
def test_channels_and_pixels(isa: str, out_c: int) -> None:
    pixels, in_c = 2 + out_c * 7 % 40, 1 + out_c * 11 % 67  # one pixel is a matrix product
    rng = np.random.default_rng(out_c)
    activation = ["NONE", "RELU", "RELU6"][out_c % 3]
    c = simple(False, input_shape=(1, 1, pixels, in_c), kernel=(1, 1), out_c=out_c, activation=activation, rng=rng)
    both_kinds(isa, c, out_c)
    if out_c % 4 == 0:
        c = simple(False, input_shape=(2, 1, pixels, 4 * in_c), kernel=(1, 1), out_c=out_c, rng=rng)
        both_kinds(isa, c, out_c)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kernel", [(1, 1), (1, 3), (2, 2), (3, 3), (5, 4), (10, 4)])
def test_windows(isa: str, kernel: tuple[int, int]) -> None:
    seed = 0
    for stride in [(1, 1), (2, 2), (1, 3)]:
        for dilation in [(1, 1), (2, 1), (1, 2)]:
            for padding in ["SAME", "VALID"]:
                seed += 1
                groups = 3 if seed % 4 == 0 else 1
                c = simple(False, input_shape=(2, 21, 9, groups * (1 + seed * 3 % 20)), out_c=groups * (1 + seed % 21),
                           kernel=kernel, stride=stride, dilation=dilation, padding=padding, groups=groups,
                           rng=np.random.default_rng(seed))  # fmt: skip
                both_kinds(isa, c, seed)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("in_c", [4, 8, 16, 24, 100, 1030])
def test_weights_of_minus_128(isa: str, in_c: int) -> None:
    c = Lowest(**vars(simple(False, input_shape=(1, 3, 5, in_c), kernel=(1, 1), out_c=20)))
    both_kinds(isa, c, 127)  # input zero points of 127 and 75


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("out_scale", [1e-9, 1e-3, 0.03, 0.05, 0.1, 1.0, 1e9])
def test_multipliers(isa: str, out_scale: float) -> None:
    """Shifts to the left, none, by one, and results of zero; channels differ."""
    for out_c in (8, 12, 40):
        c = simple(False, input_shape=(1, 5, 5, 24), kernel=(1, 1), out_c=out_c, rng=np.random.default_rng(out_c))
        scales = np.asarray(2.0 ** np.random.default_rng(out_c).uniform(-5, -3, out_c), np.float32)
        check(isa, *c.quantized("int8", "int8", 0.5, -9, scales, out_zero=-128, out_scale=out_scale))
        check(isa, *c.quantized("uint8", "uint8", 0.5, 9, 0.1, 131, out_zero=255, out_scale=out_scale))


@pytest.mark.parametrize(
    ("in_c", "pixels", "out_c", "taken"),
    [(1000, 49, 48, True), (24, 2000, 48, True), (160, 53, 250, True), (1000, 49, 40, False), (23, 2000, 48, False),
     (6001, 7, 48, False)],
)  # fmt: skip
def test_tile_registers(in_c: int, pixels: int, out_c: int, taken: bool) -> None:
    """They are used where there is much to multiply, a window is deep enough and there are pixels to fill them."""
    require_isa("avx512amx")
    c = simple(False, input_shape=(1, 1, pixels, in_c), kernel=(1, 1), out_c=out_c, rng=np.random.default_rng(in_c))
    for dtype, weight_zero in [("int8", 0), ("uint8", 77)]:
        model, arrays = c.quantized(dtype, dtype, 0.5, 3, 0.1, weight_zero, out_zero=3)
        ours = Model(load_ir(model), threads=1, isa="avx512amx")
        assert ours._runner.steps(0)[0]["kernel"].split("/")[0] == ("avx512amx" if taken else "avx512vnni")
        assert_same(ours(*arrays), Model(load_ir(model), threads=1, isa="avx512vnni")(*arrays))
