"""From the intermediate representation to the native engine's ModelSpec."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from sanderling import _core, ir
from sanderling.errors import ModelError

Origins = Sequence[Sequence[Sequence[int]]]

_registered: dict[str, Callable[..., Any]] = {}


def register_op(name: str, fn: Callable[..., Any]) -> None:
    """Register a Python function for an operator that the engine does not have.

    Parameters
    ----------
    name : str
        The custom code in the model file, or the name of a builtin operator that sanderling lacks.
    fn : callable
        Called as ``fn(*inputs, **options)`` at each run: `inputs` are new numpy arrays (None for an optional input
        that was left out), `options` the operator's options by name. Returns one array, or a sequence with one array
        for each output, of the dtypes that the model declares; their shapes are free.

    Raises
    ------
    ValueError
        `name` is an operator of the engine itself.
    TypeError
        `fn` is not callable.
    """
    if not callable(fn):
        raise TypeError(f"register_op({name!r}, fn): fn is {type(fn).__name__}, not callable")
    if name in _core.operators():
        raise ValueError(f"register_op: {name} is an operator of the engine and cannot be replaced")
    _registered[name] = fn


def lower(model: ir.Model, isas: Mapping[int, str] | None = None, origins: Origins | None = None) -> _core.ModelSpec:
    """Build the native form of a model.

    `isas` has the best instruction set that a node of the main graph may use, by the node's index in the file.
    `origins` has the indices that each node of each graph stands for, where passes have changed the model.

    Raises
    ------
    ModelError
        Operators that the engine does not have (all are listed), tensors of unsupported types, or inconsistent
        quantization.
    """
    if model.native is not None and not isas:
        native: _core.ModelSpec = model.native
        return native
    known = set(_core.operators())
    unknown: dict[str, int] = {}
    for graph in model.graphs:
        for node in graph.nodes:
            if node.op not in _registered and node.op not in known:
                unknown[node.op] = unknown.get(node.op, 0) + 1
    if unknown:
        listed = ", ".join(f"{op} ({count}x)" for op, count in sorted(unknown.items()))
        raise ModelError(
            f"{model.source}: operators that sanderling does not have: {listed}. "
            "Register each with sanderling.register_op(name, function) before loading the model."
        )
    spec = _core.ModelSpec()
    try:
        for i, graph in enumerate(model.graphs):
            stands_for = [(k,) for k in range(len(graph.nodes))] if origins is None else origins[i]
            _lower_graph(spec, graph, stands_for, len(model.graphs) > 1, (isas or {}) if i == 0 else {})
        spec.validate()
    except _core.CoreError as e:
        raise ModelError(f"{model.source}: {e}") from None
    return spec


def file_operators(node: ir.Node) -> list[str]:
    """Return the operators of the file that a node stands for."""
    merged: list[str] = node.attributes.get("merged", []) if node.op == "LOOKUP_TABLE" and not node.custom else []
    return merged or [node.op]


def _lower_graph(
    spec: _core.ModelSpec, graph: ir.Graph, origins: Sequence[Sequence[int]], several: bool, isas: Mapping[int, str]
) -> None:
    index = spec.add_graph()
    used = {*graph.inputs, *graph.outputs}
    for node in graph.nodes:
        used.update(node.inputs, node.outputs, node.intermediates)
    for i, tensor in enumerate(graph.tensors):
        if i not in used:
            # Left over from conversion, perhaps of a type that no operator here takes.
            spec.add_tensor(
                graph=index, name=tensor.name, dtype="float32", shape=(0,), scale=(), zero_point=(), axis=0,
                is_variable=False, data=None,
            )  # fmt: skip
            continue
        q = tensor.quantization
        spec.add_tensor(
            graph=index,
            name=tensor.name,
            dtype=tensor.dtype,
            shape=tensor.shape,
            scale=[] if q is None else q.scale,
            zero_point=[] if q is None else q.zero_point,
            axis=0 if q is None else q.axis,
            is_variable=tensor.is_variable,
            data=None if tensor.data is None else np.ascontiguousarray(tensor.data),
        )
    prefix = f"graph {index} " if several else ""
    for origin, node in zip(origins, graph.nodes, strict=True):
        word = "operator" if len(origin) == 1 else "operators"
        spec.add_node(
            graph=index,
            op=node.op,
            name=f"{prefix}{word} {', '.join(map(str, origin))} ({', '.join(file_operators(node))})",
            inputs=node.inputs,
            outputs=node.outputs,
            intermediates=node.intermediates,
            attributes=node.attributes,
            function=_registered.get(node.op) if node.op not in _core.operators() else None,
            isa=isas.get(origin[-1], ""),
        )
    spec.set_ends(graph=index, inputs=graph.inputs, outputs=graph.outputs)
