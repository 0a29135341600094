"""`sanderling bench`: how long a model takes."""

from __future__ import annotations

import logging
import os
import time
from typing import Any

import click
import numpy as np
from rich.text import Text

from sanderling.cli.device_bench import bench_devices, device_options
from sanderling.cli.terminal import (
    Number,
    Sheet,
    console,
    count_text,
    fp16_option,
    isa_option,
    json_option,
    load_model,
    ms_text,
    print_json,
    progress,
    shape_text,
)
from sanderling.devices.session import Settings
from sanderling.devices.url import Url
from sanderling.model import Model
from sanderling.profile import Profile
from sanderling.seeded import seeded_inputs

logger = logging.getLogger(__name__)

_LEAST_RUNS = 5
_MOST_RUNS = 100_000
_WARM_UP_SECONDS = 0.3


def _thread_list(_context: click.Context, _parameter: click.Parameter, text: str | None) -> list[int | None]:
    if text is None:
        return [None]
    parts = [p.strip() for p in text.split(",")]
    if not all(p.isascii() and p.isdigit() and 1 <= int(p) <= 1024 for p in parts):
        raise click.BadParameter(f"{text!r}; numbers from 1 to 1024 expected, such as 1,2,4")
    return list(dict.fromkeys(int(p) for p in parts))


def _core_list(_context: click.Context, _parameter: click.Parameter, text: str | None) -> list[int] | None:
    if text is None:
        return None
    parts = [p.strip() for p in text.split(",")]
    if not all(p.isascii() and p.isdigit() and int(p) < 1024 for p in parts) or len(set(parts)) < len(parts):
        raise click.BadParameter(f"{text!r}; different numbers from 0 expected, such as 2,3")
    return [int(p) for p in parts]


@click.command(short_help="Time a model, here or on other devices, with a profile of its steps.")
@click.argument("models", metavar="MODEL...", nargs=-1, required=True)
@click.option("--threads", callback=_thread_list, metavar="N,N..", help="Thread counts to try; default: the big cores.")
@click.option("--runs", type=click.IntRange(1), metavar="N", help="Timed runs; default: as many as fit --seconds.")
@click.option("--seconds", type=Number(0, min_open=True), default=2.0, show_default=True,
              help="Time for each thread count.")  # fmt: skip
@click.option("--warm-up", type=click.IntRange(0), metavar="N", help="Runs that do not count; default: for 0.3 s.")
@click.option("--profile", "with_profile", is_flag=True, help="Time each step, with the first thread count.")
@device_options
@click.option("--cores", callback=_core_list, metavar="N,N..", help="Cores of the device for the threads, one each.")
@click.option("--html", metavar="OUT", help="Write a page that compares devices and models, operator by operator.")
@click.option("--with", "earlier", multiple=True, metavar="REPORT", help="Compare with an earlier --json, too.")
@isa_option
@fp16_option
@json_option
def bench(
    models: tuple[str, ...],
    threads: list[int | None],
    runs: int | None,
    seconds: float,
    warm_up: int | None,
    with_profile: bool,
    devices: list[Url],
    binaries: str | None,
    ssh_config: str | None,
    cores: list[int] | None,
    html: str | None,
    earlier: tuple[str, ...],
    isa: str | None,
    fp16: bool,
    as_json: bool,
) -> int:
    """Time MODEL on seeded inputs: milliseconds a call, as Python sees it.

    With --device, MODEL is shipped to the device, its outputs are checked there, and sanderling-bench times it.
    """
    if devices:
        if cores and threads not in ([None], [len(cores)]):
            raise click.UsageError("--cores has one core for each of the --threads")
        settings = Settings(threads, cores, isa, seconds, runs, warm_up, binaries, ssh_config, fp16)
        return bench_devices(devices, models, settings, with_profile, html, earlier, as_json)
    for name, value in {"--cores": cores, "--html": html, "--with": earlier, "--binaries": binaries,
                        "--ssh-config": ssh_config}.items():  # fmt: skip
        if value:
            raise click.UsageError(f"{name} needs a --device")
    if len(models) > 1:
        raise click.UsageError("one MODEL expected; several can be compared on a --device")
    _bench_here(models[0], threads, runs, seconds, warm_up, with_profile, isa, fp16, as_json)
    return 0


