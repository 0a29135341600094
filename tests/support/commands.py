"""Commands of `sanderling`, called in this process, and Python in another."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

import sanderling
from sanderling import ir
from sanderling.cli.app import cli
from sanderling.exporters.tflite import to_bytes

PACKAGE = str(Path(sanderling.__file__).parents[1])


def sanderling_(*args: object, code: int = 0) -> Result:
    result = CliRunner().invoke(cli, [str(a) for a in args], prog_name="sanderling")
    assert result.exit_code == code, result.output
    return result


def json_of(*args: object, code: int = 0) -> Any:
    result = sanderling_(*args, "--json", code=code)
    assert result.stderr == ""
    return json.loads(result.stdout)


def failure(*args: object, code: int, prefix: str = "") -> str:
    """The one line on stderr of a command that fails, without "sanderling: " and the prefix, which must be there."""
    result = sanderling_(*args, code=code)
    prefix = "sanderling: " + prefix
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith(prefix)
    return result.stderr.removeprefix(prefix).strip()


def write(path: Path, model: ir.Model | bytes) -> Path:
    path.write_bytes(model if isinstance(model, bytes) else to_bytes(model))
    return path


def python(*args: str, **environment: str) -> subprocess.CompletedProcess[str]:
    # The package that this process tests: installed, or beside its sources.
    path = os.pathsep.join([PACKAGE, os.environ.get("PYTHONPATH", "")])
    env = os.environ | {"PYTHONPATH": path} | environment
    return subprocess.run([sys.executable, *args], capture_output=True, text=True, timeout=120, env=env)
