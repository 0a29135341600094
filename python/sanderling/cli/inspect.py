"""`sanderling inspect`: what is in a model."""

from __future__ import annotations

import logging
import os
from typing import Any

import click
from rich.text import Text

from sanderling import ir
from sanderling._atomic import write_atomically
from sanderling.cli.costs import elements, macs, parameters
from sanderling.cli.terminal import (
    Sheet,
    check_output,
    console,
    count_text,
    json_option,
    plain,
    print_json,
    progress,
    shape_text,
)
from sanderling.errors import ModelError
from sanderling.importers import load_ir

logger = logging.getLogger(__name__)

_LISTED = 8
"""Values of small constants and quantization parameters that are written out."""


@click.command(short_help="List a model's steps; draw its graph.")
@click.argument("model")
@click.option("--html", metavar="OUT", help="Write one self-contained page with the graph drawn.")
@click.option("--operators", is_flag=True, help="Print the operators only, for the build option SANDERLING_OPERATORS.")
@json_option
def inspect(model: str, html: str | None, operators: bool, as_json: bool) -> None:
    """Show the steps of MODEL with shapes, multiply-adds and parameters, and the memory of its plan.

    Models with operators that sanderling lacks are shown too, without a plan.
    """
    if operators and html is not None:
        raise click.UsageError("--operators and --html are one too many")
    if html is not None:
        check_output(html, [model])
    with progress(f"reading {os.path.basename(model)}"):
        report = describe(load_ir(model))
    if operators:
        print_json(sorted(report["operators"])) if as_json else click.echo(",".join(sorted(report["operators"])))
        return
    if html is not None:
        from sanderling.cli.page import render

        write_atomically(html, render(report).encode())
        logger.info("wrote %s", html)
    if as_json:
        print_json(report)
    elif html is None:
        _show(report)


def describe(model: ir.Model) -> dict[str, Any]:
    """Return everything about a model, ready for JSON."""
    memory, problem = _plan(model)
    known = _engine_operators()
    graphs = [_graph(graph, known) for graph in model.graphs]
    counts: dict[str, int] = {}
    for graph in model.graphs:
        for node in graph.nodes:
            counts[node.op] = counts.get(node.op, 0) + 1
    constants = [t.data.nbytes for g in model.graphs for t in g.tensors if t.data is not None]
    return {
        "model": model.source,
        "bytes": os.path.getsize(model.source) if os.path.isfile(model.source) else None,
        "description": model.description,
        "operators": dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))),
        "macs": sum(step["macs"] for step in graphs[0]["steps"]),
        "parameters": sum(graph["parameters"] for graph in graphs),
        "constant_bytes": sum(constants),
        "memory": memory,
        "problem": problem,
        "signatures": {
            s.key: {"graph": s.graph, "inputs": list(s.inputs), "outputs": list(s.outputs)} for s in model.signatures
        },
        "graphs": graphs,
    }


def _plan(model: ir.Model) -> tuple[dict[str, int] | None, str | None]:
    """Memory of the plan, or why there is none."""
    try:
        from sanderling.model import Model

        memory = Model(model, threads=1).memory
    except (ModelError, ImportError) as e:
        return None, str(e).removeprefix(f"{model.source}: ")
    return {"arena_bytes": memory.arena, "lower_bound_bytes": memory.lower_bound}, None


def _engine_operators() -> set[str] | None:
    try:
        from sanderling import _core
    except ImportError:
        return None
    return set(_core.operators())


def _graph(graph: ir.Graph, known: set[str] | None) -> dict[str, Any]:
    steps = []
    distinct: set[int] = set()
    for number, node in enumerate(graph.nodes):
        own = parameters(graph, node)
        distinct |= own
        first = graph.tensors[node.outputs[0]] if node.outputs else None
        steps.append(
            {
                "index": number,
                "op": node.op,
                "name": "" if first is None else first.name,
                "shape": None if first is None else list(first.shape),
                "dtype": None if first is None else first.dtype,
                "macs": macs(graph, node),
                "parameters": elements(graph, own),
                "supported": None if known is None else node.op in known,
                "inputs": node.inputs,
                "outputs": node.outputs,
                "attributes": {k: _value(v) for k, v in node.attributes.items()},
            }
        )
    return {
        "name": graph.name,
        "parameters": elements(graph, distinct),
        "inputs": graph.inputs,
        "outputs": graph.outputs,
        "tensors": [_tensor(t) for t in graph.tensors],
        "steps": steps,
    }


