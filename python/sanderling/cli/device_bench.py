"""`sanderling bench --device`: how long models take on other machines."""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any, TypeVar

import click
from rich.text import Text

from sanderling import __version__
from sanderling._atomic import write_atomically
from sanderling.cli.device_page import render
from sanderling.cli.terminal import Sheet, check_output, console, ms_text, plain, print_json, progress
from sanderling.devices.session import Settings, compiled, measure
from sanderling.devices.url import Url, parse_url
from sanderling.errors import DeviceError

FORMAT = "sanderling-devices-1"

_F = TypeVar("_F", bound=Callable[..., Any])


def _urls(_context: click.Context, _parameter: click.Parameter, texts: Sequence[str]) -> list[Url]:
    try:
        return list(dict.fromkeys(parse_url(t) for t in texts))
    except ValueError as e:
        raise click.BadParameter(str(e)) from None


def device_options(command: _F) -> _F:
    """Add --device, --binaries and --ssh-config."""
    for option in (
        click.option("--ssh-config", metavar="FILE", help="Settings for ssh, as for `ssh -F`."),
        click.option("--binaries", metavar="DIR",
                     help="Folder with sanderling-bench for devices; default: SANDERLING_BINARIES, else dist."),
        click.option("--device", "devices", multiple=True, callback=_urls, metavar="URL",
                     help="ssh://user@host[:port], adb://serial or qemu://cpu; can be repeated."),
    ):  # fmt: skip
        command = option(command)
    return command


def bench_devices(
    devices: Sequence[Url],
    models: Sequence[str],
    settings: Settings,
    with_profile: bool,
    html: str | None,
    earlier: Sequence[str],
    as_json: bool,
) -> int:
    """Measure all models on all devices, one device after the other; return the exit code."""
    if html is not None:
        check_output(html, [*models, *earlier])
    names = _names(models)
    results = [r for path in earlier for r in _read(path)]
    failures: list[dict[str, str]] = []
    with ExitStack() as stack:
        with progress("compiling"):
            ready = [(name, stack.enter_context(compiled(m))) for name, m in zip(names, models, strict=True)]
        for url in devices:
            try:
                with progress(url.text):
                    results += measure(url, ready, settings)
            except DeviceError as e:
                failures.append({"device": url.text, "error": " ".join(str(e).split())})
                click.echo(plain(f"sanderling: {failures[-1]['error']}"), err=True)
    report = {
        "format": FORMAT,
        "sanderling": __version__,
        "made": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "results": results,
        "failures": failures,
    }
    if as_json:
        print_json(report)
    elif results:
        _show(results, with_profile)
    if html is not None and results:
        write_atomically(html, render(report).encode())
    return 1 if failures else 0


def _names(models: Sequence[str]) -> list[str]:
    """File names; paths where two are the same."""
    names = [os.path.basename(m) for m in models]
    return names if len(set(names)) == len(names) else list(models)


def _read(path: str) -> list[dict[str, Any]]:
    """Results of an earlier report."""
    with open(path, "rb") as file:
        try:
            report = json.load(file)
        except (ValueError, RecursionError):
            raise click.UsageError(f"{path}: not JSON") from None
    results = report.get("results") if isinstance(report, dict) and report.get("format") == FORMAT else None
    if not isinstance(results, list) or not all(map(_is_result, results)):
        raise click.UsageError(f"{path}: not the output of `sanderling bench --device URL --json`")
    return results


_STATE = {"governor": list, "celsius": dict, "throttled": (str, type(None))}
_PARTS: dict[str, dict[str, Any]] = {
    "": {"device": str, "model": str, "cores": (list, type(None)), "trustworthy": bool, "doubts": list,
         "identity": dict, "before": dict, "after": dict, "bench": dict},
    "identity": dict.fromkeys(("board", "cpu", "machine", "allowed_cores", "system", "kernel"), str),
    "before": _STATE,
    "after": _STATE,
    "bench": {"threads": int, "isa": str, "outputs": str, "median_ms": float, "load_ms": float, "arena_bytes": int,
              "runs_ms": list, "steps": list},
}  # fmt: skip
_STEP = {"op": str, "name": str, "kernel": str, "macs": int, "fused": int, "ms": float}


def _is_result(value: Any) -> bool:
    """Whether a result has what is shown of it."""

    def has(part: Any, kinds: dict[str, Any]) -> bool:
        return isinstance(part, dict) and all(
            k in part and isinstance(part[k], (int, float) if t is float else t) for k, t in kinds.items()
        )

    return (
        has(value, _PARTS[""])
        and all(has(value[name], kinds) for name, kinds in _PARTS.items() if name)
        and bool(value["bench"]["runs_ms"])
        and all(isinstance(ms, (int, float)) for ms in value["bench"]["runs_ms"])
        and all(has(step, _STEP) for step in value["bench"]["steps"])
        and all(isinstance(d, str) for d in value["doubts"])
        and all(_is_state(value[name]) for name in ("before", "after"))
        and _is_clock(value["bench"].get("clock_khz"))
    )


def _is_state(state: dict[str, Any]) -> bool:
    return all(isinstance(g, str) for g in state["governor"]) and all(
        isinstance(c, (int, float)) for c in state["celsius"].values()
    )


def _is_clock(clock: Any) -> bool:
    """Clocks before and after, one for each CPU; reports may have none."""
    return clock is None or (
        isinstance(clock, dict)
        and all(isinstance(clock.get(when), list) for when in ("before", "after"))
        and all(isinstance(khz, int) for khz in (*clock["before"], *clock["after"]))
    )


def _show(results: Sequence[dict[str, Any]], with_profile: bool) -> None:
    screen = console()
    lines = Sheet("device", "model", ">threads", ">median ms", ">p90 ms", ">min ms", ">runs", "isa", "outputs", "trust")
    for r in results:
        b = r["bench"]
        runs = sorted(b["runs_ms"])
        lines.add(
            r["device"], r["model"], b["threads"], ms_text(statistics.median(runs)),
            ms_text(runs[min(len(runs) * 9 // 10, len(runs) - 1)]), ms_text(runs[0]), len(runs), b["isa"], b["outputs"],
            "yes" if r["trustworthy"] else "no",
        )  # fmt: skip
    lines.show(screen)
    for device in dict.fromkeys(r["device"] for r in results):
        own = [r for r in results if r["device"] == device]
        for why in dict.fromkeys(d for r in own for d in r["doubts"]):
            which = [f"{r['model']} ({r['bench']['threads']})" for r in own if why in r["doubts"]]
            where = "" if len(which) == len(own) else f", {', '.join(which)}"
            screen.print(Text(plain(f"{device}{where}: {why}")))
    for r in results if with_profile else ():
        screen.print()
        screen.print(Text(plain(f"{r['device']}  {r['model']}"), style="bold"))
        total = sum(s["ms"] for s in r["bench"]["steps"]) or 1
        steps = Sheet("operator", ">MMAC", ">ms", ">share", ">rows", "kernel", "name", elastic="name")
        for s in r["bench"]["steps"]:
            steps.add(
                s["op"], f"{s['macs'] / 1e6:.3f}" if s["macs"] else "", ms_text(s["ms"]),
                f"{100 * s['ms'] / total:.1f} %", s["fused"] if s["fused"] >= 0 else "", s["kernel"], s["name"],
            )  # fmt: skip
        steps.show(screen)
