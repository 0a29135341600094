"""Every row of the convolutions' kernels.inc is chosen, runs, and gives the reference's bits (floats: nearly)."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sanderling import _core
from sanderling.importers import load_ir
from sanderling.model import Model
from tests.support import oracle
from tests.support.compare import assert_same
from tests.support.convolution import Convolution, simple
from tests.support.isa import require_isa

# For each folder: what is passed to `cases` below.
FOLDERS = ("conv2d_q8", "conv2d_f32", "depthwise_q8", "depthwise_f32")
ROWS = [row for row in _core.kernels() if row[0] in FOLDERS]
FP16_TOLERANCE = 2e-3  # of the sizes of all terms; tests/python/test_fp16.py has closer bounds


def cases(folder: str) -> list[tuple[bytes, list[np.ndarray]]]:
    """Models that together reach every row of a folder: a row that takes only some convolutions adds one here."""
    depthwise = folder.startswith("depthwise")
    shapes = [{"out_c": 8}, {"input_shape": (2, 17, 13, 24), "out_c": 48, "stride": (2, 2)}]
    if depthwise:
        shapes.append({"input_shape": (2, 9, 7, 24), "out_c": 24})
        # One pixel wide, as sound is.
        shapes.append({"input_shape": (2, 131, 1, 40), "kernel": (9, 1), "out_c": 40})
        shapes.append({"input_shape": (3, 17, 1, 56), "kernel": (4, 1), "out_c": 56, "padding": "VALID"})
    else:
        shapes.append({"input_shape": (1, 9, 9, 40), "kernel": (1, 1), "out_c": 70})
        # Much to multiply, for rows that short layers do not pay.
        shapes.append({"input_shape": (1, 32, 30, 48), "kernel": (1, 1), "out_c": 70})
        shapes.append({"input_shape": (1, 13, 21, 24), "out_c": 40})
    made: list[tuple[bytes, list[np.ndarray]]] = []
    for shape in shapes:
        c: Convolution = simple(depthwise, **shape)
        if folder.endswith("f32"):
            made.append(c.float_weights("float32"))
            continue
        made.append(c.quantized("int8", "int8", 0.5, -7, c.channel_scales(), out_zero=3))
        made.append(c.quantized("uint8", "uint8", 0.5, 7, 0.1, 200, out_zero=3))
    return made


def planned(model: bytes, isa: str, threads: int) -> Model:
    """A model with the rows of an instruction set."""
    asked = isa in _core.asked_isas()
    return Model(load_ir(model), threads=threads, isa=None if asked else isa, fp16=asked)


def check(ours: Model, output: np.ndarray, arrays: list[np.ndarray], model: bytes) -> None:
    """Compare with the reference; in fp16 the error is that of all terms, where outputs are clamped, too."""
    expected = oracle.run(model, arrays)[0]
    if ours.fp16_steps == 0:
        return assert_same(output, expected)
    graph = ours.ir.graphs[0]
    node = graph.nodes[0]
    weights = graph.tensors[node.inputs[1]]
    terms = math.prod(weights.shape) // weights.shape[3 if node.op == "DEPTHWISE_CONV_2D" else 0]
    return assert_same(output, expected, tolerance=FP16_TOLERANCE, magnitude=3.0 * terms)  # inputs have sigma 3


def check_on_threads(c: Convolution, isa: str) -> None:
    """The reference's results in float, and the same bits on one to three threads."""
    model, arrays = c.float_weights("float32")
    models = [planned(model, isa, threads) for threads in (1, 2, 3)]
    outputs = [ours(*arrays) for ours in models]
    assert outputs[0].tobytes() == outputs[1].tobytes() == outputs[2].tobytes()
    check(models[0], outputs[0], arrays, model)


def test_every_folder_has_rows() -> None:
    assert {row[0] for row in ROWS} == set(FOLDERS)
    assert {row[0] for row in ROWS if row[2] == "portable"} == set(FOLDERS)


@pytest.mark.parametrize(("folder", "name", "isa"), ROWS)
def test_row(folder: str, name: str, isa: str) -> None:
    require_isa(isa)
    chosen = set()
    for model, arrays in cases(folder):
        ours = planned(model, isa, 2)
        output = ours(*arrays)
        chosen.update(step["kernel"] for step in ours._runner.steps(0))
        check(ours, output, arrays, model)
    assert f"{isa}/{name}" in chosen


@pytest.mark.parametrize("isa", [row[2] for row in ROWS if row[0] == "conv2d_f32"])
def test_float_remainders(isa: str) -> None:
    """Every remainder of channels and pixels, cut windows, dilation, groups; the same bits on any thread count."""
    require_isa(isa)
    for out_c in range(1, 71):
        size = 1 + out_c * 7 % 40
        kernel, dilation = [((1, 1), (1, 1)), ((3, 3), (1, 1)), ((2, 4), (1, 1)), ((3, 2), (2, 2))][out_c % 4]
        groups = 2 if out_c % 10 == 0 else 1
        c = simple(
            False,
            input_shape=(1, 1 + out_c % 3, size, (3 + out_c // 9) * groups),
            kernel=kernel,
            dilation=dilation,
            out_c=out_c,
            groups=groups,
            activation="RELU6" if out_c % 2 else "NONE",
        )
        check_on_threads(c, isa)


@pytest.mark.parametrize("isa", [row[2] for row in ROWS if row[0] == "conv2d_f32"])
def test_float_pixel(isa: str) -> None:
    """A single pixel, whose channels are computed many at a time: all of them, some, or one too few."""
    require_isa(isa)
    for out_c in (31, 32, 63, 64, 65, 96, 127, 128, 200, 256, 290):
        for kernel, in_c, groups in (((1, 1), 37, 1), ((3, 2), 5, 1), ((1, 1), 6, 2)):
            c = simple(
                False,
                input_shape=(1, *kernel, in_c * groups),
                kernel=kernel,
                out_c=out_c * groups,
                groups=groups,
                padding="VALID",
                activation="RELU6" if out_c % 2 else "NONE",
            )
            check_on_threads(c, isa)


@pytest.mark.parametrize("depthwise", [False, True])
@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("shape", [(0, 5, 6, 40), (2, 0, 6, 40), (2, 5, 0, 40)])
def test_nothing_to_compute(shape: tuple[int, int, int, int], threads: int, depthwise: bool) -> None:
    """More weights than activations, which threads share by channels."""
    c = simple(depthwise, input_shape=shape, out_c=40)
    for model, arrays in (c.quantized("int8", "int8", 0.5, 3, 0.1), c.float_weights("float32")):
        assert Model(load_ir(model), threads=threads)(*arrays).shape == c.output_shape
