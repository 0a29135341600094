"""Instruction sets that a test is meant to run: it may skip only those that this machine surely lacks.

What the machine has is asked of the operating system, not of the probes under test; under an emulator, whose
/proc/cpuinfo is the host's, SANDERLING_TEST_ISAS lists it (comma-separated).
"""

from __future__ import annotations

import ctypes
import functools
import os
import re
from pathlib import Path

import pytest

from sanderling import _core

FLAGS = {
    "avx512amx": {"amx_tile", "amx_int8", "avx512_vnni", "avx512bw", "avx512vl"},
    "avx512vnni": {"avx512_vnni", "avx512bw", "avx512vl"},
    "avxvnni": {"avx_vnni"},
    "avx2": {"avx2", "fma"},
    "neon_i8mm": {"asimddp", "i8mm"},
    "neon_dotprod": {"asimddp"},
    "neon_fp16": {"fphp", "asimdhp"},
    "neon": {"asimd", "neon"},
    "portable": set(),
}
"""Flags of /proc/cpuinfo: all of them; for neon one of them."""


def offers_tiles() -> bool:
    """Whether the operating system lets processes use the tile registers of AMX (Linux 5.16, x86-64)."""
    get_supported, arch_prctl, tile_data, mask = 0x1021, 158, 18, ctypes.c_uint64()
    return ctypes.CDLL(None).syscall(arch_prctl, get_supported, ctypes.byref(mask)) == 0 and bool(
        mask.value >> tile_data & 1
    )


@functools.cache
def expected_isas() -> frozenset[str]:
    """Return the instruction sets that this machine has, as far as this build knows them."""
    listed = os.environ.get("SANDERLING_TEST_ISAS")
    if listed is not None:
        return frozenset(listed.split(","))
    match = re.search(r"^(?:flags|Features)\s*:(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    flags = set(match[1].split()) if match else set()
    found = {isa for isa, needs in FLAGS.items() if isa != "neon" and needs <= flags}
    if "avx512amx" in found and not offers_tiles():
        found.remove("avx512amx")
    return frozenset(found | ({"neon"} if flags & FLAGS["neon"] else set()))


def require_isa(isa: str) -> None:
    """Skip where the machine lacks `isa`; fail where it has it and the build does not run it."""
    runs = [*_core.available_isas(), *_core.asked_isas()]
    available = isa in runs
    if isa in expected_isas():
        assert available, f"this machine has {isa}, but sanderling runs only {runs}"
    elif not available:
        pytest.skip(f"this machine has no {isa}")
