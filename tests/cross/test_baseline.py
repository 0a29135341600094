"""Which functions may hold instructions of an instruction set, and what stripping leaves."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("elftools", reason="pyelftools is missing (extra `cross`)")

from tests.support.native import ROOT
from tests.support.zig import zig

SOURCE = """
static int __attribute__((noinline, used)) {name}(int a) {{
  __asm__ volatile("{instruction}");
  return a;
}}
extern "C" int entry_{name}(int a);
int entry_{name}(int a) {{ return {name}(a); }}
"""
SDOT = ".arch armv8.2-a+dotprod\\nsdot v0.4s, v1.16b, v2.16b"
FMLA16 = ".arch armv8.2-a+fp16\\nfmla v0.8h, v1.8h, v2.h[3]"
SMMLA = ".arch armv8.2-a+i8mm\\nsmmla v0.4s, v1.16b, v2.16b"
VADD = ".arch armv7-a\\n.fpu neon\\nvadd.i8 q0, q0, q0"
MOVW = ".arch armv7-a\\nmovw r0, #258"


def link(
    folder: Path,
    sources: dict[str, tuple[str, str]],
    target: tuple[str, ...] = ("aarch64-linux-musl",),
    source: str = SOURCE,
) -> Path:
    """A shared library of files, each with one function (its name, its instruction)."""
    for file, (name, instruction) in sources.items():
        (folder / file).write_text(source.format(name=name, instruction=instruction))
    out = folder / "library.so"
    options = ["-Os", "-g", "-target", *target, "-nostdlib", "-shared", "-o", str(out)]
    subprocess.run(
        [zig(), "c++", *options, *sources],
        check=True,
        cwd=folder,
        env={**os.environ, "ZIG_GLOBAL_CACHE_DIR": str(folder / "cache")},
    )
    return out


def faults(library: Path, arch: str = "aarch64") -> list[str]:
    code = (
        "import sys, baseline as b, pathlib as p; print(*b.above_baseline(p.Path(sys.argv[1]), sys.argv[2]), sep='\\n')"
    )
    command = [sys.executable, "-c", code, str(library), arch]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT / "cross")
    if "llvm-objdump is missing" in done.stderr and os.environ.get("CI") != "true":
        pytest.skip("llvm-objdump is missing: apt-get install llvm")
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\n")[:-1] if done.stdout.strip() else []


def test_only_files_of_an_instruction_set_may_have_it(tmp_path: Path) -> None:
    files = {"neon_dotprod.cc": ("good", SDOT), "neon_i8mm_tiles.cc": ("better", SMMLA), "neon.cc": ("plain", "nop")}
    files["neon_fp16.cc"] = ("half", FMLA16)
    assert faults(link(tmp_path, files)) == []


def test_functions_of_other_files_are_found(tmp_path: Path) -> None:
    files = {
        "neon_dotprod.cc": ("same", SDOT),
        "reference.cc": ("wrong", SDOT),
        "neon.cc": ("worse", SDOT),
        "neon_dotprod_rows.cc": ("too_new", SMMLA),
        "neon_i8mm.cc": ("halves", FMLA16),
        "neon_fp16.cc": ("dots", SDOT),
    }
    found = faults(link(tmp_path, files))
    assert len(found) == 5
    assert any("halves" in line and "of neon_i8mm.cc" in line and "fmla" in line for line in found)
    assert any("dots" in line and "of neon_fp16.cc" in line and "sdot" in line for line in found)
    assert any("wrong" in line and "of reference.cc" in line and "sdot" in line for line in found)
    assert any("worse" in line and "of neon.cc" in line for line in found)
    assert any("too_new" in line and "of neon_dotprod_rows.cc" in line and "smmla" in line for line in found)


def test_rows_of_kernels_are_known_by_name(tmp_path: Path) -> None:
    """Hidden functions lose their file in a shared library; their names say the instruction set."""
    rows = """
namespace sanderling {{ __attribute__((visibility("hidden"), noinline, used)) int {name}(int a) {{
  __asm__ volatile("{instruction}");
  return a;
}} }}
extern "C" int entry_{name}(int a);
int entry_{name}(int a) {{ return sanderling::{name}(a); }}
"""
    files = {
        "neon_dotprod.cc": ("add_q8_neon_dotprod_wide", SDOT),
        "neon.cc": ("add_q8_neon_wide", SDOT),
        "reference.cc": ("add_q8_portable_plain", SDOT),
    }
    found = faults(link(tmp_path, files, source=rows))
    assert len(found) == 2
    assert all(any(name in line for line in found) for name in ("add_q8_neon_wide", "add_q8_portable_plain"))


@pytest.mark.parametrize(
    ("arch", "cpu", "wrong"),
    [("armv7l", "generic+v7a+vfp3d16-neon-d32", {"add"}), ("armv6l", "arm1176jzf_s", {"add", "move"})],
)
def test_32_bits(arch: str, cpu: str, wrong: set[str], tmp_path: Path) -> None:
    files = {"neon.cc": ("good", VADD), "reference.cc": ("add", VADD), "dispatch.cc": ("move", MOVW)}
    found = faults(link(tmp_path, files, ("arm-linux-musleabihf", f"-mcpu={cpu}")), arch)
    assert len(found) == len(wrong)
    assert all(any(name in line.split(":")[0] for line in found) for name in wrong)


def test_stripped_code_counts_as_the_baseline(tmp_path: Path) -> None:
    library = link(tmp_path, {"neon_dotprod.cc": ("good", SDOT)})
    before = library.read_bytes()
    symbols = tmp_path / "symbols"
    command = [sys.executable, str(ROOT / "cross" / "strip.py"), str(library)]
    subprocess.run(command, check=True, env={**os.environ, "SANDERLING_SYMBOLS": str(symbols)})
    assert (symbols / library.name).read_bytes() == before
    after = library.read_bytes()
    assert len(after) < len(before)
    assert b"reference.cc" not in after
    found = faults(library)
    assert len(found) == 1
    assert "(no symbol): 1 instructions" in found[0]
    subprocess.run(command, check=True)  # nothing is left to take out
    assert library.read_bytes() == after
