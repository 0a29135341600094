"""`sanderling compile`: write a model in the form that loads fastest."""

from __future__ import annotations

import os

import click

from sanderling.cli.terminal import Sheet, check_output, console, json_option, plain, print_json, progress
from sanderling.compiled import GOLDEN_RUNS, TARGETS, compile_model


@click.command("compile", short_help="Write a model in the form that loads fastest.")
@click.argument("model")
@click.option("-o", "--output", metavar="OUT.sand", help="File to write; default: MODEL with the suffix .sand.")
@click.option("--isa", "isas", metavar="NAME,NAME..",
              help="Instruction sets to pack weights for (avx2, arm/neon), or none.")  # fmt: skip
@click.option("--target", "targets", metavar="NAME,NAME..", multiple=True,
              help=f"Computers to pack weights for: {', '.join(TARGETS)}, all, or host (default).")  # fmt: skip
@click.option("--labels", metavar="FILE", help="Names of the classes, a line each; default: those in MODEL.")
@click.option("--golden-runs", type=click.IntRange(0, 1000), default=GOLDEN_RUNS, show_default=True,
              help="Seeded runs whose outputs are hashed.")  # fmt: skip
@json_option
def compile_command(
    model: str,
    output: str | None,
    isas: str | None,
    targets: tuple[str, ...],
    labels: str | None,
    golden_runs: int,
    as_json: bool,
) -> None:
    """Write MODEL with its weights packed for the kernels, hashes of its outputs, and its labels.

    Every machine runs the file: weights that are not packed for it are packed at load. `sanderling.load`, the other
    commands and programs in C (sanderling.h, sanderling-bench) read it.
    """
    if output is None:
        output = os.path.splitext(model)[0] + ".sand"
    check_output(output, [model, *([labels] if labels else [])])
    chosen = None if isas is None else [] if isas == "none" else [s.strip() for s in isas.split(",")]
    computers = [name.strip() for several in targets for name in several.split(",")] or None
    with progress("compiling"):
        made = compile_model(model, output, isas=chosen, target=computers, labels=labels, golden_runs=golden_runs)
    if as_json:
        print_json(
            {"model": model, "output": made.path, "bytes": made.size, "isas": list(made.isas),
             "golden": list(made.golden)}
        )  # fmt: skip
        return
    lines = Sheet("", "")
    lines.add("weights packed for", ", ".join(made.isas) or "none")
    hashed = sum(map(bool, made.golden))
    lines.add("outputs with a hash", f"{hashed} of {len(made.golden)}" if made.golden else "none")
    click.echo(plain(f"{made.path}  {made.size / 1e6:.2f} MB"))
    lines.show(console())
