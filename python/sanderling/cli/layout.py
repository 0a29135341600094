"""Layered drawing of a directed graph: a layer for each depth, few crossings, long edges routed between the nodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

GAP = 26.0
"""Pixels between neighbours in a layer."""

_LANE = 10.0
_SWEEPS = 8
_MOST_BENDS = 8000
"""Above this many, long edges are drawn straight: a graph that large is no picture anyway."""


@dataclass
class Layout:
    """Where things are: for each node its layer and the x of its centre; for each edge its bends, (x, layer).

    Attributes
    ----------
    layers : list of int
    x : list of float
    bends : list of list of (float, int)
        The edge passes vertically through each.
    width : float
    depth : int
        Number of layers.
    """

    layers: list[int]
    x: list[float]
    bends: list[list[tuple[float, int]]]
    width: float = 0.0
    depth: int = 0


@dataclass
class _Work:
    """Nodes and bends alike, by number; bends follow the nodes."""

    widths: list[float]
    layer: list[int]
    above: list[list[int]] = field(default_factory=list)
    below: list[list[int]] = field(default_factory=list)


def lay_out(widths: Sequence[float], edges: Sequence[tuple[int, int]]) -> Layout:
    """Place nodes.

    Parameters
    ----------
    widths : sequence of float
        Width of each node in pixels.
    edges : sequence of (int, int)
        From, to; the graph has no cycles, and nodes are numbered such that edges go from lower to higher numbers.

    Returns
    -------
    Layout
    """
    layers = _assign_layers(len(widths), edges)
    work = _Work(list(widths), list(layers))
    long = sum(layers[b] - layers[a] - 1 for a, b in edges)
    chains: list[list[int]] = []
    links: list[tuple[int, int]] = []
    for a, b in edges:
        chain: list[int] = []
        if long <= _MOST_BENDS:
            for layer in range(layers[a] + 1, layers[b]):
                chain.append(len(work.widths))
                work.widths.append(_LANE)
                work.layer.append(layer)
        chains.append(chain)
        path = [a, *chain, b]
        links.extend(pairwise(path))
    work.above = [[] for _ in work.widths]
    work.below = [[] for _ in work.widths]
    for a, b in dict.fromkeys(links):
        work.below[a].append(b)
        work.above[b].append(a)
    rows = _order(work)
    x = _positions(work, rows)
    left = min((x[n] - w / 2 for n, w in enumerate(work.widths)), default=0.0)
    x = [value - left for value in x]
    return Layout(
        layers=layers,
        x=x[: len(widths)],
        bends=[[(x[n], work.layer[n]) for n in chain] for chain in chains],
        width=max((x[n] + w / 2 for n, w in enumerate(work.widths)), default=0.0),
        depth=max(layers, default=-1) + 1,
    )


def _assign_layers(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """Depth of each node; one without a node above it sits right above the first that needs it."""
    above: list[list[int]] = [[] for _ in range(count)]
    below: list[list[int]] = [[] for _ in range(count)]
    for a, b in edges:
        below[a].append(b)
        above[b].append(a)
    layers = [0] * count
    for node in range(count):
        layers[node] = max((layers[n] + 1 for n in above[node]), default=0)
    for node in reversed(range(count)):
        if not above[node] and below[node]:
            layers[node] = min(layers[n] for n in below[node]) - 1
    return layers


def _order(work: _Work) -> list[list[int]]:
    """Order each layer by the mean place of its neighbours, down and up in turns."""
    rows: list[list[int]] = [[] for _ in range(max(work.layer, default=-1) + 1)]
    for node, layer in enumerate(work.layer):
        rows[layer].append(node)
    place = [0.0] * len(work.layer)

    def renumber(row: list[int]) -> None:
        for i, node in enumerate(row):
            place[node] = i - (len(row) - 1) / 2

    for row in rows:
        renumber(row)
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        near = work.above if down else work.below
        for row in rows if down else reversed(rows):
            means = {n: sum(place[m] for m in near[n]) / len(near[n]) if near[n] else place[n] for n in row}
            row.sort(key=lambda n: means[n])
            renumber(row)
    return rows


def _positions(work: _Work, rows: Sequence[Sequence[int]]) -> list[float]:
    """Pull every node towards its neighbours while those of one layer keep their distance."""
    x = [0.0] * len(work.widths)
    for sweep in range(_SWEEPS + 1):
        down = sweep % 2 == 0
        near = work.above if down else work.below
        for row in rows if down else reversed(rows):
            wanted = [sum(x[m] for m in near[n]) / len(near[n]) if near[n] else x[n] for n in row]
            for node, value in zip(row, _spread(wanted, [work.widths[n] for n in row]), strict=True):
                x[node] = value
    return x


def _spread(wanted: Sequence[float], widths: Sequence[float]) -> list[float]:
    """Least-squares places next to the wanted ones, in order and apart by at least half of both widths and a gap."""
    shift, shifts = 0.0, []
    for i, width in enumerate(widths):
        shift += (widths[i - 1] + width) / 2 + GAP if i else 0.0
        shifts.append(shift)
    # Without the distances the places only have to ascend: isotonic regression, by pooling neighbours that do not.
    pools: list[tuple[float, int]] = []
    for target, offset in zip(wanted, shifts, strict=True):
        total, count = target - offset, 1
        while pools and pools[-1][0] * count > total * pools[-1][1]:
            before, size = pools.pop()
            total, count = total + before, count + size
        pools.append((total, count))
    means = [total / count for total, count in pools for _ in range(count)]
    return [mean + offset for mean, offset in zip(means, shifts, strict=True)]
