"""Run the model benchmarks and write their results into docs/performance.md and docs/performance-ISA.svg.

    python -m benchmarks.report                     # one and two threads, some minutes
    python -m benchmarks.report --threads 1 --seconds 0.5 -k mobilenet

The page has a part for each best instruction set of the machines that were measured, between markers: this machine's is
replaced, or added behind the others. The rest of the page is written by hand. Compare ratios, never times.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "performance.md"
END = "<!-- end models {} -->"
KINDS = ("int8", "uint8", "float")
Result = dict[str, Any]


def measure(threads: int, seconds: float, chosen: str) -> list[Result]:
    """Return what benchmarks/models recorded for each model."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.json"
        command = [sys.executable, "-m", "pytest", "-q", "benchmarks/models", f"--benchmark-json={out}"]
        if chosen:
            command += ["-k", chosen]
        environment = {"SANDERLING_BENCH_THREADS": str(threads), "SANDERLING_BENCH_SECONDS": str(seconds)}
        subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}, check=True)
        return [b["extra_info"] for b in json.loads(out.read_text())["benchmarks"]]


def peak_rss(engine: str, model: str) -> tuple[float, float]:
    """Return by how many MB a model that is loaded and run once raises the peak RSS of a new process.

    Over the interpreter with numpy, and over the same with the engine imported.
    """
    script = {
        "sanderling": """
import sanderling
from sanderling import _core
imported = peak()
m = sanderling.load(sys.argv[1], threads=1)
m(*[np.zeros(t.shape, t.dtype) for t in m.inputs])
""",
        "LiteRT": """
from ai_edge_litert.interpreter import Interpreter
imported = peak()
i = Interpreter(sys.argv[1], num_threads=1)
i.allocate_tensors()
for t in i.get_input_details(): i.set_tensor(t["index"], np.zeros(t["shape"], t["dtype"]))
i.invoke()
""",
    }[engine]
    # Writing 5 resets the peak, so that what the imports took for a while does not count.
    start = """
import re, sys, numpy as np
def peak():
    status = open("/proc/self/status").read()
    open("/proc/self/clear_refs", "w").write("5")
    return int(re.search(r"VmHWM:\\s*(\\d+)", status)[1])
peak()
before = peak()
"""
    end = "at_last = peak()\nprint(max(at_last, imported) - before, at_last - imported)\n"
    run = [sys.executable, "-c", f"{start}{script}{end}", model]
    over = subprocess.run(run, check=True, capture_output=True, text=True).stdout.split()[-2:]
    return int(over[0]) / 1024, int(over[1]) / 1024


def geometric_mean(values: Iterable[float]) -> float:
    return float(np.exp(np.mean(np.log(list(values)))))


def table(results: list[Result]) -> list[str]:
    """Lines of a Markdown table, and the means under it."""
    peers = [p for p in ("LiteRT", "ONNX Runtime", "reference") if any(p in r["ratio"] for r in results)]
    lines = [
        "| model | kind | sanderling, ms | " + " | ".join(f"{p}, ms | x {p}" for p in peers) + " |",
        "|---|---|---:|" + "---:|---:|" * len(peers),
    ]
    for kind in KINDS:
        for r in (r for r in results if r["kind"] == kind):
            cells = [f"{r['ms'][p]:.3f} | {r['ratio'][p]:.2f}" if p in r["ratio"] else " | " for p in peers]
            lines.append(f"| {r['model']} | {kind} | {r['ms']['sanderling']:.3f} | " + " | ".join(cells) + " |")
    lines.append("")
    for kind in KINDS:
        ratios = [r["ratio"]["LiteRT"] for r in results if r["kind"] == kind]
        if ratios:
            worst = max((r for r in results if r["kind"] == kind), key=lambda r: r["ratio"]["LiteRT"])
            lines.append(
                f"- {kind}: geometric mean {geometric_mean(ratios):.2f}x LiteRT's time "
                f"({1 / geometric_mean(ratios):.2f} times as fast); slowest {worst['model']}, "
                f"{worst['ratio']['LiteRT']:.2f}x."
            )
    return lines


def scaling(one: list[Result], two: list[Result]) -> list[str]:
    """How much faster two threads are."""
    second = {r["model"]: r for r in two}
    pairs = [(r, second[r["model"]]) for r in one if r["model"] in second]
    lines = ["| model | sanderling, 1 -> 2 threads | LiteRT, 1 -> 2 threads |", "|---|---:|---:|"]
    for a, b in pairs:
        gains = [a["ms"][e] / b["ms"][e] for e in ("sanderling", "LiteRT")]
        lines.append(f"| {a['model']} | {gains[0]:.2f}x | {gains[1]:.2f}x |")
    return lines


