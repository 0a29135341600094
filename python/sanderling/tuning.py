"""Time the choices that the engine has for a model on this machine; `store_tuning` keeps them beside the file."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from sanderling import _core, ir
from sanderling.importers import load_ir
from sanderling.machine import default_threads
from sanderling.model import Model
from sanderling.tune_file import Comparison, Tuning, digest_of, find_tuning, store_tuning

if TYPE_CHECKING:
    from sanderling.model import Array

__all__ = ["MARGIN", "Comparison", "Race", "Tuning", "find_tuning", "race", "store_tuning", "tune"]

MARGIN = 0.03
"""Part of the time by which a choice must beat the default, in its fastest run and in most runs."""

BANDS = tuple(1 << bits for bits in (14, 15, 16, 18, 19, 20))
"""Values of `Tuning.band_bytes` that are tried; the engine's own lies between."""

_T = TypeVar("_T")
_Times = npt.NDArray[np.float64]


def tune(source: str | os.PathLike[str], *, seconds: float = 2.0, runs: int = 5) -> Tuning:
    """Time instruction sets for each operator, then thread counts, then steps one by one and sizes of bands of rows.

    Candidates run in turns. A choice is taken where it is faster by `MARGIN` than the default both in its fastest run,
    the least disturbed one on a busy machine, and in the median of the turns; of thread counts that are within `MARGIN`
    of the best, the fewest. Where all choices together are slower than the default, there are none.

    Parameters
    ----------
    source : path
        A model file.
    seconds : float
        For each of the three, roughly.
    runs : int
        Runs of each candidate, at least.

    Returns
    -------
    Tuning
        Not stored yet: see `store_tuning`.
    """
    model = load_ir(source)
    isas = _choose_isas(model, seconds, runs)
    threads = _choose_threads(model, isas, seconds, runs)
    return _choose_rows(model, Tuning(threads, isas), seconds, runs)


@dataclass(frozen=True)
class Race:
    """Two models that ran in turns.

    Attributes
    ----------
    ms : tuple of float
        Milliseconds of a run of each, medians.
    by_op : dict of str to tuple of float
        The same by kind of operator, from profiled runs; 0 where a model has none of the kind.
    comparisons : tuple of Comparison
        What to keep beside each (`Tuning.against`).
    """

    ms: tuple[float, float]
    by_op: dict[str, tuple[float, float]]
    comparisons: tuple[Comparison, Comparison]


def race(
    sources: tuple[str | os.PathLike[str], str | os.PathLike[str]],
    tunings: tuple[Tuning, Tuning],
    *,
    seconds: float = 2.0,
    runs: int = 5,
) -> Race:
    """Time a model against another one that takes the same inputs: the float one against its quantized sibling.

    Their results differ, so which one to use is the caller's to say: this is no choice that `load` would make.

    Parameters
    ----------
    sources : tuple of path
        The files.
    tunings : tuple of Tuning
        How each is run.
    seconds : float
        For the runs, and again for the profiled runs, roughly.
    runs : int
        Turns, at least.

    Raises
    ------
    ValueError
        Their inputs do not have the same shapes.
    """
    check_same_inputs(sources)
    models = [Model(load_ir(s), tuning=t) for s, t in zip(sources, tunings, strict=True)]
    inputs = [_inputs(m) for m in models]
    times: _Times = np.array(_in_turns([_timed(m, x) for m, x in zip(models, inputs, strict=True)], seconds, runs))
    ms = tuple((np.median(times[1:], axis=0) / 1e6).tolist())
    profiles = _in_turns(
        [lambda m=m, x=x: m.profile(*x, runs=1).by_op() for m, x in zip(models, inputs, strict=True)],  # type: ignore[misc]
        seconds, runs,
    )  # fmt: skip
    kinds = {op for turn in profiles for ops in turn for op in ops}
    by_op = {op: tuple(float(np.median([t[k].get(op, 0.0) for t in profiles[1:]])) for k in (0, 1)) for op in kinds}
    comparisons = []
    for this, other in ((0, 1), (1, 0)):
        file = os.path.relpath(sources[other], os.path.dirname(os.path.abspath(sources[this])))
        comparisons.append(Comparison(file, digest_of(sources[other]), round(ms[this], 4), round(ms[other], 4)))
    ordered = sorted(by_op.items(), key=lambda item: -max(item[1]))
    return Race(ms, dict(ordered), tuple(comparisons))  # type: ignore[arg-type]


def check_same_inputs(sources: Sequence[str | os.PathLike[str]]) -> None:
    """Raise ValueError unless the models take inputs of the same shapes, in the same order."""
    shapes = []
    for source in sources:
        graph = load_ir(source).graphs[0]
        shapes.append([graph.tensors[i].shape for i in graph.inputs])
    if shapes[0] != shapes[1]:
        texts = (
            f"{os.fspath(s)} takes {', '.join('x'.join(map(str, x)) for x in xs) or 'none'}"
            for s, xs in zip(sources, shapes, strict=True)
        )
        raise ValueError(f"{' and '.join(texts)}: models with inputs of the same shapes expected")


