"""Every shared model against the reference kernels: the same bits, on any thread count, again, and after resize."""

from __future__ import annotations

import os

import numpy as np
import pytest

import sanderling
from tests.support import oracle
from tests.support.compare import assert_same
from tests.support.inputs import model_inputs
from tests.support.isa import expected_isas, require_isa
from tests.support.shared import MODELS, shared_model

COUNT = int(os.environ.get("SANDERLING_MODEL_INPUTS", "20"))

# Whole float networks: rounding differences of many layers add up. Hybrid ones quantize intermediate floats, where a
# difference of one rounding becomes one quantization step.
TOLERANCE = {"kws_ref_model_float32": 2e-3}
FLOAT_TOLERANCE = 2e-5


def as_list(outputs: object) -> list[np.ndarray]:
    return list(outputs) if isinstance(outputs, tuple) else [outputs]  # type: ignore[list-item]


@pytest.mark.parametrize("name", MODELS)
def test_same_bits_as_the_reference(name: str) -> None:
    path = shared_model(name)
    data = path.read_bytes()
    model = sanderling.load(path, threads=1)
    inputs = model_inputs(model, COUNT)
    expected = oracle.run_sequence(data, inputs, timeout=600.0)
    tolerance = TOLERANCE.get(name, FLOAT_TOLERANCE)
    first = []
    for x, theirs in zip(inputs, expected, strict=True):
        ours = as_list(model(*x))
        first.append(ours)
        for k, (a, b) in enumerate(zip(ours, theirs, strict=True)):
            assert_same(a, b, f"{name} output {k}", tolerance)

    # The same bits again: in the same process, on more threads, and after another size.
    def check_again(other: sanderling.Model) -> None:
        other.reset()  # some keep state from run to run
        for x, before in zip(inputs[:3], first, strict=False):
            for a, b in zip(as_list(other(*x)), before, strict=True):
                np.testing.assert_array_equal(a, b)

    check_again(model)
    for threads in (2, 3):
        check_again(sanderling.load(data, threads=threads))
    check_instruction_sets(data, inputs[:3], first, tolerance)
    try:
        model.resize(*[(2, *t.shape[1:]) for t in model.inputs])
    except sanderling.ModelError:
        pass  # a RESHAPE to a fixed size, say; the model must be as before
    else:
        check_resized(model, data, inputs, tolerance)
        model.resize(*[(1, *t.shape[1:]) for t in model.inputs])
    check_again(model)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_empty_batches(name: str, threads: int) -> None:
    model = sanderling.load(shared_model(name), threads=threads)
    shapes = [(0, *t.shape[1:]) for t in model.inputs]
    try:
        model.resize(*shapes)
    except sanderling.ModelError:
        return  # a RESHAPE to a fixed size, say
    outputs = as_list(model(*(np.zeros(t.shape, t.dtype) for t in model.inputs)))
    assert [y.shape for y in outputs] == [t.shape for t in model.outputs]


@pytest.mark.parametrize("name", MODELS)
def test_the_arena_is_as_small_as_it_can_be(name: str) -> None:
    memory = sanderling.load(shared_model(name)).memory
    assert memory.lower_bound <= memory.arena <= 1.05 * memory.lower_bound


def check_instruction_sets(
    data: bytes, inputs: list[list[np.ndarray]], expected: list[list[np.ndarray]], tolerance: float
) -> None:
    """Every instruction set that this machine has gives the same integers."""
    for isa in expected_isas():
        require_isa(isa)
        model = sanderling.load(data, threads=1, isa=isa)
        for x, outputs in zip(inputs, expected, strict=False):
            for k, (a, b) in enumerate(zip(as_list(model(*x)), outputs, strict=True)):
                assert_same(a, b, f"output {k} on {isa}", tolerance)


def check_resized(model: sanderling.Model, data: bytes, inputs: list[list[np.ndarray]], tolerance: float) -> None:
    x = [np.concatenate(pair) for pair in zip(inputs[0], inputs[-1], strict=True)]
    try:
        theirs = oracle.run(data, x, resize=[t.shape for t in model.inputs], timeout=600.0)
    except oracle.Refused:
        return
    for a, b in zip(as_list(model(*x)), theirs, strict=True):
        assert_same(a, b, "resized", tolerance)
