"""A comparison of devices and models as one HTML page. Nothing is loaded from elsewhere, and it has no script."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from html import escape
from typing import Any

from sanderling.cli.terminal import count_text, ms_text

_STYLE = """
:root { --ink: #1d2730; --soft: #62707c; --paper: #f7f8f9; --card: #fff; --line: #d7dde2; --mark: #1f6fb5;
  --bar: #cfe2f7; --warn: #b3541e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e9ed; --soft: #98a5b0; --paper: #14191e; --card: #1c232a;
  --line: #323c45; --mark: #6db4f2; --bar: #1f3f61; --warn: #f0a070; } }
* { box-sizing: border-box; }
body { margin: 0; color: var(--ink); background: var(--paper); font: 14px/1.45 system-ui, sans-serif; }
header { padding: 18px 24px 12px; background: var(--card); border-bottom: 1px solid var(--line); }
h1 { margin: 0 0 4px; font-size: 20px; } h2 { margin: 0 0 8px; font-size: 16px; overflow-wrap: anywhere; }
h3 { margin: 14px 0 6px; font-size: 13px; color: var(--soft); }
p { margin: 2px 0; color: var(--soft); } main { padding: 4px 24px 24px; }
section { margin: 18px 0 0; padding: 14px 18px; background: var(--card); border: 1px solid var(--line);
  border-radius: 6px; overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th { text-align: left; font-size: 12px; color: var(--soft); font-weight: 600; vertical-align: bottom; }
th, td { padding: 3px 14px 3px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td.n, th.n { text-align: right; white-space: nowrap; } td:first-child { white-space: nowrap; }
td.bar { min-width: 130px; }
td.bar div { height: 12px; margin-top: 4px; border-radius: 2px; background: var(--mark); }
td.share { background: linear-gradient(90deg, var(--bar) var(--share), transparent var(--share)); padding-left: 6px; }
.warn { color: var(--warn); } .name { overflow-wrap: anywhere; max-width: 340px; font-size: 12px; color: var(--soft); }
summary { cursor: pointer; margin-top: 12px; color: var(--mark); }
ul { margin: 4px 0 0; padding-left: 18px; }
"""


def render(report: dict[str, Any]) -> str:
    """Return the page for a report of `bench --device`."""
    results = report["results"]
    models = list(dict.fromkeys(r["model"] for r in results))
    title = f"{_many(len(models), 'model')} on {_many(len({r['device'] for r in results}), 'device')}"
    failures = "".join(f"<li>{escape(f['error'])}</li>" for f in report["failures"])
    parts = [_model(m, [r for r in results if r["model"] == m]) for m in models]
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{escape(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<header>
<h1>{escape(title)}</h1>
<p>sanderling {escape(report["sanderling"])}, {escape(report["made"])}</p>
{f'<ul class="warn">{failures}</ul>' if failures else ""}
</header>
<main>
{"".join(parts)}
{_devices(results)}
</main>
</body>
</html>
"""


def _model(name: str, results: Sequence[dict[str, Any]]) -> str:
    """One model on all devices: times, then operators."""
    slowest = max(r["bench"]["median_ms"] for r in results) or 1
    rows = []
    for r in results:
        b = r["bench"]
        runs = sorted(b["runs_ms"])
        trust = "yes" if r["trustworthy"] else f'<span class="warn">no: {escape("; ".join(r["doubts"]))}</span>'
        width = f'<div style="width:{100 * b["median_ms"] / slowest:.1f}%"></div>'
        rows.append(
            f"<tr><td>{escape(r['device'])}</td>{_number(b['threads'])}"
            f"<td>{escape(', '.join(map(str, r['cores'])) if r['cores'] else '')}</td><td>{escape(b['isa'])}</td>"
            f'{_number(ms_text(statistics.median(runs)))}<td class="bar">{width}</td>'
            f"{_number(ms_text(runs[min(len(runs) * 9 // 10, len(runs) - 1)]))}{_number(ms_text(runs[0]))}"
            f"{_number(len(runs))}{_number(ms_text(b['load_ms']))}{_number(count_text(b['arena_bytes'], 'B'))}"
            f"<td>{escape(b['outputs'])}</td><td>{trust}</td></tr>"
        )
    head = _head("device", ">threads", "cores", "isa", ">median ms", "", ">p90 ms", ">min ms", ">runs", ">load ms",
                 ">arena", "outputs", "trustworthy")  # fmt: skip
    return (
        f"<section><h2>{escape(name)}</h2><table>{head}{''.join(rows)}</table>"
        f"<h3>Operators, ms and share of the steps' sum</h3>{_operators(results)}"
        f"<details><summary>Step by step</summary>{_steps(results)}</details></section>"
    )


def _operators(results: Sequence[dict[str, Any]]) -> str:
    sums: list[dict[str, float]] = []
    for r in results:
        total: dict[str, float] = {}
        for s in r["bench"]["steps"]:
            total[s["op"]] = total.get(s["op"], 0) + s["ms"]
        sums.append(total)
    ops = sorted({op for t in sums for op in t}, key=lambda op: -max(t.get(op, 0) for t in sums))
    rows = [f"<tr><td>{escape(op)}</td>{''.join(_share(t.get(op), sum(t.values())) for t in sums)}</tr>" for op in ops]
    return f"<table>{_head('operator', *_labels(results))}{''.join(rows)}</table>"


def _steps(results: Sequence[dict[str, Any]]) -> str:
    """Steps of the devices side by side: those of the same number and name, as plans may differ."""
    totals = [sum(s["ms"] for s in r["bench"]["steps"]) for r in results]
    lines: dict[tuple[int, str, str], list[float | None]] = {}
    for k, r in enumerate(results):
        for i, s in enumerate(r["bench"]["steps"]):
            lines.setdefault((i, s["op"], s["name"]), [None] * len(results))[k] = s["ms"]
    rows = [
        f"<tr>{_number(i)}<td>{escape(op)}</td>"
        f"{''.join(_share(ms, total) for ms, total in zip(times, totals, strict=True))}"
        f'<td class="name">{escape(name)}</td></tr>'
        for (i, op, name), times in sorted(lines.items())
    ]
    return f"<table>{_head('>step', 'operator', *_labels(results), 'name')}{''.join(rows)}</table>"


def _devices(results: Sequence[dict[str, Any]]) -> str:
    """What each device is, and its state before and after each measurement."""
    rows = []
    for r in results:
        who, a, b = r["identity"], r["before"], r["after"]
        clocks = r["bench"].get("clock_khz") or {"before": [], "after": []}
        rows.append(
            f"<tr><td>{escape(r['device'])}</td><td>{escape(r['model'])}</td>{_number(r['bench']['threads'])}"
            f"<td>{escape(who['board'])}</td>"
            f"<td>{escape(who['cpu'])}</td><td>{escape(who['machine'])}</td><td>{escape(who['allowed_cores'])}</td>"
            f"<td>{escape(', '.join(a['governor']))}</td>"
            f"<td>{escape(_change(_clock(clocks['before']), _clock(clocks['after'])))}</td>"
            f"<td>{escape(_change(_heat(a), _heat(b)))}</td>"
            f"<td>{escape(_change(a['throttled'] or '', b['throttled'] or ''))}</td>"
            f"<td>{escape(who['system'])}<br>{escape(who['kernel'])}</td></tr>"
        )
    head = _head("device", "model", ">threads", "board", "CPU", "machine", "cores allowed", "governor", "clock, MHz",
                 "temperature", "throttling flags", "system")  # fmt: skip
    return f"<section><h2>Devices</h2><table>{head}{''.join(rows)}</table></section>"


def _labels(results: Sequence[dict[str, Any]]) -> list[str]:
    """A heading for each result, no longer than it takes to tell them apart."""
    devices = [r["device"] for r in results]
    return [
        f">{d}" if devices.count(d) == 1 else f">{d}, {_many(r['bench']['threads'], 'thread')}"
        for d, r in zip(devices, results, strict=True)
    ]


def _head(*names: str) -> str:
    cells = (f'<th class="n">{escape(n[1:])}</th>' if n.startswith(">") else f"<th>{escape(n)}</th>" for n in names)
    return f"<tr>{''.join(cells)}</tr>"


def _number(value: Any) -> str:
    return f'<td class="n">{escape(str(value))}</td>'


def _share(ms: float | None, total: float) -> str:
    if ms is None:
        return "<td></td>"
    share = 100 * ms / (total or 1)
    return f'<td class="n share" style="--share:{share:.1f}%">{ms_text(ms)} ({share:.1f} %)</td>'


def _change(before: str, after: str) -> str:
    return before if before == after else f"{before or '?'} → {after or '?'}"


def _clock(khz: Sequence[int]) -> str:
    return ", ".join(f"{k / 1000:.0f}" for k in dict.fromkeys(khz) if k)


def _heat(state: dict[str, Any]) -> str:
    return f"{max(state['celsius'].values()):.1f} °C" if state["celsius"] else ""


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
