"""`sanderling tune`: measure the engine's choices for a model on this machine, and keep the best."""

from __future__ import annotations

import os
from dataclasses import asdict, replace

import click
from rich.console import Console
from rich.text import Text

from sanderling.cli.terminal import Number, Sheet, check_output, console, json_option, ms_text, print_json, progress
from sanderling.importers import load_ir
from sanderling.tune_file import check_storable, store_tuning, tune_path
from sanderling.tuning import MARGIN, Race, Tuning, check_same_inputs, race
from sanderling.tuning import tune as measure


@click.command(short_help="Choose kernels and threads by measurement, and keep the choice.")
@click.argument("model")
@click.option("--against", metavar="OTHER", help="Tune this model too, and time both in turns.")
@click.option("--seconds", type=Number(0), default=2.0, show_default=True,
              help="For the operators, again for the threads, for the rows, and for OTHER.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Store nothing.")
@json_option
def tune(model: str, against: str | None, seconds: float, dry_run: bool, as_json: bool) -> None:
    """Time the instruction sets for each operator of MODEL, thread counts, and steps by rows, on this machine.

    The choice is stored in MODEL.tune.json, for this model, CPU and build; `sanderling.load` and the other commands use
    it. Results of integer operators stay the same bits, float ones may change in the last.

    OTHER is a model with the same inputs, such as the quantized form of a float MODEL. Which is faster is reported and
    stored beside both. Their results differ: each file goes on running as itself.
    """
    models = [model] if against is None else [model, against]
    if not dry_run:
        for path in models:
            check_output(str(tune_path(path)), [])
            check_storable(path)
    if against is not None:
        check_same_inputs(models)
    found = []
    for path in models:
        with progress(f"measuring {os.path.basename(path)}"):
            found.append(measure(path, seconds=seconds))
    raced = None
    if against is not None:
        with progress("measuring in turns"):
            raced = race((model, against), (found[0], found[1]), seconds=seconds)
        found = [replace(t, against=c) for t, c in zip(found, raced.comparisons, strict=True)]
    stored = [None if dry_run else str(store_tuning(path, t)) for path, t in zip(models, found, strict=True)]
    if as_json:
        documents = [_document(*parts) for parts in zip(models, found, stored, strict=True)]
        if raced is not None:
            documents[0]["other"] = documents[1]
            documents[0]["ops_ms"] = {op: list(ms) for op, ms in raced.by_op.items()}
        print_json(documents[0])
        return
    screen = console()
    for path, tuning, place in zip(models, found, stored, strict=True):
        _show(screen, path, tuning)
        if place is not None:
            screen.print(Text(f"stored in {place}"))
        if len(models) > 1:
            screen.print()
    if raced is not None:
        _show_race(screen, models, raced)


def _document(model: str, tuning: Tuning, stored: str | None) -> dict[str, object]:
    choices = {**asdict(tuning), "isas": {str(k): v for k, v in tuning.isas.items()}}
    return {"model": model, **choices, "stored": stored}


def _show(screen: Console, model: str, found: Tuning) -> None:
    graph = load_ir(model).graphs[0]
    screen.print(Text(os.path.basename(model), style="bold"))
    lines = Sheet("", ">ms", ">threads")
    lines.add("default", f"{found.default_ms:.3f}", None)
    lines.add("tuned", f"{found.tuned_ms:.3f}", found.threads)
    lines.show(screen)
    if found.isas:
        changed = Sheet(">operator", "type", "instruction set", "name", elastic="name")
        for node, isa in found.isas.items():
            outputs = [graph.tensors[i].name for i in graph.nodes[node].outputs if i >= 0]
            changed.add(node, graph.nodes[node].op, isa, next(iter(outputs), ""))
        changed.show(screen)
    else:
        screen.print("No operator is faster with another instruction set than the best.")
    if found.fuse is False:
        screen.print("Steps one after the other are faster than by rows.")
    if found.band_bytes is not None:
        screen.print(f"Steps by rows are faster with {found.band_bytes >> 10} KB between them for each thread.")


def _show_race(screen: Console, models: list[str], raced: Race) -> None:
    names = [os.path.basename(m) for m in models]
    if names[0] == names[1]:
        names = models
    sums = Sheet("in turns", *(f">{name}, ms" for name in names), ">ratio")
    for op, (a, b) in raced.by_op.items():
        sums.add(op, ms_text(a) if a else None, ms_text(b) if b else None, f"{b / a:.2f}" if a and b else None)
    a, b = raced.ms
    sums.add("a run", ms_text(a), ms_text(b), f"{b / a:.2f}", style="bold")
    sums.show(screen)
    faster, slower = (names[0], names[1]) if a < b else (names[1], names[0])
    if min(a, b) > (1 - MARGIN) * max(a, b):
        screen.print(Text(f"{names[0]} and {names[1]} take about the same time here."))
    else:
        screen.print(Text(f"{faster} is {max(a, b) / min(a, b):.2f} times as fast as {slower} here."))
