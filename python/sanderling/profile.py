"""Time per step of a model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Step:
    """One step of a run.

    Attributes
    ----------
    op : str
        Operator.
    name : str
        Name of its first output.
    shape : tuple of int
        Shape of its first output.
    macs : int
        Multiply-adds; 0 for operators without.
    ms : float
        Median time in milliseconds.
    share : float
        Part of the whole run, 0 to 1.
    gmacs : float
        Billions of multiply-adds a second.
    isa : str
        Instruction set of the kernel that ran.
    fused : int, optional
        Steps with the same number ran together, some rows at a time (see `load`); their times are shares of the whole.
    """

    op: str
    name: str
    shape: tuple[int, ...]
    macs: int
    ms: float
    share: float
    gmacs: float
    isa: str
    fused: int | None = None


@dataclass(frozen=True)
class Profile:
    """The steps of a run, in order; printed as a table."""

    steps: tuple[Step, ...]

    @property
    def total_ms(self) -> float:
        """Sum of the steps' times in milliseconds."""
        return sum(s.ms for s in self.steps)

    @property
    def macs(self) -> int:
        """Multiply-adds of one run."""
        return sum(s.macs for s in self.steps)

    def by_op(self) -> dict[str, float]:
        """Milliseconds by operator, longest first."""
        total: dict[str, float] = {}
        for s in self.steps:
            total[s.op] = total.get(s.op, 0.0) + s.ms
        return dict(sorted(total.items(), key=lambda item: -item[1]))

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def __len__(self) -> int:
        return len(self.steps)

    def __str__(self) -> str:
        lines = [f"{'operator':24} {'shape':22} {'MMAC':>9} {'ms':>9} {'share':>6} {'GMAC/s':>7} rows  isa       name"]
        for s in self.steps:
            shape = "x".join(map(str, s.shape))
            speed = f"{s.gmacs:7.1f}" if s.macs else " " * 7
            numbers = f"{s.macs / 1e6:9.3f} {s.ms:9.4f} {100 * s.share:5.1f}% {speed}"
            fused = "" if s.fused is None else s.fused
            lines.append(f"{s.op:24} {shape:22} {numbers} {fused:>4}  {s.isa:9} {s.name}")
        lines.append(f"{'total':24} {'':22} {self.macs / 1e6:9.3f} {self.total_ms:9.4f}")
        return "\n".join(lines)


def make_profile(steps: Sequence[Mapping[str, Any]], ms: npt.NDArray[np.float64], names: Sequence[str]) -> Profile:
    """Join the engine's description of its steps with their times; what was computed at load is left out."""
    total = float(ms.sum()) or 1.0
    rows = []
    for step, time, name in zip(steps, ms.tolist(), names, strict=True):
        if step["folded"]:
            continue
        gmacs = step["macs"] / (time * 1e6) if time > 0 else 0.0
        fused = step["fused"] if step["fused"] >= 0 else None
        rows.append(
            Step(step["op"], name, tuple(step["shape"]), step["macs"], time, time / total, gmacs, step["kernel"], fused)
        )
    return Profile(tuple(rows))
