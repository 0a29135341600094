"""Rewrites of a model before it is planned, IR to IR: fewer steps with the same results."""

from __future__ import annotations

from dataclasses import dataclass

from sanderling import ir


@dataclass(frozen=True)
class Rewritten:
    """A model after the passes.

    Attributes
    ----------
    model : ir.Model
        Its graphs have the tensors of the original ones at the same indices.
    origins : list of list of int
        For each graph the index that each of its nodes has in the original one.
    """

    model: ir.Model
    origins: list[list[int]]


def rewrite(model: ir.Model) -> Rewritten | None:
    """Run all passes; None where there is nothing to do."""
    if not any(node.op in ("PAD", "PADV2") for graph in model.graphs for node in graph.nodes):
        return None
    from sanderling.passes.padding import pad_in_windows

    graphs = [pad_in_windows(graph) for graph in model.graphs]
    if all(len(graph.nodes) == len(old.nodes) for (graph, _), old in zip(graphs, model.graphs, strict=True)):
        return None
    new = ir.Model([g for g, _ in graphs], model.source, model.signatures, model.description, model.metadata)
    return Rewritten(new, [kept for _, kept in graphs])
