"""A model as one HTML page: the graph drawn in SVG, details on a click. Nothing is loaded from elsewhere."""

from __future__ import annotations

import json
import os
from html import escape
from typing import Any

from sanderling.cli.layout import Layout, lay_out
from sanderling.cli.page_parts import SCRIPT, STYLE
from sanderling.cli.terminal import count_text, json_ready, shape_text

_ROW = 76
_HEIGHT = 42
_MARGIN = 24
_CHARACTER = 7.3
_HINT = "Click an operator for its attributes and tensors, a line for its tensor."

_KINDS = {
    "matrix": ("CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "FULLY_CONNECTED", "BATCH_MATMUL", "CONV_3D"),
    "pool": ("AVERAGE_POOL_2D", "MAX_POOL_2D", "L2_POOL_2D", "MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD",
             "REDUCE_ANY", "REDUCE_ALL", "ARG_MAX", "ARG_MIN", "TOPK_V2", "CUMSUM"),
    "move": ("RESHAPE", "SQUEEZE", "EXPAND_DIMS", "SHAPE", "TRANSPOSE", "CONCATENATION", "SPLIT", "SPLIT_V", "SLICE",
             "STRIDED_SLICE", "PAD", "PADV2", "MIRROR_PAD", "PACK", "UNPACK", "TILE", "FILL", "RANGE", "BROADCAST_TO",
             "GATHER", "GATHER_ND", "SCATTER_ND", "ONE_HOT", "REVERSE_V2", "RESIZE_BILINEAR", "SPACE_TO_DEPTH",
             "RESIZE_NEAREST_NEIGHBOR", "DEPTH_TO_SPACE", "SPACE_TO_BATCH_ND", "BATCH_TO_SPACE_ND"),
    "convert": ("QUANTIZE", "DEQUANTIZE", "CAST"),
    "state": ("SVDF", "UNIDIRECTIONAL_SEQUENCE_LSTM", "UNIDIRECTIONAL_SEQUENCE_RNN", "CALL_ONCE", "VAR_HANDLE",
              "READ_VARIABLE", "ASSIGN_VARIABLE", "IF", "WHILE"),
}  # fmt: skip
_KIND = {op: kind for kind, ops in _KINDS.items() for op in ops}


def render(report: dict[str, Any]) -> str:
    """Return the page for a report of `inspect.describe`."""
    name = os.path.basename(report["model"])
    facts = [
        ("file", "" if report["bytes"] is None else count_text(report["bytes"], "B")),
        ("operators", str(sum(report["operators"].values()))),
        ("multiply-adds", count_text(report["macs"])),
        ("parameters", count_text(report["parameters"])),
        ("constants", count_text(report["constant_bytes"], "B")),
    ]
    if report["memory"] is not None:
        facts.append(("arena", count_text(report["memory"]["arena_bytes"], "B")))
        facts.append(("lower bound", count_text(report["memory"]["lower_bound_bytes"], "B")))
    chips = "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in facts if v)
    problem = "" if report["problem"] is None else f'<p class="problem">No plan: {escape(report["problem"])}</p>'
    missing = {s["op"] for g in report["graphs"] for s in g["steps"] if s["supported"] is False}
    counts = " ".join(
        f'<li class="{"missing" if op in missing else _KIND.get(op, "other")}">{escape(op)} <b>{count}</b></li>'
        for op, count in report["operators"].items()
    )
    drawings = []
    for number, graph in enumerate(report["graphs"]):
        title = "" if len(report["graphs"]) == 1 else f"<h2>Graph {number} {escape(graph['name'])}</h2>"
        hidden = len(_constant_steps(graph))
        if hidden:
            title += f'<p class="note">{hidden} operators that only work on constants are not drawn.</p>'
        drawings.append(f'<section>{title}<div class="drawing">{_svg(graph, number)}</div></section>')
    # "<" in a name must not end the script element.
    data = json.dumps(json_ready(report["graphs"]), separators=(",", ":"), default=str).replace("<", "\\u003c")
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>{escape(name)}</title>
<style>{STYLE}</style>
</head>
<body>
<header>
<h1>{escape(name)}</h1>
<dl>{chips}</dl>
{problem}
<ul class="counts">{counts}</ul>
</header>
<main>
<div class="graphs">{"".join(drawings)}</div>
<aside id="details"><p class="hint">{_HINT}</p></aside>
</main>
<script type="application/json" id="data">{data}</script>
<script>{SCRIPT}</script>
</body>
</html>
"""


def _svg(graph: dict[str, Any], number: int) -> str:
    """Draw one graph: its inputs, operators and outputs as boxes, tensors as lines."""
    inputs, outputs = graph["inputs"], graph["outputs"]
    hidden = _constant_steps(graph)
    steps = [s for s in graph["steps"] if s["index"] not in hidden]
    boxes = [
        *(_end_box(graph, i, "input", f"{number}:t{i}") for i in inputs),
        *(_step_box(step, f"{number}:s{step['index']}") for step in steps),
        *(_end_box(graph, i, "output", f"{number}:t{i}") for i in outputs),
    ]
    maker = {tensor: box for box, tensor in enumerate(inputs)}
    edges: list[tuple[int, int, int]] = []
    for box, step in enumerate(steps, len(inputs)):
        edges.extend((maker[i], box, i) for i in dict.fromkeys(step["inputs"]) if i in maker)
        maker.update(dict.fromkeys(step["outputs"], box))
    edges.extend((maker[i], box, i) for box, i in enumerate(outputs, len(inputs) + len(steps)) if i in maker)
    layout = lay_out([b["width"] for b in boxes], [(a, b) for a, b, _ in edges])
    most = max((s["macs"] for s in steps), default=0) or 1
    width, height = layout.width + 2 * _MARGIN, layout.depth * _ROW + 2 * _MARGIN - (_ROW - _HEIGHT)
    parts = [f'<svg width="{width:.0f}" height="{max(height, 0)}" viewBox="0 0 {width:.0f} {max(height, 0)}">']
    for k, (a, b, tensor) in enumerate(edges):
        t = graph["tensors"][tensor]
        path = _path(layout, a, b, layout.bends[k])
        tip = escape(f"{t['name']}\n{shape_text(t['shape'])} {t['dtype']}")
        parts.append(
            f'<g class="edge" data-id="{number}:t{tensor}"><title>{tip}</title>'
            f'<path class="wide" d="{path}"/><path d="{path}"/></g>'
        )
    for k, drawn in enumerate(boxes):
        parts.append(_box(drawn, layout.x[k] + _MARGIN, layout.layers[k] * _ROW + _MARGIN, most))
    return "".join([*parts, "</svg>"])


def _constant_steps(graph: dict[str, Any]) -> set[int]:
    """Steps that only work on constants, such as the DEQUANTIZE of float16 weights: drawn, they hide all others."""
    constant = {i for i, t in enumerate(graph["tensors"]) if t.get("constant")} | {-1}
    found = set()
    for step in graph["steps"]:
        if (
            step["inputs"]
            and constant.issuperset(step["inputs"])
            and not set(step["outputs"]) & set(graph["outputs"])
            and _KIND.get(step["op"]) != "state"
        ):
            constant.update(step["outputs"])
            found.add(step["index"])
    return found


def _step_box(step: dict[str, Any], key: str) -> dict[str, Any]:
    shape = "" if step["shape"] is None else f"{shape_text(step['shape'])} {step['dtype']}"
    kind = "missing" if step["supported"] is False else _KIND.get(step["op"], "other")
    costs = [
        f"{count_text(step[what])} {label}"
        for what, label in (("macs", "multiply-adds"), ("parameters", "parameters"))
        if step[what]
    ]
    tip = "\n".join([f"{step['index']}: {step['op']}", step["name"], shape, *costs])
    return _measured({"key": key, "kind": kind, "title": step["op"], "text": shape, "tip": tip, "macs": step["macs"]})


def _end_box(graph: dict[str, Any], tensor: int, kind: str, key: str) -> dict[str, Any]:
    t = graph["tensors"][tensor]
    text = f"{shape_text(t['shape'])} {t['dtype']}"
    title = t["name"] if len(t["name"]) <= 36 else "…" + t["name"][-35:]
    return _measured({"key": key, "kind": kind, "title": title, "text": text, "tip": f"{kind} {t['name']}", "macs": 0})


def _measured(box: dict[str, Any]) -> dict[str, Any]:
    box["width"] = max(len(box["title"]), len(box["text"]), 8) * _CHARACTER + 20
    return box


def _box(box: dict[str, Any], x: float, y: float, most: int) -> str:
    left, width = x - box["width"] / 2, box["width"]
    radius = 20 if box["kind"] in ("input", "output") else 5
    bar = ""
    if box["macs"]:
        length = max((width - 12) * box["macs"] / most, 1)
        bar = f'<rect class="bar" x="{left + 6:.1f}" y="{y + _HEIGHT - 5}" width="{length:.1f}" height="2.5"/>'
    return (
        f'<g class="node {box["kind"]}" data-id="{box["key"]}" tabindex="0"><title>{escape(box["tip"])}</title>'
        f'<rect x="{left:.1f}" y="{y}" width="{width:.1f}" height="{_HEIGHT}" rx="{radius}"/>'
        f'<text class="op" x="{x:.1f}" y="{y + 17}">{escape(box["title"])}</text>'
        f'<text x="{x:.1f}" y="{y + 32}">{escape(box["text"])}</text>{bar}</g>'
    )


def _path(layout: Layout, a: int, b: int, bends: list[tuple[float, int]]) -> str:
    """A line from the bottom of one box to the top of another, upright at both and beside the boxes it passes."""
    x, y = layout.x[a] + _MARGIN, layout.layers[a] * _ROW + _MARGIN + _HEIGHT
    parts = [f"M{x:.1f} {y}"]
    stops = [(bx + _MARGIN, layer * _ROW + _MARGIN, True) for bx, layer in bends]
    stops.append((layout.x[b] + _MARGIN, layout.layers[b] * _ROW + _MARGIN, False))
    for x, top, passing in stops:
        middle = (y + top) / 2
        parts.append(f"C{_last_x(parts)} {middle} {x:.1f} {middle} {x:.1f} {top}")
        y = top
        if passing:
            y = top + _HEIGHT
            parts.append(f"L{x:.1f} {y}")
    return "".join(parts)


def _last_x(parts: list[str]) -> str:
    return parts[-1].lstrip("MLC").split()[-2]
