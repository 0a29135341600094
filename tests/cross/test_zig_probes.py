"""Programs by zig, whose runtime does not know the processor, find its instruction sets all the same."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

import pytest

from sanderling import _core
from tests.support.native import ROOT
from tests.support.zig import zig

PROGRAM = """
#include <stdio.h>
#include "cpu/probe_x86.h"

using namespace sanderling;

int main() {
  if (probe_avx512amx()) puts("avx512amx");
  if (probe_avx512vnni()) puts("avx512vnni");
  if (probe_avxvnni()) puts("avxvnni");
  if (probe_avx2()) puts("avx2");
}
"""


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the program is one of x86-64")
def test_a_program_by_zig_finds_the_same(tmp_path: Path) -> None:
    main, program = tmp_path / "main.cc", tmp_path / "main"
    main.write_text(PROGRAM)
    # Without the C++ library, which zig would build first, for minutes.
    options = ["-target", "x86_64-linux-gnu", "-nostdlib++", "-fno-threadsafe-statics", "-std=c++17", "-O1"]
    environment = {**os.environ, "ZIG_GLOBAL_CACHE_DIR": str(tmp_path / "cache")}
    subprocess.run([zig(), "c++", *options, "-I", ROOT / "csrc", main, "-o", program], check=True, env=environment)
    found = subprocess.run([program], check=True, capture_output=True, text=True).stdout.split()
    assert found == [isa for isa in _core.available_isas() if isa != "portable"]
