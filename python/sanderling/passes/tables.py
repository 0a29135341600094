"""What is computed from one 8-bit value alone becomes one lookup table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from sanderling import _core, ir
from sanderling.errors import ModelError
from sanderling.lowering import lower
from sanderling.passes import ELEMENTWISE

_BYTES = ("int8", "uint8")
_MEMORY = 1 << 26
_ROUNDS = 32


@dataclass(frozen=True)
class Region:
    """Nodes that compute the tensor `y` from the tensor `x`, both of bytes; two or more, in order."""

    x: int
    y: int
    nodes: tuple[int, ...]


def find_regions(graph: ir.Graph) -> list[Region]:
    """Return what can be a table each. Tensors within a region are read in regions of the same `x` only."""
    allowed = [_is_elementwise(graph, node) for node in graph.nodes]
    if sum(allowed) < 2:
        return []
    read = {i for node in graph.nodes for i in node.inputs}
    ends: set[int] = set()  # where regions end, and others begin
    for _ in range(_ROUNDS):  # each settles what depends on the one before; networks need two or three
        roots = _roots(graph, allowed, ends)
        needed, before = set(graph.outputs), (len(ends), sum(allowed))
        for k in reversed(range(len(graph.nodes))):
            node = graph.nodes[k]
            if roots[k] is not None:
                y = node.outputs[0]
                if y in read and y not in needed:
                    continue
                if graph.tensors[y].dtype in _BYTES:
                    ends.add(y)
                    continue
                allowed[k] = False
            needed.update(node.inputs, node.intermediates)
        if before == (len(ends), sum(allowed)):
            break
    else:
        return []
    makers = {node.outputs[0]: k for k, node in enumerate(graph.nodes) if roots[k] is not None}
    regions: list[Region] = []
    total = 0
    for y, k in makers.items():
        root = roots[k]
        if y not in ends or root is None:
            continue
        nodes, todo = {k}, [k]
        while todo:
            for i in graph.nodes[todo.pop()].inputs:
                if i != root and i in makers and makers[i] not in nodes:
                    nodes.add(makers[i])
                    todo.append(makers[i])
        if len(nodes) == 1:
            continue
        regions.append(Region(root, y, tuple(sorted(nodes))))
        total += len(nodes)
        if total > 4 * len(graph.nodes):
            return []  # nodes that too many regions share would each run too often
    return regions


def merge_tables(model: ir.Model) -> list[tuple[ir.Graph, list[tuple[int, ...]]]]:
    """Replace regions by LOOKUP_TABLE, but those that the operators refuse, be it for one byte.

    Returns
    -------
    list of (ir.Graph, list of tuple of int)
        Each graph, with its tables behind the old tensors, and for each of its nodes the old ones that it stands for.
    """
    found = [(g, region) for g, graph in enumerate(model.graphs) for region in find_regions(graph)]
    tables = _make_tables(model, found) if found else {}
    results = []
    for g, graph in enumerate(model.graphs):
        tensors = list(graph.tensors)
        last: dict[int, tuple[Region, int]] = {}
        dropped: set[int] = set()
        for at, region in found:
            if at != g or (g, region.y) not in tables:
                continue
            last[region.nodes[-1]] = region, len(tensors)
            dropped.update(region.nodes)
            name = f"{tensors[region.y].name} (table)"
            tensors.append(ir.Tensor(name, "uint8", (256,), data=tables[g, region.y]))
        nodes: list[ir.Node] = []
        origins: list[tuple[int, ...]] = []
        for k, node in enumerate(graph.nodes):
            if k in last:
                region, table = last[k]
                names = [graph.nodes[i].op for i in region.nodes]
                nodes.append(ir.Node("LOOKUP_TABLE", [region.x, table], [region.y], {"merged": names}))
                origins.append(region.nodes)
            elif k not in dropped:
                nodes.append(node)
                origins.append((k,))
        results.append((replace(graph, tensors=tensors, nodes=nodes), origins))
    return results


Found = Sequence[tuple[int, Region]]
Tables = dict[tuple[int, int], npt.NDArray[np.uint8]]


def _make_tables(model: ir.Model, found: Found) -> Tables:
    """Return tables by graph and `Region.y`."""
    try:
        return _run_on_all_bytes(model, found)
    except (ModelError, _core.CoreError):
        if len(found) == 1:
            return {}
    tables: Tables = {}
    for one in found:
        tables.update(_make_tables(model, [one]))
    return tables


def _is_elementwise(graph: ir.Graph, node: ir.Node) -> bool:
    if node.op not in ELEMENTWISE or node.custom or len(node.outputs) != 1 or node.intermediates:
        return False
    if not node.inputs or ir.ABSENT in (*node.inputs, *node.outputs):
        return False
    shapes = set()
    for i in (*node.inputs, *node.outputs):
        tensor = graph.tensors[i]
        if tensor.is_variable or (tensor.quantization is not None and tensor.quantization.per_channel):
            return False
        if tensor.data is None:
            shapes.add(tensor.shape)
    # Constants must be single values, and not make the result another rank.
    rank = len(next(iter(shapes)))
    constants = [graph.tensors[i] for i in node.inputs if graph.tensors[i].data is not None]
    return (
        len(shapes) == 1
        and rank > 0
        and all(t.data is not None and t.data.size == 1 and len(t.shape) <= rank for t in constants)
        and not any(t.dtype in ir.PACKED_BITS for t in constants)
    )


def _roots(graph: ir.Graph, allowed: Sequence[bool], ends: set[int]) -> list[int | None]:
    """Return for each node the only tensor of bytes that its result is computed from; None where there is no such."""
    root_of: dict[int, int] = {}
    roots: list[int | None] = []
    for k, node in enumerate(graph.nodes):
        roots.append(None)
        if not allowed[k]:
            continue
        from_ = {root_of.get(i, i) for i in node.inputs if graph.tensors[i].data is None}
        if len(from_) != 1:
            continue
        root = from_.pop()
        if graph.tensors[root].dtype not in _BYTES:
            continue
        roots[k] = root
        if node.outputs[0] not in ends:
            root_of[node.outputs[0]] = root
    return roots


def _run_on_all_bytes(model: ir.Model, found: Found) -> Tables:
    """Run the operators themselves."""
    graph = ir.Graph()
    inputs = []
    for g, region in found:
        old = model.graphs[g]
        place: dict[int, int] = {}
        for k in region.nodes:
            node = old.nodes[k]
            for i in (*node.inputs, *node.outputs):
                if i in place:
                    continue
                place[i] = len(graph.tensors)
                tensor = old.tensors[i]
                if tensor.data is None:
                    tensor = replace(tensor, shape=(*(1,) * (len(tensor.shape) - 1), 256), shape_signature=None)
                graph.tensors.append(tensor)
            new = replace(node, inputs=[place[i] for i in node.inputs], outputs=[place[i] for i in node.outputs])
            graph.nodes.append(new)
        graph.inputs.append(place[region.x])
        graph.outputs.append(place[region.y])
        x = graph.tensors[place[region.x]]
        inputs.append(np.arange(256, dtype=np.uint8).view(ir.DTYPES[x.dtype]).reshape(x.shape))
    spec = lower(ir.Model([graph], model.source))
    runner = _core.Runner(model=spec, keep_all=False, isa="", threads=1, memory_limit=_MEMORY, cores=[], fuse="never",
                          band_bytes=0, fp16=False)  # fmt: skip
    runner.plan(graph=0, shapes=[list(x.shape) for x in inputs])
    outputs = runner.run(0, inputs)
    return {(g, r.y): y.reshape(256).view(np.uint8) for (g, r), y in zip(found, outputs, strict=True)}