def memory(results: list[Result]) -> list[str]:
    from tests.support.shared import shared_model

    lines = [
        "| model | sanderling, MB | LiteRT, MB | engine imported before: sanderling | LiteRT |",
        "|---|---:|---:|---:|---:|",
    ]
    for r in results:
        path = str(shared_model(r["model"]))
        ours, theirs = peak_rss("sanderling", path), peak_rss("LiteRT", path)
        lines.append(f"| {r['model']} | {ours[0]:.1f} | {theirs[0]:.1f} | {ours[1]:.1f} | {theirs[1]:.1f} |")
    return lines


def draw(results: list[Result], path: Path) -> None:
    """A bar for each model: LiteRT's time over sanderling's."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams.update({"svg.hashsalt": "sanderling", "font.size": 9})
    from matplotlib import pyplot

    ordered = sorted(results, key=lambda r: (KINDS.index(r["kind"]), r["ratio"]["LiteRT"]), reverse=True)
    colours = {"int8": "#2a7ab0", "uint8": "#e08a2e", "float": "#8a8a8a"}
    figure, axes = pyplot.subplots(figsize=(8, 0.3 * len(ordered) + 1.2))
    speeds = [1 / r["ratio"]["LiteRT"] for r in ordered]
    bars = axes.barh([r["model"] for r in ordered], speeds, color=[colours[r["kind"]] for r in ordered])
    axes.bar_label(bars, [f"{s:.2f}" for s in speeds], padding=3)
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_xlabel("times as fast as LiteRT (XNNPACK), one thread")
    axes.margins(x=0.1)
    axes.legend([pyplot.Rectangle((0, 0), 1, 1, color=colours[k]) for k in KINDS], KINDS, loc="lower right")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def with_part(page: str, isa: str, text: str) -> str:
    """Return the page with the part of an instruction set replaced, or added behind the last one there is."""
    begin, end = f"<!-- begin models {isa} -->", END.format(isa)
    part = f"{begin}\n\n{text}\n\n{end}"
    if begin in page:
        head, rest = page.split(begin)
        return head + part + rest.split(end)[1]
    ends = list(re.finditer(END.format(r"\w+"), page))
    at = ends[-1].end() if ends else len(page)
    return f"{page[:at]}\n\n## Best instruction set: {isa}\n\n{part}{page[at:]}"


def machine() -> str:
    cpu = re.search(r"model name\s*:\s*(.*)", Path("/proc/cpuinfo").read_text())
    versions = [f"{p} {importlib.metadata.version(p)}" for p in ("ai-edge-litert", "numpy") if _has(p)]
    from sanderling import _core

    return (
        f"{datetime.date.today()}, {cpu[1] if cpu else platform.machine()}, {os.cpu_count()} cores (shared), best "
        f"instruction set {_core.available_isas()[0]}, Python {platform.python_version()}, {', '.join(versions)}."
    )


def _has(package: str) -> bool:
    try:
        importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--seconds", type=float, default=2.0, help="for each model and number of threads")
    parser.add_argument("-k", default="", help="as pytest's -k; the page is then printed, not written")
    options = parser.parse_args()
    runs = {n: measure(n, options.seconds, options.k) for n in options.threads}
    lines = [machine(), ""]
    for threads, results in runs.items():
        lines += [f"### {threads} thread{'s' if threads > 1 else ''}", "", *table(results), ""]
    first = next(iter(runs.values()))
    if len(runs) > 1:
        lines += ["### From one thread to two", "", *scaling(runs[options.threads[0]], runs[options.threads[1]]), ""]
    lines += ["### Memory: peak RSS over the interpreter's own", "", *memory(first)]
    text = "\n".join(lines)
    if options.k:
        print(text)
        return
    from sanderling import _core

    isa = _core.available_isas()[0]
    picture = PAGE.with_name(f"performance-{isa}.svg")
    shown = f"![Speed of each model, as a multiple of LiteRT's]({picture.name})"
    PAGE.write_text(with_part(PAGE.read_text(), isa, f"{shown}\n\n{text}"))
    draw(first, picture)
    print(f"wrote {PAGE.relative_to(ROOT)} and {picture.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
