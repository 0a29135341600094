"""`sanderling tune`: measure the engine's choices for a model on this machine, and keep the best."""

from __future__ import annotations

import os

import click
from rich.text import Text

from sanderling.cli.terminal import Sheet, console, json_option, print_json, progress
from sanderling.importers import load_ir
from sanderling.tuning import store_tuning
from sanderling.tuning import tune as measure


@click.command(short_help="Choose kernels and threads by measurement, and keep the choice.")
@click.argument("model")
@click.option("--seconds", type=click.FloatRange(0), default=2.0, show_default=True,
              help="For the operators, and again for the threads.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Store nothing.")
@json_option
def tune(model: str, seconds: float, dry_run: bool, as_json: bool) -> None:
    """Time the instruction sets for each operator of MODEL, thread counts, and steps by rows, on this machine.

    The choice is stored in MODEL.tune.json, for this model, CPU and build; `sanderling.load` and the other commands use
    it. Results of integer operators stay the same bits, float ones may change in the last.
    """
    graph = load_ir(model).graphs[0]
    with progress("measuring"):
        found = measure(model, seconds=seconds)
    stored = None if dry_run else str(store_tuning(model, found))
    if as_json:
        print_json(
            {"model": model, "threads": found.threads, "isas": {str(k): v for k, v in found.isas.items()},
             "fuse": found.fuse, "default_ms": found.default_ms, "tuned_ms": found.tuned_ms, "stored": stored}
        )  # fmt: skip
        return
    screen = console()
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
    if stored is not None:
        screen.print(Text(f"stored in {stored}"))
