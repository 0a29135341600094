"""`sanderling verify`: fingerprints of a model's outputs, to compare machines."""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any

import click
from rich.text import Text

from sanderling import __version__
from sanderling.cli.terminal import (
    Sheet,
    console,
    fp16_option,
    isa_option,
    json_option,
    load_model,
    plain,
    print_json,
    progress,
    shape_text,
    threads_option,
)
from sanderling.fingerprint import fingerprint
from sanderling.ir import Golden
from sanderling.model import Model

_FORMAT = "sanderling-verify-1"


@click.command(short_help="Fingerprint the outputs, to compare machines.")
@click.argument("model")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), help="Seed of the first run; default: 0, or REF's.")
@click.option(
    "--count", type=click.IntRange(1, 10_000), help="Runs with seeds one after the other; default: 4, or REF's."
)
@click.option("--against", metavar="REF.json", help="Compare with the output of an earlier `verify --json`.")
@threads_option
@isa_option
@fp16_option
@json_option
def verify(
    model: str,
    seed: int | None,
    count: int | None,
    against: str | None,
    threads: int | None,
    isa: str | None,
    fp16: bool,
    as_json: bool,
) -> None:
    """Print the SHA-256 of MODEL's outputs for seeded inputs.

    The inputs come from integer arithmetic alone and are the same on every machine; so are the outputs of integer
    operators. Float operators may differ in the last bits between machines. With --against, the exit code is 1 where
    anything differs. A compiled model is compared with the hashes in it, if --seed and --count are left out. With
    --fp16, float layers compute other outputs than those that such hashes are of; the report tells how many steps did.
    """
    reference = None if against is None else _read(against)
    if reference is not None:
        seed = reference["seed"] if seed is None else seed
        count = reference["count"] if count is None else count
    loaded = load_model(model, threads, isa, fp16)
    golden = loaded.ir.golden if seed is None and count is None else None
    if golden is not None:
        seed, count = golden.seed, golden.count
    report = make_report(loaded, model, seed or 0, 4 if count is None else count)
    differences = [] if reference is None else compare(report, reference)
    if golden is not None:
        against = model
        differences = compare_golden(report, golden)
    if as_json:
        print_json(report if against is None else report | {"against": against, "differences": differences})
    else:
        _show(report)
        if against is not None:
            for line in differences or [f"same as {'in the file' if golden is not None else against}"]:
                click.echo(plain(line))
    if differences:
        raise SystemExit(1)


def make_report(model: Model, path: str, seed: int, count: int) -> dict[str, Any]:
    """Run and return the fingerprints.

    The hash of a tensor is taken over its elements in C order, little endian, of all runs one after the other. State
    is reset before the first run and kept from then on.
    """
    with open(path, "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()
    with progress("verifying", count) as advance:
        result = fingerprint(model, seed, count, advance)
    return {
        "format": _FORMAT,
        "sanderling": __version__,
        "model": {"file": os.path.basename(path), "sha256": digest},
        "seed": seed,
        "count": count,
        "inputs": [h.report() for h in result.inputs],
        "outputs": [h.report() for h in result.outputs],
        "fp16_steps": model.fp16_steps,
        "sha256": result.sha256,
    }


def _read(path: str) -> dict[str, Any]:
    with open(path, "rb") as file:
        try:
            reference = json.load(file)
        except (ValueError, RecursionError):
            raise click.UsageError(f"{path}: not JSON") from None
    fine = (
        isinstance(reference, dict)
        and reference.get("format") == _FORMAT
        and all(type(reference.get(k)) is int for k in ("seed", "count"))
        and 0 <= reference["seed"] < 2**32
        and 1 <= reference["count"] <= 10_000
        and type(reference.get("fp16_steps", 0)) is int
        and isinstance(reference.get("model"), dict)
        and all(
            isinstance(reference.get(k), list) and all(isinstance(t, dict) for t in reference[k])
            for k in ("inputs", "outputs")
        )
    )
    if not fine:
        raise click.UsageError(f"{path}: not the output of `sanderling verify --json`")
    return dict(reference)


def compare(report: dict[str, Any], reference: dict[str, Any]) -> list[str]:
    """Return what differs, a sentence each."""
    for key in ("seed", "count"):
        if report[key] != reference[key]:
            return [f"{key} is {report[key]}, but the reference has {reference[key]}: nothing can be compared"]
    differences = []
    hint = _hint(report["fp16_steps"], reference.get("fp16_steps", 0))
    if report["model"]["sha256"] != reference["model"].get("sha256"):
        differences.append(f"the reference was made with another model file ({reference['model'].get('file')})")
    for kind in ("inputs", "outputs"):
        ours, theirs = report[kind], reference[kind]
        if len(ours) != len(theirs):
            differences.append(f"{len(ours)} {kind}, but the reference has {len(theirs)}")
            continue
        for number, (a, b) in enumerate(zip(ours, theirs, strict=True)):
            place = f"{kind[:-1]} {number} ({a['name']!r})"
            for key in ("dtype", "shape"):
                if a[key] != b.get(key):
                    differences.append(f"{place}: {key} is {a[key]}, but the reference has {b.get(key)}")
            if a["sha256"] != b.get("sha256"):
                last = " (float: the last bits may differ between machines)" if a["dtype"].startswith("float") else ""
                differences.append(f"{place}: values differ{hint or last}")
    return differences


def _hint(ours: int, theirs: int) -> str:
    """Why values differ where one side computed in fp16."""
    if ours > theirs == 0:
        return f" ({ours} steps computed in fp16, and the hashes are of float32: verify without --fp16)"
    if theirs > ours == 0:
        return f" (the reference computed {theirs} steps in fp16: verify with --fp16)"
    return ""


def compare_golden(report: dict[str, Any], golden: Golden) -> list[str]:
    """Return which outputs differ from those that a compiled model has to give."""
    hint = _hint(report["fp16_steps"], 0)
    return [
        f"output {number} ({found['name']!r}): values differ from those when the model was compiled{hint}"
        for number, (found, hash_) in enumerate(zip(report["outputs"], golden.outputs, strict=True))
        if hash_ and found["sha256"] != hash_
    ]


def _show(report: dict[str, Any]) -> None:
    screen = console()
    runs = f"seeds {report['seed']} to {report['seed'] + report['count'] - 1}"
    screen.print(Text(f"{report['model']['file']}  {runs}", style="bold"))
    rows = Sheet("", "sha256", "dtype", "shape", "name", elastic="name")
    for kind in ("inputs", "outputs"):
        for t in report[kind]:
            rows.add(kind[:-1], t["sha256"][:16], t["dtype"], shape_text(t["shape"]), t["name"])
    rows.show(screen)
    if report["fp16_steps"]:
        click.echo(f"{report['fp16_steps']} steps computed in fp16: float32 gives other values")
    click.echo(f"outputs {report['sha256']}")
