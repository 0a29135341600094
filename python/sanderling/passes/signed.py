"""Activations of models of the older uint8 kind move to int8, which most kernels multiply without a flip.

A value q becomes q - 128 and so does its zero point, which changes no real number. Weights stay as they are.
"""

from __future__ import annotations

from dataclasses import replace

from sanderling import ir

_CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D")
# Operators that compute the same for both kinds, and so follow convolutions.
_FOLLOWERS = ("ADD", "SUB", "MAX_POOL_2D")


def sign_activations(graph: ir.Graph) -> tuple[ir.Graph, list[tuple[int, ...]]] | None:
    """Compute chains of uint8 convolutions in int8, with QUANTIZE where they begin and end.

    Only where there are more convolutions than beginnings and ends.

    Returns
    -------
    graph : ir.Graph
        The tensors of the old one at the same indices, others behind them.
    parts : list of tuple of int
        For each node those of the old graph that it stands for.
    """
    chosen: dict[int, int] = {}  # nodes that move, and how many of their inputs are activations
    made: set[int] = set()  # what they compute
    for k, node in enumerate(graph.nodes):
        n = _activations(graph, node)
        if n > 0 and (node.op in _CONVOLUTIONS or made.issuperset(node.inputs[:n])):
            chosen[k] = n
            made.update(node.outputs)
    begins = {i for k, n in chosen.items() for i in graph.nodes[k].inputs[:n]} - made
    read = set(graph.outputs).union(
        i for k, node in enumerate(graph.nodes) if k not in chosen for i in (*node.inputs, *node.intermediates)
    )
    convolutions = sum(graph.nodes[k].op in _CONVOLUTIONS for k in chosen)
    if convolutions <= len(begins) + len(made & read):
        return None

    tensors = list(graph.tensors)
    signed: dict[int, int] = {}  # uint8 tensors and their int8 twins
    nodes: list[ir.Node] = []
    parts: list[tuple[int, ...]] = []

    def twin(i: int) -> int:
        if i not in signed:
            signed[i] = len(tensors)
            tensors.append(_twin(graph.tensors[i]))
        return signed[i]

    def add(node: ir.Node, k: int) -> None:
        nodes.append(node)
        parts.append((k,))

    for k, node in enumerate(graph.nodes):
        if k not in chosen:
            add(node, k)
            continue
        n = chosen[k]
        for i in node.inputs[:n]:
            if i in begins and i not in signed:
                add(ir.Node("QUANTIZE", [i], [twin(i)]), k)
        inputs = [twin(i) for i in node.inputs[:n]] + node.inputs[n:]
        add(replace(node, inputs=inputs, outputs=[twin(i) for i in node.outputs]), k)
        for i in node.outputs:
            if i in read:
                add(ir.Node("QUANTIZE", [twin(i)], [i]), k)
    return replace(graph, tensors=tensors, nodes=nodes), parts


def _activations(graph: ir.Graph, node: ir.Node) -> int:
    """Return how many of a node's inputs are activations; 0 where it cannot be moved."""
    if node.op in _CONVOLUTIONS:
        n = 1
    elif node.op in _FOLLOWERS:
        n = len(node.inputs)
    else:
        return 0
    if node.custom or node.intermediates or len(node.outputs) != 1 or len(node.inputs) < n:
        return 0
    for i in (*node.inputs[:n], *node.outputs):
        if i == ir.ABSENT or not _is_movable(graph.tensors[i]):
            return 0
    if node.op in _CONVOLUTIONS:
        weights = graph.tensors[node.inputs[1]] if len(node.inputs) > 1 and node.inputs[1] != ir.ABSENT else None
        if weights is None or weights.dtype != "uint8" or weights.data is None:
            return 0
    return n


def _is_movable(tensor: ir.Tensor) -> bool:
    q = tensor.quantization
    return (
        tensor.dtype == "uint8"
        and tensor.data is None
        and not tensor.is_variable
        and q is not None
        and q.scale.size == q.zero_point.size == 1
        and 0 <= q.zero_point[0] <= 255
    )


def _twin(tensor: ir.Tensor) -> ir.Tensor:
    assert tensor.quantization is not None
    q = replace(tensor.quantization, zero_point=tensor.quantization.zero_point - 128)
    return replace(tensor, name=f"{tensor.name} (int8)", dtype="int8", quantization=q)