def _choose_isas(model: ir.Model, seconds: float, runs: int) -> dict[int, str]:
    names = _core.available_isas()
    single = [Model(model, threads=1, isa=isa, fuse=False) for isa in names]
    inputs = _inputs(single[0])
    profiled = [lambda m=m: np.array(m._runner.run_profiled(0, inputs)[1]) for m in single]
    times: _Times = np.array(_in_turns(profiled, seconds, runs))
    rows = [[step["kernel"] for step in m._runner.steps(0)] for m in single]
    ratios = _ratios(times)
    # An instruction set without a kernel of its own has that of another: only noise tells them apart.
    for k, row in enumerate(rows):
        ratios[k, np.array(row) == np.array(rows[0])] = 1
    best = ratios.argmin(axis=0)
    return {node: names[k] for node, k in enumerate(best.tolist()) if ratios[k, node] < 1 - MARGIN}


def _choose_threads(model: ir.Model, isas: Mapping[int, str], seconds: float, runs: int) -> int:
    counts: list[int] = sorted({1, *(2**i for i in range(1, 10) if 2**i < default_threads()), default_threads()})
    candidates = [Model(model, threads=count, tuning=Tuning(count, dict(isas))) for count in counts]
    inputs = _inputs(candidates[0])
    times: _Times = np.array(_in_turns([_timed(m, inputs) for m in candidates], seconds, runs))
    best = counts.index(default_threads())
    ratios = _ratios(times, best)
    if ratios.min() < 1 - MARGIN:
        best = int(ratios.argmin())
    fewest = int((_ratios(times, best) <= 1 + MARGIN).argmax())
    return int(counts[fewest])


def _choose_rows(model: ir.Model, found: Tuning, seconds: float, runs: int) -> Tuning:
    """Add `fuse` or `band_bytes` where one is faster, and the times."""
    tunings = [found, replace(found, fuse=False), *(replace(found, band_bytes=n) for n in BANDS)]
    kept: list[Tuning] = []
    candidates: list[Model] = []
    plans = []
    for tuning in tunings:
        candidate = Model(model, threads=found.threads, tuning=tuning)
        plan = [(step["name"], step["fused"], step["band"]) for step in candidate._runner.steps(0)]
        if plan not in plans:
            plans.append(plan)
            kept.append(tuning)
            candidates.append(candidate)
    default = Model(model, threads=default_threads())
    inputs = _inputs(default)
    times: _Times = np.array(_in_turns([_timed(m, inputs) for m in (*candidates, default)], seconds, runs))
    ratios = _ratios(times[:, :-1])
    best = int(ratios.argmin()) if ratios.min() < 1 - MARGIN else 0
    default_ms, tuned_ms = (times.min(axis=0)[[-1, best]] / 1e6).tolist()
    if _ratios(times[:, [-1, best]])[1] > 1 + MARGIN:  # all choices together, in one race with none of them
        return Tuning(default_threads(), default_ms=default_ms, tuned_ms=default_ms)
    return replace(kept[best], default_ms=default_ms, tuned_ms=tuned_ms)


def _ratios(times: _Times, default: int = 0) -> _Times:
    """Time of each candidate over that of a default, the worse of two views; times: turns, candidates, ..."""
    times = times + 1.0  # nanosecond: what was computed at load takes none
    fastest = times.min(axis=0)
    # The first turn warms up: its times count as fastest ones only.
    turns = times[1:] if len(times) > 1 else times
    ratios: _Times = np.maximum(fastest / fastest[default], np.median(turns / turns[:, [default]], axis=0))
    return ratios


def _in_turns(candidates: Sequence[Callable[[], _T]], seconds: float, runs: int) -> list[list[_T]]:
    """Call all, again and again, for `seconds`, but `runs` times and once more to warm up; each turn's results."""
    end = time.perf_counter() + seconds
    turns: list[list[_T]] = []
    while len(turns) <= runs or (time.perf_counter() < end and len(turns) < 1000):
        # Each begins as often as others: none always follows the same one.
        first = len(turns) % len(candidates)
        results = {k: candidates[k]() for k in (*range(first, len(candidates)), *range(first))}
        turns.append([results[k] for k in range(len(candidates))])
    return turns


def _timed(model: Model, inputs: list[Array]) -> Callable[[], float]:
    """Return a function that runs the model and returns the nanoseconds."""

    def once() -> float:
        start = time.perf_counter_ns()
        model._runner.run(0, inputs)
        return float(time.perf_counter_ns() - start)

    return once


def _inputs(model: Model) -> list[Array]:
    """Return random values; for floats and integers that are no quantized numbers, zeros, which are valid indices."""
    rng = np.random.default_rng(0)
    arrays: list[Any] = []
    for t in model.inputs:
        if t.dtype in ("int8", "uint8"):
            limits = np.iinfo(t.dtype)
            arrays.append(rng.integers(limits.min, limits.max, t.shape, dtype=t.dtype, endpoint=True))
        elif t.dtype.startswith("float"):
            arrays.append(rng.normal(size=t.shape).astype(t.dtype))
        else:
            arrays.append(np.zeros(t.shape, t.dtype))
    return arrays
