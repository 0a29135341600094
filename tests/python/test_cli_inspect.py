"""`sanderling inspect`: what it tells, its JSON and its page."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import sanderling
from sanderling.cli.costs import macs
from sanderling.cli.layout import GAP, lay_out
from sanderling.importers import load_ir
from tests.support.builder import Net, T, build, build_ir, const
from tests.support.commands import json_of, sanderling_, write
from tests.support.shared import MODELS, ROOT, shared_model

EFFNET = str(ROOT / "models" / "effnet_lite0_int8.tflite")


def test_inspect() -> None:
    report = json_of("inspect", EFFNET)
    assert report["operators"]["CONV_2D"] == 33
    assert report["problem"] is None
    assert report["memory"]["arena_bytes"] >= report["memory"]["lower_bound_bytes"] > 400_000
    first = report["graphs"][0]["steps"][0]
    assert (first["op"], first["shape"], first["macs"]) == ("CONV_2D", [1, 112, 112, 32], 112 * 112 * 32 * 27)
    assert first["parameters"] == 32 * 27 + 32
    text = sanderling_("inspect", EFFNET).stdout
    assert "60 operators, 385 MMAC, 4.63 M parameters" in text
    assert "arena" in text


def test_inspect_tells_what_the_engine_lacks(tmp_path: Path) -> None:
    model = write(tmp_path / "m.tflite", build("Strange", [T("float32", (3,))], T("float32", (3,)), custom=True, k=2))
    report = json_of("inspect", model)
    assert report["memory"] is None
    assert "Strange (1x)" in report["problem"]
    assert report["graphs"][0]["steps"][0]["supported"] is False
    assert report["graphs"][0]["steps"][0]["attributes"] == {"k": 2}
    assert "no plan: operators that sanderling does not have: Strange (1x)" in sanderling_("inspect", model).stdout


@pytest.mark.parametrize("name", MODELS)
def test_multiply_adds_agree_with_the_engine(name: str) -> None:
    graph = load_ir(shared_model(name)).graphs[0]
    model = sanderling.load(shared_model(name), fuse=False)  # the file's steps
    steps = model._runner.steps(0)
    assert [s["macs"] for s in steps if not s["folded"]] == [
        macs(graph, node) for node, s in zip(graph.nodes, steps, strict=True) if not s["folded"]
    ]


class _Page(HTMLParser):
    """Collects tags, attributes that load something, and the JSON of the page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: dict[str, int] = {}
        self.ids: list[str] = []
        self.loads: list[str] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] = self.tags.get(tag, 0) + 1
        self.loads += [f"{k}={v}" for k, v in attrs if k in ("src", "href", "xlink:href", "data", "srcset", "action")]
        self.ids += [v for k, v in attrs if k == "data-id" and v]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def page_of(model: str | Path, tmp_path: Path) -> _Page:
    out = tmp_path / "page.html"
    assert sanderling_("inspect", model, "--html", out).stdout == ""
    page = _Page()
    page.feed(out.read_text("utf-8"))
    return page


def test_inspect_html(tmp_path: Path) -> None:
    page = page_of(EFFNET, tmp_path)
    assert page.loads == []
    assert page.tags["svg"] == 1
    # 60 operators, 9 of them with two computed inputs, and both ends.
    assert len([i for i in page.ids if ":s" in i]) == 60
    assert len([i for i in page.ids if ":t" in i]) == 2 + 60 + 9 + 1
    data = next(t for t in page.texts if t.startswith("[{"))
    assert json.loads(data)[0]["steps"][0]["op"] == "CONV_2D"


def test_inspect_html_survives_hostile_names(tmp_path: Path) -> None:
    name = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&\x00\x1b[2J"
    model = build_ir(name, [T("float32", (2,), name=name)], T("float32", (2,), name=name), custom=True, text=name)
    model.description = name
    path = write(tmp_path / "h.tflite", model)
    page = page_of(path, tmp_path)
    assert page.loads == []
    assert page.tags["script"] == 2
    assert "img" not in page.tags
    assert "\x1b" not in sanderling_("inspect", path).stdout


def test_inspect_html_of_several_graphs_and_of_nothing(tmp_path: Path) -> None:
    net, branch = Net("main"), Net("branch")
    leaf = branch.input(T("float32", (1,)))
    branch.outputs = [leaf]
    x = net.input(T("float32", (1,)))
    page = page_of(write(tmp_path / "m.tflite", net.model([x], subgraphs=[branch])), tmp_path)
    assert page.tags["svg"] == 2
    page_of(write(tmp_path / "e.tflite", Net().model([])), tmp_path)


def test_inspect_html_has_valid_json(tmp_path: Path) -> None:
    odd = const(np.array([np.nan, np.inf, -np.inf], np.float32))
    model = build("MUL", [T("float32", (3,)), odd], T("float32", (3,)), fused_activation_function="NONE")
    page = page_of(write(tmp_path / "m.tflite", model), tmp_path)
    graphs = json.loads(next(t for t in page.texts if t.startswith("[{")), parse_constant=pytest.fail)
    assert graphs[0]["tensors"][1]["value"] == ["nan", "inf", "-inf"]
    json.loads(sanderling_("inspect", tmp_path / "m.tflite", "--json").stdout, parse_constant=pytest.fail)


def test_layout_keeps_boxes_apart_and_edges_downward() -> None:
    rng = np.random.default_rng(3)
    for count in (0, 1, 2, 30, 200):
        edges = sorted(
            {tuple(sorted(e)) for e in rng.integers(0, count, (2 * count, 2)).tolist() if e[0] != e[1]} if count else []
        )
        widths = rng.uniform(40, 200, count).tolist()
        layout = lay_out(widths, edges)
        for (a, b), bends in zip(edges, layout.bends, strict=True):
            assert [layout.layers[a], *(layer for _, layer in bends), layout.layers[b]] == list(
                range(layout.layers[a], layout.layers[b] + 1)
            )
        spans: dict[int, list[tuple[float, float]]] = {}
        for n in range(count):
            left = layout.x[n] - widths[n] / 2
            assert -1e-6 <= left <= layout.width
            spans.setdefault(layout.layers[n], []).append((left, left + widths[n]))
        for row in spans.values():
            row.sort()
            assert all(b[0] - a[1] >= GAP - 1e-6 for a, b in pairwise(row))


def test_a_page_is_not_written_over_the_model(tmp_path: Path) -> None:
    content = build("RELU", [T("float32", (3,))], T("float32", (3,)))
    model = write(tmp_path / "m.tflite", content)
    assert "is read, too" in sanderling_("inspect", model, "--html", model, code=2).stderr
    assert (tmp_path / "m.tflite").read_bytes() == content
    sanderling_("inspect", model, "--operators", "--html", "x", code=2)