def _bench_here(
    model: str,
    threads: list[int | None],
    runs: int | None,
    seconds: float,
    warm_up: int | None,
    with_profile: bool,
    isa: str | None,
    fp16: bool,
    as_json: bool,
) -> None:
    rows: list[dict[str, Any]] = []
    profile: Profile | None = None
    for count in threads:
        loaded = load_model(model, count, isa, fp16)
        if profile is None and (with_profile or not rows):
            profile = _profile(loaded, 10 if with_profile else 1)
        rows.append(_measure(loaded, runs, seconds, warm_up))
    assert profile is not None
    result: dict[str, Any] = {
        "model": model,
        "macs": profile.macs,
        "isas": sorted({s.isa for s in profile if s.isa}),
        "results": rows,
    }
    if with_profile:
        result["steps"] = [
            {"op": s.op, "name": s.name, "shape": list(s.shape), "macs": s.macs, "ms": s.ms, "share": s.share,
             "gmacs_per_second": s.gmacs, "isa": s.isa, "fused": s.fused}
            for s in profile
        ]  # fmt: skip
        result["ops_ms"] = profile.by_op()
    if as_json:
        print_json(result)
        return
    screen = console()
    screen.print(Text(f"{os.path.basename(model)}  {count_text(profile.macs, 'MAC')}", style="bold"))
    lines = Sheet(">threads", ">median ms", ">p90 ms", ">min ms", ">runs", ">GMAC/s", ">speed-up")
    for row in rows:
        lines.add(
            row["threads"],
            *(ms_text(row[k]) for k in ("median_ms", "p90_ms", "min_ms")),
            row["runs"],
            f"{profile.macs / row['median_ms'] / 1e6:.1f}",
            f"{rows[0]['median_ms'] / row['median_ms']:.2f}",
        )
    lines.show(screen)
    if with_profile:
        _show_profile(screen, profile)


def _profile(model: Model, runs: int) -> Profile:
    with progress("profiling"):
        return model.profile(*seeded_inputs(model.inputs, 0), runs=runs)


def _measure(model: Model, runs: int | None, seconds: float, warm_up: int | None) -> dict[str, Any]:
    inputs = seeded_inputs(model.inputs, 0)
    name = f"{model.threads} thread{'s' if model.threads > 1 else ''}"

    def once() -> float:
        start = time.perf_counter_ns()
        model(*inputs)
        return (time.perf_counter_ns() - start) / 1e6

    with progress(f"{name}: warming up"):
        end = time.perf_counter() + min(_WARM_UP_SECONDS, seconds)
        if warm_up is None:
            once()
            while time.perf_counter() < end:
                once()
        else:
            for _ in range(warm_up):
                once()
    times: list[float] = []
    with progress(f"{name}: timing", runs, quiet=True) as advance:
        end = time.perf_counter() + seconds
        while len(times) < (runs or _LEAST_RUNS) or (
            runs is None and time.perf_counter() < end and len(times) < _MOST_RUNS
        ):
            times.append(once())
            advance()
    result = {
        "threads": model.threads,
        "runs": len(times),
        "median_ms": float(np.median(times)),
        "p90_ms": float(np.percentile(times, 90)),
        "min_ms": min(times),
        "mean_ms": float(np.mean(times)),
    }
    logger.info("%s", result)
    return result


def _show_profile(screen: Any, profile: Profile) -> None:
    screen.print()
    steps = Sheet("operator", "shape", ">MMAC", ">ms", ">share", ">GMAC/s", ">rows", "isa", "name", elastic="name")
    for s in profile:
        steps.add(
            s.op,
            shape_text(s.shape),
            f"{s.macs / 1e6:.3f}" if s.macs else "",
            ms_text(s.ms),
            f"{100 * s.share:.1f} %",
            f"{s.gmacs:.1f}" if s.macs else "",
            "" if s.fused is None else s.fused,
            s.isa,
            s.name,
        )
    steps.show(screen)
    screen.print()
    sums = Sheet("operator", ">ms", ">share")
    for op, ms in profile.by_op().items():
        sums.add(op, ms_text(ms), f"{100 * ms / (profile.total_ms or 1):.1f} %")
    sums.add("total", ms_text(profile.total_ms), "", style="bold")
    sums.show(screen)
