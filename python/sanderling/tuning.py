"""Time the choices that the engine has for a model on this machine, and keep the best beside the file."""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sanderling import __version__, _core
from sanderling.errors import ModelError
from sanderling.importers import load_ir
from sanderling.model import Array, Model, default_threads

_FORMAT = "sanderling-tune-1"

MARGIN = 0.03
"""Part of the time by which a choice must beat the default."""


@dataclass(frozen=True)
class Tuning:
    """Choices for one model on one machine.

    Attributes
    ----------
    threads : int
        Threads with which the model is fastest; the fewest of about equal ones.
    isas : dict of int to str
        Instruction sets of operators, by their index in the main graph, for which the best one is not the fastest.
    fuse : bool, optional
        False where steps that run together by rows (see `load`) are slower than one after the other; else None.
    default_ms, tuned_ms : float
        Milliseconds of a run with the engine's own choices and with these.
    """

    threads: int
    isas: dict[int, str] = field(default_factory=dict)
    default_ms: float = 0.0
    tuned_ms: float = 0.0
    fuse: bool | None = None


def tune(source: str | os.PathLike[str], *, seconds: float = 2.0, runs: int = 5) -> Tuning:
    """Time instruction sets for each operator, then thread counts, then steps one by one against steps by rows.

    Candidates run in turns, and the fastest run of each counts, as on a busy machine it is the least disturbed one.

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
    best, *others = _core.available_isas()
    single = {isa: Model(model, threads=1, isa=isa, fuse=False) for isa in (best, *others)}
    inputs = _inputs(single[best])
    steps = {isa: np.full(len(m.ir.graphs[0].nodes), np.inf) for isa, m in single.items()}

    def profiled(isa: str) -> None:
        steps[isa] = np.minimum(steps[isa], single[isa]._runner.run_profiled(0, inputs)[1])

    _in_turns([lambda isa=isa: profiled(isa) for isa in single], seconds, runs)  # type: ignore[misc]
    rows = {isa: [step["kernel"] for step in m._runner.steps(0)] for isa, m in single.items()}
    isas = {}
    for node, time_ns in enumerate(steps[best]):
        # An instruction set without a kernel of its own has that of another: only noise tells them apart.
        different = [isa for isa in others if rows[isa][node] != rows[best][node]]
        fastest = min(different, key=lambda isa: steps[isa][node], default=best)
        if steps[fastest][node] < (1 - MARGIN) * time_ns:
            isas[node] = fastest

    counts = sorted({1, *(2**i for i in range(1, 10) if 2**i < default_threads()), default_threads()})
    candidates = {count: Model(model, threads=count, tuning=Tuning(count, isas)) for count in counts}
    default = Model(model, threads=default_threads())
    totals: dict[int, float] = dict.fromkeys((0, *counts), np.inf)

    def timed(count: int) -> None:
        totals[count] = min(totals[count], _milliseconds(candidates[count] if count else default, inputs))

    _in_turns([lambda count=count: timed(count) for count in totals], seconds, runs)  # type: ignore[misc]
    fastest_ms = min(totals[count] for count in counts)
    threads = next(count for count in counts if totals[count] <= (1 + MARGIN) * fastest_ms)

    choices = {
        None: candidates[threads],
        False: Model(model, threads=threads, tuning=Tuning(threads, isas, fuse=False)),
    }
    by_fuse: dict[bool | None, float] = dict.fromkeys(choices, np.inf)

    def timed_fuse(fuse: bool | None) -> None:
        by_fuse[fuse] = min(by_fuse[fuse], _milliseconds(choices[fuse], inputs))

    _in_turns([lambda fuse=fuse: timed_fuse(fuse) for fuse in choices], seconds, runs)  # type: ignore[misc]
    fuse = False if by_fuse[False] < (1 - MARGIN) * by_fuse[None] else None
    return Tuning(threads, isas, totals[0], min(totals[threads], by_fuse[fuse]), fuse)


def store_tuning(source: str | os.PathLike[str], tuning: Tuning) -> Path:
    """Write the choices beside the model, next to those of other machines; returns the path."""
    path = _path(source)
    machine, digest = _machine(), _digest(source)
    kept = []
    if path.exists():
        content = _read(path)
        if content["model"] == digest:
            kept = [entry for entry in content["machines"] if entry.get("machine") != machine]
    entry = {
        "machine": machine,
        "threads": tuning.threads,
        "isas": {str(node): isa for node, isa in tuning.isas.items()},
        "fuse": tuning.fuse,
        "default_ms": round(tuning.default_ms, 4),
        "tuned_ms": round(tuning.tuned_ms, 4),
    }
    content = {"format": _FORMAT, "model": digest, "machines": [*kept, entry]}
    part = path.with_name(f"{path.name}.{os.getpid()}")
    part.write_text(json.dumps(content, indent=1) + "\n")
    part.replace(path)
    return path


def find_tuning(source: str | os.PathLike[str]) -> Tuning | None:
    """Return the stored choices for this model, CPU and build; None where there are none.

    Raises
    ------
    ModelError
        The stored file is damaged.
    """
    path = _path(source)
    content = _read(path)
    if content["model"] != _digest(source):
        return None
    entry = next((e for e in content["machines"] if isinstance(e, dict) and e.get("machine") == _machine()), None)
    if entry is None:
        return None
    try:
        threads, isas = int(entry["threads"]), {int(node): str(isa) for node, isa in entry["isas"].items()}
        milliseconds = float(entry["default_ms"]), float(entry["tuned_ms"])
        fuse = entry.get("fuse")
    except (KeyError, TypeError, ValueError, AttributeError) as e:
        raise ModelError(f"{path}: damaged: {type(e).__name__}: {e}") from None
    unknown = set(isas.values()) - set(_core.available_isas())
    if unknown or not 1 <= threads <= 1024 or fuse not in (None, False):
        sets = ", ".join(sorted(unknown))
        raise ModelError(f"{path}: damaged: threads {threads}, fuse {fuse!r}, instruction sets {sets}")
    return Tuning(threads, isas, *milliseconds, fuse)


def _in_turns(candidates: list[Callable[[], None]], seconds: float, runs: int) -> None:
    end = time.perf_counter() + seconds
    rounds = 0
    # One round more, to warm up; its times count, as only the least does.
    while rounds <= runs or (time.perf_counter() < end and rounds < 1000):
        for candidate in candidates:
            candidate()
        rounds += 1


def _milliseconds(model: Model, inputs: list[Array]) -> float:
    start = time.perf_counter_ns()
    model._runner.run(0, inputs)
    return (time.perf_counter_ns() - start) / 1e6


def _inputs(model: Model) -> list[Array]:
    """Return random values; for floats and integers that are no quantized numbers, zeros, which are valid indices."""
    rng = np.random.default_rng(0)
    arrays: list[Array] = []
    for t in model.inputs:
        if t.dtype in ("int8", "uint8"):
            limits = np.iinfo(t.dtype)
            arrays.append(rng.integers(limits.min, limits.max, t.shape, dtype=t.dtype, endpoint=True))
        elif t.dtype.startswith("float"):
            arrays.append(rng.normal(size=t.shape).astype(t.dtype))
        else:
            arrays.append(np.zeros(t.shape, t.dtype))
    return arrays


def _path(source: str | os.PathLike[str]) -> Path:
    return Path(f"{os.fspath(source)}.tune.json")


def _digest(source: str | os.PathLike[str]) -> str:
    return hashlib.sha256(Path(source).read_bytes()).hexdigest()


def _machine() -> str:
    """Name the CPU, the cores that may be used and the kernels: what a measurement holds for."""
    try:
        info = Path("/proc/cpuinfo").read_text("utf-8", "replace")
    except OSError:
        info = ""
    # ARM has a part number for each kind of core instead of a name.
    names = re.findall(r"^(?:model name|CPU part)\s*:\s*(.*)$", info, re.MULTILINE)
    rows = hashlib.sha256(repr(_core.kernels()).encode()).hexdigest()[:12]
    cores = ",".join(map(str, _core.usable_cores()))
    sets = ",".join(_core.available_isas())
    return f"{'/'.join(sorted(set(names)))}; cores {cores}; {sets}; sanderling {__version__} {rows}"


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text("utf-8"))
    except (ValueError, OSError, RecursionError) as e:
        raise ModelError(f"{path}: damaged: {e}") from None
    fine = isinstance(content, dict) and content.get("format") == _FORMAT and isinstance(content.get("model"), str)
    if not fine or not isinstance(content.get("machines"), list):
        raise ModelError(f"{path}: damaged: not what `sanderling tune` writes ({_FORMAT})")
    return dict(content)
