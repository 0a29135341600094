"""The program that is shipped to a device: sanderling-bench for its architecture."""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PROGRAM = "sanderling-bench"

# What a machine of `uname -m` runs, the best first.
_RUNS = {
    "aarch64": ("aarch64",),
    "arm64": ("aarch64",),
    "armv8l": ("armv7", "armv6"),
    "armv7l": ("armv7", "armv6"),
    "armv6l": ("armv6",),
    "x86_64": ("x86_64",),
    "amd64": ("x86_64",),
}
_MAKE = {
    "aarch64": "python cross/build.py musl-aarch64",
    "armv7": "python cross/build.py musl-armv7",
    "armv6": "python cross/build.py musl-armv6",
    "x86_64": "cmake -B build/x86_64 -DSANDERLING_PYTHON=OFF -DSANDERLING_NATIVE=ON "
    "-DCMAKE_EXE_LINKER_FLAGS=-static && cmake --build build/x86_64 && "
    "install -D -t dist/x86_64 build/x86_64/sanderling-bench",
}
_INTERPRETER = 3  # PT_INTERP: the program needs a dynamic loader


@dataclass(frozen=True)
class Binary:
    """A program for one kind of CPU.

    Attributes
    ----------
    path : Path
        The file.
    architecture : str
        "aarch64", "armv7", "armv6" or "x86_64".
    loader : str
        The dynamic loader that it needs; "" where it is static.
    """

    path: Path
    architecture: str
    loader: str


def read_binary(path: Path) -> Binary | None:
    """Return what an ELF file is for, None for other files."""
    try:
        with open(path, "rb") as file:
            head = file.read(65536)
    except OSError:
        return None
    try:
        if head[:4] != b"\x7fELF" or head[5] != 1:
            return None
        machine = struct.unpack_from("<H", head, 18)[0]
        wide = head[4] == 2
        table = struct.unpack_from("<Q", head, 32)[0] if wide else struct.unpack_from("<I", head, 28)[0]
        size, count = struct.unpack_from("<HH", head, 54 if wide else 42)
        loader = ""
        for at in range(table, table + size * count, size):
            if struct.unpack_from("<I", head, at)[0] == _INTERPRETER:
                start, length = (struct.unpack_from("<Q", head, at + k)[0] for k in (8, 32)) if wide else (
                    struct.unpack_from("<I", head, at + k)[0] for k in (4, 16))  # fmt: skip
                loader = head[start : start + length].rstrip(b"\0").decode("utf-8", "replace")
    except (struct.error, IndexError, ValueError):
        return None
    # Both kinds of 32-bit programs have the same number; their folders are named after them.
    arm = "armv6" if "armv6" in "/".join(path.parts[-4:]) else "armv7"
    architecture = {183: "aarch64", 62: "x86_64", 40: arm}.get(machine)
    return None if architecture is None else Binary(path, architecture, loader)


def folders(given: str | os.PathLike[str] | None = None) -> list[Path]:
    """Return where programs are looked for: `given`, else SANDERLING_BINARIES, else `dist`."""
    if given is not None:
        return [Path(given)]
    named = os.environ.get("SANDERLING_BINARIES")
    if named:
        return [Path(p) for p in named.split(os.pathsep) if p]
    found = [Path("dist")]
    checkout = Path(__file__).resolve().parents[3]
    if (checkout / "cross").is_dir() and checkout != Path.cwd():
        found.append(checkout / "dist")
    return found


def find_binary(machine: str, places: Sequence[Path], android: bool = False) -> Binary:
    """Return the program for a machine.

    Parameters
    ----------
    machine : str
        As `uname -m` has it.
    places : sequence of Path
        Folders, searched with what is in them, or files.
    android : bool
        Whether Android's dynamic loader is there, and no other.

    Raises
    ------
    FileNotFoundError
        There is none. The message has the command that makes it.
    """
    wanted = _RUNS.get(machine.lower())
    if wanted is None:
        raise FileNotFoundError(f"there is no {PROGRAM} for its architecture, {machine or 'unknown'}")
    files = [p for place in places for p in ([place] if place.is_file() else sorted(place.rglob(PROGRAM + "*")))]
    found = [b for b in map(read_binary, files) if b is not None and b.architecture in wanted]
    fitting = [b for b in found if not b.loader or b.loader.startswith("/system/") == android]
    if not fitting:
        where = ", ".join(map(str, places))
        raise FileNotFoundError(
            f"no {PROGRAM} for {machine} in {where}; make it with: {_MAKE[wanted[0]]} (or name its folder: --binaries, "
            "SANDERLING_BINARIES)"
        )
    return min(fitting, key=lambda b: (wanted.index(b.architecture), bool(b.loader), -b.path.stat().st_mtime))
