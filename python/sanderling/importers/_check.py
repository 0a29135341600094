"""Checks that hold for a whole graph: indices, order, and calls between graphs."""

from __future__ import annotations

import numpy as np

from sanderling import ir, tflite_schema
from sanderling._flatbuffer import Reader


def check_graph(reader: Reader, graph: ir.Graph, place: str) -> None:
    """Check that every index is a tensor's and that operators only use what is known before them.

    Tensors without elements that nothing computes become (empty) constants.
    """
    tensors = graph.tensors
    count = len(tensors)

    def check_indices(indices: list[int], field: str, optional: bool = False) -> None:
        for index in indices:
            if not 0 <= index < count and not (optional and index == ir.ABSENT):
                reader.fail(field, f"{index} is not one of the {count} tensors")

    known = [tensor.data is not None or tensor.is_variable for tensor in tensors]
    computed = [False] * count
    reader.place = place
    check_indices(graph.inputs, "inputs")
    check_indices(graph.outputs, "outputs")
    for index in graph.inputs:
        if computed[index]:
            reader.fail("inputs", f"tensor {index} is listed twice")
        known[index] = computed[index] = True

    def check_known(index: int, field: str) -> None:
        if known[index]:
            return
        tensor = tensors[index]
        if 0 in tensor.shape and tensor.dtype not in ("resource", "variant", "string"):
            packed = tensor.dtype in ir.PACKED_BITS
            tensor.data = np.zeros(0 if packed else tensor.shape, ir.DTYPES[tensor.dtype])
            known[index] = True
            return
        reader.fail(field, f"tensor {index} ({tensor.name!r}) is used but nothing before computes it")

    for number, node in enumerate(graph.nodes):
        reader.place = f"{place}: operator {number} ({node.op})"
        check_indices(node.inputs, "inputs", optional=True)
        check_indices(node.outputs, "outputs")
        check_indices(node.intermediates, "intermediates", optional=True)
        for index in node.inputs:
            if index != ir.ABSENT:
                check_known(index, "inputs")
        for index in node.outputs:
            if computed[index]:
                reader.fail("outputs", f"tensor {index} ({tensors[index].name!r}) is computed twice or is an input")
            if known[index]:
                reader.fail("outputs", f"tensor {index} ({tensors[index].name!r}) is a constant or a variable")
            computed[index] = known[index] = True
    reader.place = place
    for index in graph.outputs:
        check_known(index, "outputs")


def check_graph_calls(reader: Reader, graphs: list[ir.Graph]) -> None:
    """Check that operators call graphs of the model, and that no graph calls itself, directly or not."""
    calls: list[list[int]] = []
    for number, graph in enumerate(graphs):
        called: set[int] = set()
        for position, node in enumerate(graph.nodes):
            operator = None if node.custom else tflite_schema.OPERATORS[node.op]
            if operator is None or operator.options is None:
                continue
            for field in operator.options.fields:
                if not field.is_graph:
                    continue
                index = node.attributes[field.name]
                if not 0 <= index < len(graphs):
                    reader.place = f"subgraph {number}: operator {position} ({node.op})"
                    reader.fail(field.name, f"{index} is not one of the {len(graphs)} subgraphs")
                called.add(index)
        calls.append(sorted(called))

    # Graphs whose callees are all settled become settled, until nothing changes; a cycle never settles.
    callers: list[list[int]] = [[] for _ in graphs]
    for caller, called_graphs in enumerate(calls):
        for index in called_graphs:
            callers[index].append(caller)
    waiting = [len(called_graphs) for called_graphs in calls]
    ready = [index for index, open_calls in enumerate(waiting) if open_calls == 0]
    settled = 0
    while ready:
        settled += 1
        for caller in callers[ready.pop()]:
            waiting[caller] -= 1
            if waiting[caller] == 0:
                ready.append(caller)
    if settled < len(graphs):
        reader.place = f"subgraph {next(i for i, open_calls in enumerate(waiting) if open_calls)}"
        reader.fail("operators", "the subgraph calls itself, directly or through others")