def _tensor(tensor: ir.Tensor) -> dict[str, Any]:
    result: dict[str, Any] = {"name": tensor.name, "dtype": tensor.dtype, "shape": list(tensor.shape)}
    if tensor.shape_signature is not None and -1 in tensor.shape_signature:
        result["free"] = list(tensor.shape_signature)
    q = tensor.quantization
    if q is not None:
        result["quantization"] = {
            "scale": q.scale[:_LISTED].tolist(),
            "zero_point": q.zero_point[:_LISTED].tolist(),
            "channels": int(q.scale.size),
            "axis": q.axis,
        }
    if tensor.data is not None:
        result["constant"] = True
        listable = tensor.data.dtype.kind in "biuf" and tensor.dtype not in (*ir.PACKED_BITS, "string")
        if listable and tensor.data.size <= _LISTED:
            result["value"] = tensor.data.tolist()
    if tensor.is_variable:
        result["variable"] = True
    return result


def _value(value: Any) -> Any:
    return f"{len(value)} bytes" if isinstance(value, bytes) else value


def _show(report: dict[str, Any]) -> None:
    screen = console()
    size = "" if report["bytes"] is None else f"  {count_text(report['bytes'], 'B')}"
    screen.print(Text(os.path.basename(report["model"]) + size, style="bold"))
    if report["description"]:
        screen.print(Text(plain(report["description"])))
    for number, graph in enumerate(report["graphs"]):
        if number:
            screen.print()
        if len(report["graphs"]) > 1:
            screen.print(Text(plain(f"graph {number} {graph['name']}"), style="bold"))
        ends = Sheet("", "dtype", "shape", "quantization", "name", elastic="name")
        for kind in ("inputs", "outputs"):
            for i in graph[kind]:
                t = graph["tensors"][i]
                shape = shape_text(t.get("free", t["shape"])).replace("-1", "?")
                ends.add(kind[:-1], t["dtype"], shape, quantization_text(t), t["name"])
        ends.show(screen)
        screen.print()
        steps = Sheet(">step", "operator", "shape", "dtype", ">MAC", ">params", "name", elastic="name")
        for s in graph["steps"]:
            steps.add(
                s["index"],
                s["op"],
                None if s["shape"] is None else shape_text(s["shape"]),
                s["dtype"],
                count_text(s["macs"]) if s["macs"] else None,
                count_text(s["parameters"]) if s["parameters"] else None,
                s["name"],
                style="red" if s["supported"] is False else "",
            )
        steps.show(screen)
    screen.print()
    steps_total = sum(report["operators"].values())
    screen.print(
        f"{steps_total} operators, {count_text(report['macs'], 'MAC')}, {count_text(report['parameters'])} parameters, "
        f"constants {count_text(report['constant_bytes'], 'B')}"
    )
    if report["memory"] is not None:
        arena, bound = report["memory"]["arena_bytes"], report["memory"]["lower_bound_bytes"]
        screen.print(f"arena {count_text(arena, 'B')} (lower bound {count_text(bound, 'B')})")
    else:
        screen.print(Text(plain(f"no plan: {report['problem']}"), style="red"))


def quantization_text(tensor: dict[str, Any]) -> str:
    """Return a tensor's quantization in a few words."""
    q = tensor.get("quantization")
    if q is None:
        return ""
    if q["channels"] > 1:
        return f"{q['channels']} channels along axis {q['axis']}"
    return f"{q['scale'][0]:.6g} * (q - {q['zero_point'][0]})".replace("- -", "+ ")
