"""Programs of the system, and sanderling-bench, that tests of devices use."""

from __future__ import annotations

import os
import shutil
import struct
import time
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import pytest

from sanderling.devices.binaries import PROGRAM, find_binary
from tests.support.shared import ROOT


def missing(what: str) -> NoReturn:
    """Skip the running test, by name, or fail it where CI=true."""
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(what)
    pytest.skip(what)


def program(name: str, package: str) -> str:
    """Return the path of a program."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    return found or missing(f"{name} is missing: apt-get install {package}")


def bench_folder(machine: str, android: bool = False) -> Path:
    """Return a folder with sanderling-bench for a machine as `uname -m` names it; for Android a static one."""
    places = [
        Path(p)
        for p in (os.environ.get("SANDERLING_BINARIES"), os.environ.get("SANDERLING_BUILD"), ROOT / "dist",
                  ROOT / "build/dev", ROOT / "build/native", ROOT / "build/aarch64-native", ROOT / "build/bins")
        if p and Path(p).is_dir()
    ]  # fmt: skip
    try:
        return find_binary(machine, places, android).path.parent
    except FileNotFoundError as e:
        missing(str(e))


def elf(folder: Path, machine: int, code: bytes) -> Path:
    """Write a static program of a few instructions; 62 is x86-64, 183 is aarch64."""
    folder.mkdir(exist_ok=True)
    path, start = folder / PROGRAM, 0x400000
    size = 64 + 56 + len(code)
    header = b"\x7fELF\2\1\1" + bytes(9)
    header += struct.pack("<HHIQQQIHHHHHH", 2, machine, 1, start + 120, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    path.write_bytes(header + struct.pack("<IIQQQQQQ", 1, 5, 0, start, start, size, size, 4096) + code)
    path.chmod(0o755)
    return path


def left(folder: Path) -> list[str]:
    """Return what is in a folder, and the programs that run from it, once there was time to clean up."""
    end = time.monotonic() + 10
    while (found := sorted(os.listdir(folder)) + _running(folder)) and time.monotonic() < end:
        time.sleep(0.05)
    return found


def _running(folder: Path) -> list[str]:
    found = []
    for entry in Path("/proc").glob("[0-9]*/exe"):
        with suppress(OSError):
            if os.readlink(entry).startswith(f"{folder}/"):
                found.append(f"process {entry.parent.name}")
    return found
