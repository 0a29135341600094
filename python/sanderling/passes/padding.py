"""Borders of zeros around a picture become the padding of the convolution that reads it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from sanderling import ir

_INTEGERS = ("int8", "uint8", "int16")


def pad_in_windows(graph: ir.Graph) -> tuple[ir.Graph, list[int]]:
    """Join PAD and PADV2 with the VALID convolution behind them, which gets ``padding="EXPLICIT"``.

    Only where nothing else reads the padded picture, and the value is what the convolution takes for zero.

    Returns
    -------
    graph : ir.Graph
        The same tensors; the nodes that are left.
    kept : list of int
        Their indices in the old graph.
    """
    readers: dict[int, int] = {}
    for i in [*graph.outputs, *(i for node in graph.nodes for i in (*node.inputs, *node.intermediates))]:
        readers[i] = readers.get(i, 0) + 1
    makers = {i: k for k, node in enumerate(graph.nodes) for i in node.outputs}
    nodes: list[ir.Node | None] = list(graph.nodes)
    for k, node in enumerate(graph.nodes):
        if node.op not in ("CONV_2D", "DEPTHWISE_CONV_2D") or node.attributes.get("padding") != "VALID":
            continue
        if len(node.inputs) < 2 or readers[node.inputs[0]] != 1:
            continue
        maker = makers.get(node.inputs[0])
        if maker is None:
            continue
        pad = graph.nodes[maker]
        borders, weights = _borders(graph, pad), _weights(graph, node.inputs[1], makers)
        if borders is None or weights is None:
            continue
        reach_h, reach_w = (
            (extent - 1) * node.attributes.get(f"dilation_{side}_factor", 1)
            for extent, side in zip(weights.shape[1:3], "hw", strict=True)
        )
        # A window that lies in the border alone is none of a convolution.
        most = (reach_h, reach_h, reach_w, reach_w)
        if any(not 0 <= n <= m for n, m in zip(borders, most, strict=True)):
            continue
        nodes[maker] = None
        nodes[k] = replace(
            node,
            inputs=[pad.inputs[0], *node.inputs[1:]],
            attributes={**node.attributes, "padding": "EXPLICIT", "explicit_paddings": borders},
        )
    kept = [k for k, node in enumerate(nodes) if node is not None]
    return replace(graph, nodes=[node for node in nodes if node is not None]), kept


def _borders(graph: ir.Graph, pad: ir.Node) -> list[int] | None:
    """Return top, bottom, left and right of a border of zeros in height and width; None for any other node."""
    if pad.op not in ("PAD", "PADV2") or len(pad.outputs) != 1 or len(pad.inputs) not in (2, 3):
        return None
    if pad.inputs[0] == ir.ABSENT or (pad.op == "PAD" and len(pad.inputs) == 3):
        return None
    x, y = graph.tensors[pad.inputs[0]], graph.tensors[pad.outputs[0]]
    amounts = _constant(graph, pad.inputs[1])
    if amounts is None or amounts.shape != (4, 2) or amounts.dtype.kind not in "iu":
        return None
    if amounts[0].any() or amounts[3].any() or x.dtype != y.dtype:
        return None
    zero = 0
    if x.dtype in _INTEGERS:
        # PAD copies numbers, whatever they stand for.
        if not (x.quantization and y.quantization and _same(x.quantization, y.quantization)):
            return None
        zero = int(y.quantization.zero_point[0])
    elif x.dtype != "float32":
        return None
    if len(pad.inputs) == 3 and pad.inputs[2] != ir.ABSENT:
        tensor, value = graph.tensors[pad.inputs[2]], _constant(graph, pad.inputs[2])
        if value is None or value.size != 1 or tensor.dtype != x.dtype or value.reshape(-1)[0] != zero:
            return None
        # What the operator refuses stays for it to refuse.
        if x.dtype in _INTEGERS and not (tensor.quantization and _same(tensor.quantization, y.quantization)):
            return None
    return [int(n) for n in amounts[1:3].reshape(-1)]


def _same(a: ir.Quantization, b: ir.Quantization | None) -> bool:
    """Whether both are the same single scale and zero point."""
    if b is None or not a.scale.size == b.scale.size == a.zero_point.size == b.zero_point.size == 1:
        return False
    return bool(a.scale[0] == b.scale[0] and a.zero_point[0] == b.zero_point[0])


def _constant(graph: ir.Graph, index: int) -> npt.NDArray[np.generic] | None:
    return None if index == ir.ABSENT else graph.tensors[index].data


def _weights(graph: ir.Graph, index: int, makers: dict[int, int]) -> ir.Tensor | None:
    """Return weights that are constant, perhaps in half precision; None for others, and where zero times one is NaN."""
    maker = graph.nodes[makers[index]] if index in makers else None
    if maker is not None and maker.op == "DEQUANTIZE" and maker.inputs:
        index = maker.inputs[0]
    if index == ir.ABSENT:
        return None
    tensor = graph.tensors[index]
    if len(tensor.shape) != 4 or tensor.data is None:
        return None
    if tensor.data.dtype.kind == "f" and not np.isfinite(tensor.data).all():
        return None
    return tensor
