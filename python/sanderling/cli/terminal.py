"""What the commands share: consoles, progress bars, JSON, options."""

from __future__ import annotations

import json
import logging
import math
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import click
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from sanderling.model import Model, load

logger = logging.getLogger(__name__)

_F = TypeVar("_F", bound=Callable[..., Any])

_LEAST = 12
"""Columns that an elastic column keeps."""

_PATIENCE = 1.0
"""Seconds before a progress bar appears."""

_REDRAW = 0.25


def console() -> Console:
    """Return a console for results, on stdout."""
    return Console(highlight=False, soft_wrap=True)


def plain(text: str) -> str:
    """Return `text` without control characters: a name in a file must not steer the terminal."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


class Sheet:
    """Rows in columns.

    Parameters
    ----------
    *columns : str
        Headings; those that start with ">" are of numbers. If no heading has letters, none is printed.
    elastic : str, optional
        Heading of the column that is cut where a terminal is too narrow. Elsewhere (a pipe, a file) nothing is cut.
    """

    def __init__(self, *columns: str, elastic: str = "") -> None:
        self._right = [c.startswith(">") for c in columns]
        self._rows = [([c.removeprefix(">") for c in columns], "bold")]
        self._elastic = self._rows[0][0].index(elastic) if elastic else None

    def __len__(self) -> int:
        return len(self._rows) - 1

    def add(self, *cells: Any, style: str = "") -> None:
        """Add a row; None is an empty cell."""
        texts = ["" if c is None else plain(str(c)) for c in cells]
        self._rows.append((texts, style))

    def show(self, screen: Console) -> None:
        """Print the rows."""
        widths = [max(map(cell_len, column)) for column in zip(*(row for row, _ in self._rows), strict=True)]
        if self._elastic is not None and (screen.is_terminal or os.environ.get("COLUMNS")):
            others = sum(widths) - widths[self._elastic] + 2 * (len(widths) - 1)
            widths[self._elastic] = min(widths[self._elastic], max(screen.width - others, _LEAST))
        rows = self._rows if any(self._rows[0][0]) else self._rows[1:]
        for cells, style in rows:
            screen.print(Text(self._line(cells, widths), style=style))

    def _line(self, cells: Sequence[str], widths: Sequence[int]) -> str:
        parts = []
        for cell, width, right in zip(cells, widths, self._right, strict=True):
            text = cell if cell_len(cell) <= width else set_cell_size(cell, width - 1).rstrip() + "\u2026"
            space = " " * (width - cell_len(text))
            parts.append(space + text if right else text + space)
        return "  ".join(parts).rstrip()


def print_json(value: Any) -> None:
    """Print one JSON document to stdout; see `json_ready`."""
    click.echo(json.dumps(json_ready(value), indent=2, ensure_ascii=False))


def json_ready(value: Any) -> Any:
    """Return a value with NaN and infinities, which JSON does not have, as strings."""
    if isinstance(value, dict):
        return {str(k): json_ready(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [json_ready(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


class Number(click.FloatRange):
    """A range of numbers without those that are none, or infinite."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a number", param, ctx)
        return number


def check_output(output: str, inputs: Iterable[str]) -> None:
    """Before any work: a file that is to be written is none of those that are read, and its folder is there.

    Raises
    ------
    click.UsageError
        Otherwise; also where the folder may not be written to.
    """
    for path in inputs:
        if os.path.exists(path) and os.path.exists(output) and os.path.samefile(path, output):
            raise click.UsageError(f"{output}: is read, too ({path}); choose another file to write")
    if os.path.exists(output) and not os.path.isfile(output):
        return  # a device or a pipe; a folder is refused when it is opened
    folder = os.path.dirname(os.path.realpath(output))
    if not os.path.isdir(folder):
        raise click.UsageError(f"{output}: there is no folder {folder}")
    if not os.access(folder, os.W_OK):
        raise click.UsageError(f"{output}: the folder {folder} cannot be written to")


@contextmanager
def progress(what: str, total: int | None = None, quiet: bool = False) -> Iterator[Callable[[], None]]:
    """Show a progress bar on stderr if it is a terminal and the work takes over a second; call the result to advance.

    Parameters
    ----------
    what : str
        What is being done.
    total : int, optional
        Number of steps; without it the bar only moves to and fro.
    quiet : bool
        Draw in calls to advance only, not in a thread beside the work: for what is being timed.
    """
    out = Console(stderr=True)
    if not out.is_terminal:
        yield lambda: None
        return
    columns = [TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()]
    if total is not None:
        columns.insert(2, MofNCompleteColumn())
    bar = Progress(*columns, console=out, transient=True, auto_refresh=not quiet)
    task = bar.add_task(what, total=total)
    timer = threading.Timer(_PATIENCE, bar.start)
    timer.daemon = True
    timer.start()
    drawn = 0.0

    def advance() -> None:
        nonlocal drawn
        bar.advance(task)
        if quiet and time.monotonic() - drawn > _REDRAW:
            bar.refresh()
            drawn = time.monotonic()

    try:
        yield advance
    finally:
        timer.cancel()
        timer.join()
        bar.stop()


def load_model(path: str, threads: int | None = None, isa: str | None = None, fp16: bool = False) -> Model:
    """Load a model under a progress bar."""
    with progress(f"loading {os.path.basename(path)}"):
        model = load(path, threads, isa=isa, fp16=fp16)
    logger.info("%s: %d operators, %d threads", path, len(model.ir.graphs[0].nodes), model.threads)
    return model


def threads_option(command: _F) -> _F:
    """Add --threads N."""
    help_text = "Threads; default: SANDERLING_THREADS, else the big cores that this process may use."
    return click.option("--threads", type=click.IntRange(1, 1024), metavar="N", help=help_text)(command)


def isa_option(command: _F) -> _F:
    """Add --isa NAME."""
    help_text = "Instruction set of the kernels; default: the best here (see `doctor`)."
    return click.option("--isa", metavar="NAME", help=help_text)(command)


def fp16_option(command: _F) -> _F:
    """Add --fp16."""
    help_text = "Let float layers compute in fp16, where the CPU can: faster, other results."
    return click.option("--fp16", is_flag=True, help=help_text)(command)


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


def ms_text(value: float) -> str:
    """Return milliseconds with as many digits as mean something."""
    return f"{value:.4f}" if value < 1 else f"{value:.3f}" if value < 100 else f"{value:.1f}"
