"""Multiply-adds and parameters of operators, from the shapes that a file declares."""

from __future__ import annotations

import math

from sanderling import ir

# Operator -> positions of its weights; each weight is used once for every batch and time step.
_RECURRENT = {
    "UNIDIRECTIONAL_SEQUENCE_LSTM": (*range(1, 9), 16),
    "UNIDIRECTIONAL_SEQUENCE_RNN": (1, 2),
    "SVDF": (1, 2),
}
_WITH_WEIGHTS = {"CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "FULLY_CONNECTED", "BATCH_MATMUL", *_RECURRENT}


def _input(graph: ir.Graph, node: ir.Node, position: int) -> ir.Tensor | None:
    if position >= len(node.inputs) or node.inputs[position] == ir.ABSENT:
        return None
    return graph.tensors[node.inputs[position]]


def macs(graph: ir.Graph, node: ir.Node) -> int:
    """Return the multiply-adds of one run of an operator; 0 for operators that are not made of them."""
    if not node.outputs or node.custom:
        return 0
    out = math.prod(graph.tensors[node.outputs[0]].shape)
    x, w, third = (_input(graph, node, i) for i in range(3))
    if x is None or w is None or not w.shape or not x.shape:
        return 0
    if node.op == "CONV_2D":
        return out * math.prod(w.shape[1:])
    if node.op == "DEPTHWISE_CONV_2D":
        return out * math.prod(w.shape[1:3])
    if node.op == "TRANSPOSE_CONV" and third is not None:
        return math.prod(third.shape[:-1]) * math.prod(w.shape)
    if node.op == "FULLY_CONNECTED":
        return out * w.shape[-1]
    if node.op == "BATCH_MATMUL":
        return out * (x.shape[-2] if node.attributes.get("adj_x") and len(x.shape) > 1 else x.shape[-1])
    if node.op in _RECURRENT:
        weights = (_input(graph, node, i) for i in _RECURRENT[node.op])
        return math.prod(x.shape[:-1]) * sum(math.prod(t.shape) for t in weights if t is not None)
    return 0


def parameters(graph: ir.Graph, node: ir.Node) -> set[int]:
    """Return the constants among an operator's inputs that are parameters; shapes, axes and the like are not."""
    found = set()
    for i in node.inputs:
        if i == ir.ABSENT or graph.tensors[i].data is None:
            continue
        if node.op in _WITH_WEIGHTS or graph.tensors[i].dtype not in ("int32", "int64", "bool", "string"):
            found.add(i)
    return found


def elements(graph: ir.Graph, tensors: set[int]) -> int:
    """Return the number of elements in several tensors."""
    return sum(math.prod(graph.tensors[i].shape) for i in tensors)
