"""The table that a run of the benchmarks prints at its end."""

from __future__ import annotations

import numpy as np

rows: list[tuple[str, dict[str, float], dict[str, float]]] = []
"""(model, engine -> median ms, peer -> median of sanderling's time over the peer's)."""


def render() -> list[str]:
    """Lines of a Markdown table; ratios under 1: sanderling is faster."""
    peers = sorted({peer for _, _, ratio in rows for peer in ratio})
    engines = ["sanderling", *peers]
    lines = [
        "| model | " + " | ".join(f"{e}, ms" for e in engines) + " | " + " | ".join(f"x {p}" for p in peers) + " |",
        "|---|" + "---:|" * (len(engines) + len(peers)),
    ]
    for name, medians, ratio in rows:
        times = " | ".join(f"{medians[e]:.3f}" if e in medians else "" for e in engines)
        lines.append(
            f"| {name} | {times} | " + " | ".join(f"{ratio[p]:.2f}" if p in ratio else "" for p in peers) + " |"
        )
    for peer in peers:
        all_ratios = [ratio[peer] for _, _, ratio in rows if peer in ratio]
        lines.append(f"\ngeometric mean of time over {peer}: {np.exp(np.mean(np.log(all_ratios))):.2f}")
    return lines
