"""Time every kernel row on the layers of well-known networks.

    python -m benchmarks.kernels --network mobilenet_v2 --folder conv2d_q8 --isa avx2
    python -m benchmarks.kernels --json > rows.json

For each row: multiply-adds a second of one core, and their share of its peak, which a loop of nothing but the row's
instruction measures in between. All rows of a layer take turns in short runs, and each one's fastest run counts: on a
busy machine that is the least disturbed one.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.kernels.shapes import NETWORKS, Layer, layers
from sanderling import _core, kernels

FOLDERS = {
    ("conv", "int8"): "conv2d_q8",
    ("conv", "float32"): "conv2d_f32",
    ("depthwise", "int8"): "depthwise_q8",
    ("depthwise", "float32"): "depthwise_f32",
    ("dense", "int8"): "matmul",
    ("dense", "float32"): "conv2d_f32",
    ("add", "int8"): "add_q8",
    ("mul", "int8"): "mul_q8",
    ("swish", "int8"): "lut_q8",
}
"""Kind of a layer and element type -> folder of csrc/kernels."""


Peaks = dict[tuple[str, bool], float]
"""(instruction set, for floats) -> multiply-adds a nanosecond."""


@dataclass
class Result:
    """One row on one layer; `gmacs` counts elements where the operator multiplies and adds nothing."""

    network: str
    layer: str
    count: int
    folder: str
    kernel: str
    macs: int
    microseconds: float
    gmacs: float
    peak_gmacs: float | None = None
    share: float | None = None


def prepare(layer: Layer, dtype: str, isa: str, rng: np.random.Generator) -> kernels.Prepared:
    """Make one layer ready to run, with random values and the rescaling of int8 models."""
    quantized = dtype == "int8"

    def values(*shape: int) -> np.ndarray:
        if quantized:
            return rng.integers(-127, 128, shape, dtype=np.int8)
        return rng.normal(size=shape).astype(np.float32)

    x = values(1, layer.size, layer.size, layer.in_c)
    x_q = (0.02, -5) if quantized else None
    if layer.kind in ("add", "mul"):
        b = values(*x.shape) if layer.kind == "add" else values(1, 1, 1, layer.in_c)
        function = kernels.add if layer.kind == "add" else kernels.mul
        return function.prepare(x, b, a_q=x_q, b_q=x_q, y_q=(0.05, 3) if quantized else None, isa=isa)
    if layer.kind == "swish":
        return kernels.lookup.prepare(x, "HARD_SWISH", x_q=x_q, y_q=x_q, isa=isa)
    bias = rng.integers(-1000, 1000, layer.out_c).astype(np.int32) if quantized else values(layer.out_c)
    # One scale for each channel; the output's such that it is spread over its range.
    depth = layer.kernel**2 * (1 if layer.kind == "depthwise" else layer.in_c)
    options: dict[str, Any] = {"isa": isa, "activation": "RELU6"}
    if quantized:
        w_scale = rng.uniform(0.005, 0.01, layer.out_c)
        options |= {"x_q": x_q, "w_q": (w_scale, 0), "y_q": (0.02 * 0.0075 * 5000 * depth**0.5 / 64, -5)}
    if layer.kind == "dense":
        return kernels.fully_connected.prepare(x[:, 0, 0], values(layer.out_c, layer.in_c), bias, **options)
    options["stride"] = layer.stride
    if layer.kind == "depthwise":
        w = values(1, layer.kernel, layer.kernel, layer.in_c)
        return kernels.depthwise_conv2d.prepare(x, w, bias, **options)
    return kernels.conv2d.prepare(x, values(layer.out_c, layer.kernel, layer.kernel, layer.in_c), bias, **options)


def peak(isa: str, is_float: bool) -> float:
    """Return the multiply-adds a nanosecond of one short run of the peak loop."""
    _, macs, nanoseconds = _core.run_peak(isa=isa, is_float=is_float, loops=2000)
    return macs / nanoseconds


def time_layer(
    network: str, layer: Layer, count: int, dtype: str, isas: list[str], seconds: float, peaks: Peaks
) -> list[Result]:
    """Time all rows that `isas` choose for a layer, in turn; `peaks` is brought up to date."""
    chosen: dict[str, kernels.Prepared] = {}
    for isa in isas:
        prepared = prepare(layer, dtype, isa, np.random.default_rng(1))
        # An instruction set without a kernel of its own gives the next one's.
        if prepared.kernel.split("/")[0] in isas:
            chosen.setdefault(prepared.kernel, prepared)
    is_float = dtype == "float32"
    best = {kernel: float("inf") for kernel in chosen}
    rounds, end = 0, time.perf_counter() + seconds
    while rounds < 3 or (time.perf_counter() < end and rounds < 1000):
        for kernel, prepared in chosen.items():
            best[kernel] = min(best[kernel], prepared.nanoseconds())
            isa = kernel.split("/")[0]
            if isa != "portable":  # has no instruction of its own
                peaks[isa, is_float] = max(peaks.get((isa, is_float), 0.0), peak(isa, is_float))
        rounds += 1
    results = []
    for kernel, prepared in chosen.items():
        macs = prepared.macs
        work = macs or layer.size**2 * layer.in_c
        time_ns = best[kernel]
        folder = FOLDERS[layer.kind, dtype]
        result = Result(network, str(layer), count, folder, kernel, macs, time_ns / 1e3, work / time_ns)
        results.append(result)
    return results


def with_peaks(results: list[Result], peaks: Peaks) -> None:
    """Add the share of the peak, when all that was measured of it is known."""
    for r in results:
        r.peak_gmacs = peaks.get((r.kernel.split("/")[0], r.folder.endswith("f32"))) if r.macs else None
        r.share = None if r.peak_gmacs is None else r.gmacs / r.peak_gmacs


def summary(results: list[Result]) -> list[dict[str, Any]]:
    """One line for each network and row: all its layers, as often as the network has them."""
    groups: dict[tuple[str, str, str], list[Result]] = {}
    for r in results:
        groups.setdefault((r.network, r.folder, r.kernel), []).append(r)
    lines = []
    for (network, folder, kernel), members in groups.items():
        ms = sum(r.microseconds * r.count for r in members) / 1e3
        work = sum(r.gmacs * r.microseconds * 1e3 * r.count for r in members)
        top = members[0].peak_gmacs
        gmacs = work / (ms * 1e6)
        lines.append(
            {"network": network, "folder": folder, "kernel": kernel, "layers": sum(r.count for r in members), "ms": ms,
             "gmacs": gmacs, "share": None if top is None else gmacs / top}
        )  # fmt: skip
    return lines


def pointwise(layer: Layer, least: int) -> bool:
    """Whether a layer is a matrix product of at least `least` channels a pixel."""
    return layer.kind == "conv" and layer.kernel == layer.stride == 1 and layer.in_c >= least


def medians(results: list[Result]) -> list[dict[str, Any]]:
    """For each row, the shares of the peak of its layers, each shape counted once."""
    shapes: dict[tuple[str, str], dict[str, float]] = {}
    for r in results:
        if r.share is not None:
            shapes.setdefault((r.folder, r.kernel), {})[r.layer] = r.share
    return [
        {"folder": folder, "kernel": kernel, "layers": len(shares), "median": statistics.median(shares.values()),
         "least": min(shares.values()), "least_layer": min(shares, key=shares.__getitem__)}
        for (folder, kernel), shares in shapes.items()
    ]  # fmt: skip


def percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.0f} %"


def show(results: list[Result], peaks: Peaks, every_layer: bool) -> None:
    """Print tables."""
    console = Console(width=None if sys.stdout.isatty() else 110)
    for (isa, is_float), value in peaks.items():
        row = _core.run_peak(isa=isa, is_float=is_float, loops=1)[0]
        console.print(f"peak of {isa} for {'float32' if is_float else '8 bits'} ({row}): {value:.1f} GMAC/s")
    for network in dict.fromkeys(r.network for r in results):
        members = [r for r in results if r.network == network]
        if every_layer:
            table = Table("layer", "n", "folder", "kernel", title=f"{network}: each layer")
            for name in ("us", "GMAC/s", "of peak"):
                table.add_column(name, justify="right")
            for r in members:
                table.add_row(r.layer, str(r.count), r.folder, r.kernel, f"{r.microseconds:.1f}", f"{r.gmacs:.1f}",
                              percent(r.share))  # fmt: skip
            console.print(table)
        table = Table("folder", "kernel", title=f"{network}: all layers that a row takes")
        for name in ("layers", "ms", "GMAC/s", "of peak"):
            table.add_column(name, justify="right")
        for line in summary(members):
            table.add_row(line["folder"], line["kernel"], str(line["layers"]), f"{line['ms']:.3f}",
                          f"{line['gmacs']:.1f}", percent(line["share"]))  # fmt: skip
        console.print(table)
    console.print("Elementwise operators: billions of elements a second instead of multiply-adds.")


@click.command(help=__doc__)
@click.option("--network", "networks", multiple=True, type=click.Choice(list(NETWORKS)), help="Default: all.")
@click.option(
    "--folder", "folders", multiple=True, type=click.Choice(sorted({*FOLDERS.values()})), help="Default: all."
)
@click.option("--isa", "isas", multiple=True, help="Only rows of this instruction set. Default: all that the CPU has.")
@click.option("--seconds", default=0.05, show_default=True, help="For all rows of one layer (3 runs of each at least).")
@click.option("--pointwise", "least_depth", type=int, metavar="K", help="Only 1x1 layers of K channels and more.")
@click.option("--layers", "every_layer", is_flag=True, help="Show each layer, too.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def main(
    networks: Sequence[str],
    folders: Sequence[str],
    isas: Sequence[str],
    seconds: float,
    least_depth: int | None,
    every_layer: bool,
    as_json: bool,
) -> None:
    available = _core.available_isas()
    for isa in isas:
        if isa not in available:
            raise click.BadParameter(f"{isa} is not one of {', '.join(available)}", param_hint="--isa")
    folders, isas = folders or sorted({*FOLDERS.values()}), isas or available
    work = [
        (network, layer, count, dtype)
        for network in networks or NETWORKS
        for layer, count in layers(network).items()
        for dtype in ("int8", "float32")
        if FOLDERS.get((layer.kind, dtype)) in folders and (least_depth is None or pointwise(layer, least_depth))
    ]
    results: list[Result] = []
    peaks: Peaks = {}
    for network, layer, count, dtype in track(work, console=Console(stderr=True), disable=not sys.stderr.isatty()):
        results += time_layer(network, layer, count, dtype, list(isas), seconds, peaks)
    with_peaks(results, peaks)
    timed = {(r.folder, r.kernel) for r in results}
    rows = [
        (row.folder, f"{row.isa}/{row.name}") for row in kernels.rows() if row.folder in folders and row.isa in isas
    ]
    missed = [" ".join(row) for row in rows if row not in timed]
    if as_json:
        report = {
            "peaks": [{"isa": isa, "float": is_float, "gmacs": gmacs} for (isa, is_float), gmacs in peaks.items()],
            "layers": [asdict(r) for r in results],
            "rows": summary(results),
            "medians": medians(results),
            "not_timed": missed,
        }
        print(json.dumps(report, indent=1))
        return
    show(results, peaks, every_layer)
    if least_depth is not None:
        for m in medians(results):
            print(f"{m['folder']} {m['kernel']}: median {percent(m['median'])} of the peak over {m['layers']} shapes, "
                  f"least {percent(m['least'])} ({m['least_layer']})")  # fmt: skip
        return
    if missed:
        print("Rows that no layer here reaches:", ", ".join(missed))


if __name__ == "__main__":
    main()
