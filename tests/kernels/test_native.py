"""The native test of every kernel row between guard pages (tests/native)."""

from __future__ import annotations

import subprocess

import pytest

from sanderling import _core
from tests.support.isa import require_isa
from tests.support.native import build_folder


@pytest.fixture(scope="module")
def ran() -> dict[tuple[str, str, str], int]:
    """Cases that each row took."""
    program = build_folder("kernel_rows") / "kernel_rows"
    done = subprocess.run([program, "1", "300"], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    rows = {}
    for line in done.stdout.splitlines():
        folder, row, cases = line.split()
        isa, name = row.split("/")
        rows[folder, name, isa] = int(cases)
    return rows


@pytest.mark.parametrize(("folder", "name", "isa"), _core.kernels())
def test_row(ran: dict[tuple[str, str, str], int], folder: str, name: str, isa: str) -> None:
    require_isa(isa)
    assert ran[folder, name, isa] > 0
