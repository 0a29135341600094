"""Rewrites of a model before it is planned, IR to IR: fewer steps with the same results."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from sanderling import ir

# Operators of which each value depends on the values at its place alone.
ELEMENTWISE = frozenset((
    "ABS", "ADD", "CEIL", "COS", "DEQUANTIZE", "DIV", "ELU", "EXP", "FLOOR", "GELU", "HARD_SWISH", "LEAKY_RELU", "LOG",
    "LOGISTIC", "MAXIMUM", "MINIMUM", "MUL", "NEG", "PRELU", "QUANTIZE", "RELU", "RELU6", "RELU_0_TO_1", "RELU_N1_TO_1",
    "ROUND", "RSQRT", "SIGN", "SIN", "SQRT", "SQUARE", "SQUARED_DIFFERENCE", "SUB", "TANH",
))  # fmt: skip

# Instruction sets whose kernels multiply signed bytes; the others take unsigned ones as they are.
_SIGNED = ("arm", "x86/avx2")

Origins = list[list[tuple[int, ...]]]


@dataclass(frozen=True)
class Rewritten:
    """A model after the passes.

    Attributes
    ----------
    model : ir.Model
        Its graphs have the tensors of the original ones at the same indices, and perhaps others behind them.
    origins : list of list of tuple of int
        For each graph and each of its nodes the nodes of the original that it stands for.
    """

    model: ir.Model
    origins: Origins


def rewrite(model: ir.Model, isas: Iterable[str]) -> Rewritten | None:
    """Run all passes, for the instruction sets `isas` ("arm/neon").

    None where there is nothing to do, as in a compiled model.
    """
    if model.native is not None:
        return None
    graphs = list(model.graphs)
    unchanged: Origins = [[(k,) for k in range(len(graph.nodes))] for graph in graphs]
    origins = [list(of_graph) for of_graph in unchanged]
    if any(node.op in ("PAD", "PADV2") for graph in graphs for node in graph.nodes):
        from sanderling.passes.padding import pad_in_windows

        for g, graph in enumerate(graphs):
            graphs[g], kept = pad_in_windows(graph)
            origins[g] = [origins[g][k] for k in kept]
    if any(sum(node.op in ELEMENTWISE for node in graph.nodes) > 1 for graph in graphs):
        from sanderling.passes.tables import merge_tables

        for g, (graph, parts) in enumerate(merge_tables(replace(model, graphs=graphs))):
            graphs[g] = graph
            origins[g] = [tuple(i for k in part for i in origins[g][k]) for part in parts]
    if any(isa.startswith(_SIGNED) for isa in isas) and any(
        tensor.dtype == "uint8" for graph in graphs for tensor in graph.tensors
    ):
        from sanderling.passes.signed import sign_activations

        for g, graph in enumerate(graphs):
            if moved := sign_activations(graph):
                graphs[g], own_parts = moved
                origins[g] = [tuple(i for k in part for i in origins[g][k]) for part in own_parts]
    if origins == unchanged:
        return None
    return Rewritten(replace(model, graphs=graphs), origins)
