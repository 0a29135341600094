"""What the commands share: consoles, progress bars, JSON, options."""

from __future__ import annotations

import json
import logging
import math
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from sanderling.importers import load_ir
from sanderling.model import Model

logger = logging.getLogger(__name__)

_F = TypeVar("_F", bound=Callable[..., Any])

_PIPE_WIDTH = 120
_PATIENCE = 1.0
"""Seconds before a progress bar appears."""


def console() -> Console:
    """Return a console for results, on stdout; 120 columns where that is no terminal and COLUMNS does not say."""
    width = None if sys.stdout.isatty() or os.environ.get("COLUMNS") else _PIPE_WIDTH
    return Console(width=width, highlight=False, soft_wrap=False)


def table(*columns: str, title: str | None = None, elastic: Sequence[str] = ()) -> Table:
    """Return an empty table; names that start with ">" are numbers, those in `elastic` are cut when space is short."""
    result = Table(title=title, box=None, pad_edge=False, title_justify="left", header_style="bold", padding=(0, 1))
    for name in columns:
        label = name.removeprefix(">")
        result.add_column(
            label,
            justify="right" if name.startswith(">") else "left",
            no_wrap=True,
            overflow="ellipsis",
            min_width=None if label in elastic else len(label),
            ratio=1 if label in elastic else None,
        )
    return result


def print_json(value: Any) -> None:
    """Print one JSON document to stdout; NaN and infinities, which JSON does not have, as strings."""
    click.echo(json.dumps(_plain(value), indent=2, ensure_ascii=False))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


@contextmanager
def progress(what: str, total: int | None = None) -> Iterator[Callable[[], None]]:
    """Show a progress bar on stderr if it is a terminal and the work takes over a second; call the result to advance.

    Parameters
    ----------
    what : str
        What is being done.
    total : int, optional
        Number of steps; without it the bar only moves to and fro.
    """
    out = Console(stderr=True)
    if not out.is_terminal:
        yield lambda: None
        return
    columns = [TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()]
    if total is not None:
        columns.insert(2, MofNCompleteColumn())
    bar = Progress(*columns, console=out, transient=True)
    task = bar.add_task(what, total=total)
    timer = threading.Timer(_PATIENCE, bar.start)
    timer.daemon = True
    timer.start()
    try:
        yield lambda: bar.advance(task)
    finally:
        timer.cancel()
        timer.join()
        bar.stop()


def load_model(path: str, threads: int | None = None, isa: str | None = None) -> Model:
    """Load a model under a progress bar."""
    with progress(f"loading {os.path.basename(path)}"):
        model = Model(load_ir(path), threads=threads, isa=isa)
    logger.info("%s: %d operators, %d threads", path, len(model.ir.graphs[0].nodes), model.threads)
    return model


def threads_option(command: _F) -> _F:
    """Add --threads N."""
    help_text = "Threads; default: the cores that this process may use."
    return click.option("--threads", type=click.IntRange(1, 1024), metavar="N", help=help_text)(command)


def isa_option(command: _F) -> _F:
    """Add --isa NAME."""
    help_text = "Instruction set of the kernels; default: the best here (see `doctor`)."
    return click.option("--isa", metavar="NAME", help=help_text)(command)


def json_option(command: _F) -> _F:
    """Add --json."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of text.")(command)


def shape_text(shape: Sequence[int]) -> str:
    """Return a shape as 1x224x224x3; a scalar as "scalar"."""
    return "x".join(map(str, shape)) or "scalar"


def count_text(count: float, unit: str = "") -> str:
    """Return a count as people read it: 1.23 M, or with unit "B" 1.23 MB."""
    prefixes = iter(("", "k", "M", "G", "T"))
    prefix = next(prefixes)
    while count >= 999.5 and prefix != "T":
        count /= 1000
        prefix = next(prefixes)
    number = f"{count:.3g}" if count < 999.5 else f"{count:.0f}"
    return f"{number} {prefix}{unit}".rstrip()
