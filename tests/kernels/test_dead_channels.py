"""Channels that training left without weight: a scale near zero, a multiplier of zero, and a bias as large as int32."""

from __future__ import annotations

import numpy as np
import pytest

from sanderling import _core
from sanderling.importers import load_ir
from sanderling.model import Model
from tests.support import oracle
from tests.support.builder import T
from tests.support.compare import assert_same
from tests.support.convolution import simple
from tests.support.isa import require_isa

ISAS = sorted({isa for folder, _, isa in _core.kernels() if folder in ("conv2d_q8", "depthwise_q8")})
# The last ones make a float of the sum's bits infinite or not a number: see quant/fused_rescale.h.
BIASES = [0, 5, -(2**31), 2**31 - 1, 880_803_840, 885_012_345, -1_260_000_000]


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("depthwise", [False, True])
@pytest.mark.parametrize("bias", BIASES)
def test_dead_channels(isa: str, depthwise: bool, bias: int) -> None:
    require_isa(isa)
    for channels in (8, 40):
        c = simple(depthwise, input_shape=(1, 5, 6, channels), out_c=channels, activation="RELU")
        scales = np.full(channels, 0.01, np.float32)
        scales[[1, 5, channels - 1]] = 1e-12
        w = np.ones(c.weights_shape, np.int8)
        x = c.random("int8", c.input_shape)
        b = np.where(scales < 1e-6, bias, 100).astype(np.int32)
        model = c.model(
            T("int8", x.shape, 0.05, -128),
            T("int8", w.shape, scales, axis=c.axis, data=w),
            T("int32", b.shape, np.float32(0.05) * scales, data=b),
            T("int8", c.output_shape, 0.1, -128),
        )
        assert_same(Model(load_ir(model), threads=1, isa=isa)(x), oracle.run(model, [x])[0])
