"""What the parts of the builder share."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


class CannotBuild(Exception):
    """Something is missing; the text says what and how to get it."""


def cache() -> Path:
    base = os.environ.get("SANDERLING_CROSS_CACHE")
    folder = Path(base) if base else Path.home() / ".cache" / "sanderling" / "cross"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def run(command: Sequence[str | Path], env: Mapping[str, str] | None = None, cwd: Path = ROOT) -> None:
    """Run a program; its output is shown when it fails, or always with SANDERLING_VERBOSE."""
    words = [str(word) for word in command]
    print("+", shlex.join(words), flush=True)
    show = bool(os.environ.get("SANDERLING_VERBOSE"))
    done = subprocess.run(
        words,
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdout=None if show else subprocess.PIPE,
        stderr=None if show else subprocess.STDOUT,
        text=True,
    )
    if done.returncode != 0:
        if done.stdout:
            sys.stdout.write(done.stdout)
        raise CannotBuild(f"{Path(words[0]).name} failed with status {done.returncode}")
