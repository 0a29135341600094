"""No code compiled for one instruction set may be what another CPU runs.

A weak symbol (an inline function, a template) that several objects define is kept once by the linker. Where one of them
was compiled with the flags of an instruction set, its copy may be kept, and CPUs without it crash.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from sanderling import _core
from tests.support.native import ROOT, build_folder

OBJECTS = "CMakeFiles/sanderling_core.dir"


def isa_names() -> set[str]:
    """First cells of the table in cmake/isa.cmake."""
    lines = (ROOT / "cmake" / "isa.cmake").read_text().splitlines()
    rows = (line.strip().strip('"').split("|") for line in lines if line.startswith('  "'))
    return {row[0] for row in rows if len(row) in (3, 4)}


def weak_functions(path: Path) -> set[str]:
    """Weak symbols that an object defines; without data such as the compiler's own DW.ref.* pointers."""
    listed = subprocess.run(["nm", "--defined-only", path], capture_output=True, text=True, check=True).stdout
    return {line.split()[-1] for line in listed.splitlines() if line.split()[-2] in ("W", "u")}


def test_no_weak_symbol_has_two_instruction_sets() -> None:
    build = build_folder(OBJECTS)
    if "SANDERLING_SANITIZE:STRING=\n" not in (build / "CMakeCache.txt").read_text():
        pytest.skip("sanitizers keep functions that an optimised build inlines; only that one is judged")
    folder = build / OBJECTS
    if shutil.which("nm") is None:
        pytest.fail("nm is missing (binutils)")
    isas = isa_names() - {"portable"}
    assert {isa for _, _, isa in _core.kernels()} - {"portable"} <= isas
    baseline: dict[str, Path] = {}
    special: list[tuple[Path, set[str]]] = []
    for path in sorted(folder.rglob("*.o")):
        symbols = weak_functions(path)
        if any(path.name == f"{isa}.cc.o" or path.name.startswith(f"{isa}_") for isa in isas):
            special.append((path, symbols))
        else:
            baseline.update(dict.fromkeys(symbols, path))
    assert baseline, f"no objects in {folder}"
    built = {(path.parent.name, path.name.removesuffix(".cc.o")) for path, _ in special}
    for kernel_folder, _, isa in _core.kernels():
        assert isa == "portable" or any(f == kernel_folder and name.startswith(isa) for f, name in built)
    owner: dict[str, Path] = {}
    shared = []
    for path, symbols in special:
        for symbol in sorted(symbols):
            other = baseline.get(symbol) or owner.setdefault(symbol, path)
            if other.name != path.name:
                shared.append(f"{symbol}: {path.relative_to(folder)} and {other.relative_to(folder)}")
    assert not shared, "weak symbols that an instruction set shares with others:\n" + "\n".join(shared)
