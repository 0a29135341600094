"""Whether a measurement can be believed."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

from sanderling.devices.probe import THROTTLED, Identity, State

_CLOCK = 0.02
"""Share by which a clock may move."""

_DRIFT = 0.1
"""Share by which the times of the first and the last runs may differ."""


def doubts(identity: Identity, before: State, after: State, bench: dict[str, Any], emulator: str,
           cores: Sequence[int] | None) -> list[str]:  # fmt: skip
    """Return why a run is not to be trusted, a sentence each; nothing where it is."""
    if emulator:
        return [f"emulated ({emulator}): its times say nothing about a board"]
    found = []
    moved = _moved(identity, bench, cores)
    if moved:
        found.append("the clock moved: " + ", ".join(moved))
    start, end = before.throttled, after.throttled
    if start is not None and end is not None:
        now = [word for bit, word in THROTTLED.items() if (start | end) >> bit & 1]
        new = [word for bit, word in THROTTLED.items() if (end & ~start) >> (bit + 16) & 1 and word not in now]
        if now or new:
            found.append("the firmware held it back: " + ", ".join([*now, *new]))
    runs = bench["runs_ms"]
    third = len(runs) // 3
    if third >= 3:
        first, last = statistics.median(runs[:third]), statistics.median(runs[-third:])
        if abs(last - first) > _DRIFT * first:
            found.append(f"the last runs took {100 * (last / first - 1):+.0f} % of the first ones' time")
    return found


def _moved(identity: Identity, bench: dict[str, Any], cores: Sequence[int] | None) -> list[str]:
    """Clocks of the cores in use that differ between begin and end of the timed runs."""
    clocks = bench.get("clock_khz") or {}
    pairs = dict(enumerate(zip(clocks.get("before", []), clocks.get("after", []), strict=False)))
    if cores is None:
        # Threads are on the big cores; what the little ones do is their own matter.
        best = max(identity.highest_mhz.values(), default=0)
        cores = [c for c in pairs if identity.highest_mhz.get(c, best) == best]
    moved: dict[str, None] = {}
    for core in cores:
        a, b = pairs.get(core, (0, 0))
        if a and b and abs(a - b) > _CLOCK * a:
            moved[f"{a / 1000:.0f} to {b / 1000:.0f} MHz"] = None
    return list(moved)
