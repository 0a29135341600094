"""Run a model in sanderling and in the oracle, and compare.

>>> compare(model_bytes, [x])              # integers identical, floats within 1e-5 of the largest magnitude
>>> compare(model_bytes, [x], resize=[(2, 8)])
>>> compare_sequence(model_bytes, [[x0], [x1]])   # stateful: state is kept between the runs

Where LiteRT refuses a case, hypothesis is told to try another (`assume`), so refused cases are never counted as
passed; outside hypothesis `oracle.Refused` is raised.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import currently_in_test_context, reject

from sanderling.importers import load_ir
from sanderling.model import Model
from tests.support import oracle

FLOAT_TOLERANCE = 1e-5


def assert_same(
    ours: np.ndarray,
    theirs: np.ndarray,
    name: str = "output",
    tolerance: float = FLOAT_TOLERANCE,
    magnitude: float = 0.0,
) -> None:
    """Integers and bools identical; floats within `tolerance` of the largest finite magnitude, NaN and inf in place.

    `magnitude`: of the terms of a sum, which may cancel: a lower bound of the largest magnitude.
    """
    assert ours.dtype == theirs.dtype, f"{name}: {ours.dtype} but the reference has {theirs.dtype}"
    assert ours.shape == theirs.shape, f"{name}: shape {ours.shape} but the reference has {theirs.shape}"
    if ours.dtype.kind != "f":
        np.testing.assert_array_equal(ours, theirs, err_msg=name)
        return
    finite = np.isfinite(theirs)
    largest = float(np.abs(theirs[finite]).max()) if finite.any() else 0.0
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance * max(largest, magnitude, 1e-30), err_msg=name)


def compare(
    model: bytes,
    inputs: Sequence[np.ndarray],
    resize: Sequence[Sequence[int]] | None = None,
    tolerance: float = FLOAT_TOLERANCE,
    threads: int = 1,
    resolver: oracle.Resolver = "ref",
    magnitude: float = 0.0,
) -> list[np.ndarray]:
    """Assert equal outputs; return them."""
    return compare_sequence(model, [inputs], resize, tolerance, threads, resolver, magnitude)[0]


def compare_sequence(
    model: bytes,
    sequence: Sequence[Sequence[np.ndarray]],
    resize: Sequence[Sequence[int]] | None = None,
    tolerance: float = FLOAT_TOLERANCE,
    threads: int = 1,
    resolver: oracle.Resolver = "ref",
    magnitude: float = 0.0,
) -> list[list[np.ndarray]]:
    """Assert equal outputs for each of several runs, state kept between them.

    `resolver` "builtin" is for the few operators that the reference resolver lacks.
    """
    options = {} if resize is None else {"resize": resize}
    try:
        expected = oracle.run_sequence(model, sequence, resolver=resolver, **options)
    except oracle.Refused:
        if currently_in_test_context():
            reject()
        raise
    ours = Model(load_ir(model), threads=threads)
    if resize is not None:
        ours.resize(*resize)
    results = []
    for step, (inputs, theirs) in enumerate(zip(sequence, expected, strict=True)):
        outputs = _as_list(ours(*inputs))
        assert len(outputs) == len(theirs)
        for k, (a, b) in enumerate(zip(outputs, theirs, strict=True)):
            assert_same(a, b, f"run {step}, output {k}", tolerance, magnitude)
        results.append(outputs)
    return results


def _as_list(outputs: object) -> list[np.ndarray]:
    return list(outputs) if isinstance(outputs, tuple) else [outputs]  # type: ignore[list-item]
