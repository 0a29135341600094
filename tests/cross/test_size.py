"""cross/size.py on a program of four files, whose symbols have sizes that are known."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

pytest.importorskip("elftools", reason="pyelftools is missing (extra `cross`)")

from tests.support.native import ROOT
from tests.support.zig import zig

# Each has a function `part` of its own, which tells files that the linker puts together from each other.
SOURCES = {
    "csrc/ops/add.cc": """
        namespace {
        const int table[100] = {1, 2, 3};
        __attribute__((noinline)) int part(int i) { return table[i % 100]; }
        }
        int add(int i) { return part(i) + 1; }
        int unused(int i) { return part(i) * 7; }
    """,
    "csrc/ops/mul.cc": """
        namespace {
        int memory[50] = {4};
        __attribute__((noinline)) int part(int i) { return memory[i % 50]++; }
        }
        int mul(int i) { return part(i) + 2; }
    """,
    "csrc/graph/add.cc": """
        struct Freed { int* p; ~Freed() { *p = 0; } };
        int add(int i);
        __attribute__((noinline)) int thrower(int i) { if (i > 3) throw i; return i; }
        int plan(int i) { int n = i; try { Freed f{&n}; thrower(i); } catch (int) { n = 9; } return n + add(i); }
    """,
    "csrc/capi/bench.cc": """
        int plan(int);
        int mul(int);
        extern "C" {
        __attribute__((visibility("default"))) int run(int n) { return plan(n) + mul(n); }
        // No C++ runtime, which the compiler would build for minutes: nothing here runs.
        void __gxx_personality_v0() {}
        void* __cxa_allocate_exception(unsigned long) { return nullptr; }
        void __cxa_throw(void*, void*, void*) { for (;;) {} }
        void* __cxa_begin_catch(void*) { return nullptr; }
        void __cxa_end_catch() {}
        void _Unwind_Resume(void*) { for (;;) {} }
        void* _ZTIi;
        }
    """,
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A program that is not stripped, and the folder of its objects."""
    compiler = [zig(), "c++", "-target", "aarch64-linux-none", "-O1"]
    separate = ["-fno-sanitize=undefined", "-fvisibility=hidden", "-ffunction-sections", "-fdata-sections"]
    folder = tmp_path_factory.mktemp("size")
    env = {**os.environ, "ZIG_GLOBAL_CACHE_DIR": str(folder / "cache"), "ZIG_LOCAL_CACHE_DIR": str(folder / "cache")}
    objects = []
    for name, text in SOURCES.items():
        source = folder / name
        source.parent.mkdir(parents=True, exist_ok=True)
        source.write_text(text)
        target = folder / "build" / "CMakeFiles" / "core.dir" / f"{name}.o"
        target.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([*compiler, *separate, "-c", name, "-o", target], cwd=folder, env=env, check=True)
        objects.append(target)
    program = folder / "program"
    flags = ["-g", "-nostdlib", "-static", "-Wl,--gc-sections", "-Wl,-e,run", "-o", program]
    subprocess.run([*compiler, *objects, *flags], env=env, check=True)
    return program, folder / "build"


@pytest.fixture(scope="module")
def sizes(built: tuple[Path, Path]) -> dict[str, Counter[str]]:
    sys.path.insert(0, str(ROOT / "cross"))
    try:
        import size
    finally:
        sys.path.pop(0)
    return size.share(*built)


def test_tells_files_apart(sizes: dict[str, Counter[str]]) -> None:
    assert sizes["csrc/ops/add.cc"]["rodata"] == 400
    assert sizes["csrc/ops/add.cc"]["data"] == 0
    assert sizes["csrc/ops/mul.cc"]["data"] == 200
    assert sizes["csrc/ops/mul.cc"]["rodata"] == 0


def symbol_sizes(path: Path, names: tuple[str, ...]) -> int:
    from elftools.elf.elffile import ELFFile

    with path.open("rb") as stream:
        symbols = ELFFile(stream).get_section_by_name(".symtab").iter_symbols()
        found = {s.name: s.entry.st_size for s in symbols if s.name in names}
    assert set(found) == set(names)
    return sum(found.values())


def test_counts_what_is_left(built: tuple[Path, Path], sizes: dict[str, Counter[str]]) -> None:
    objects = built[1] / "CMakeFiles" / "core.dir" / "csrc"
    kept, dropped = ("_Z3addi", "_ZN12_GLOBAL__N_14partEi"), ("_Z6unusedi",)
    assert symbol_sizes(objects / "ops" / "add.cc.o", dropped) > 0
    assert sizes["csrc/ops/add.cc"]["text"] == symbol_sizes(objects / "ops" / "add.cc.o", kept)
    assert sizes["csrc/ops/mul.cc"]["text"] > 0


def test_counts_tables_of_exceptions(sizes: dict[str, Counter[str]]) -> None:
    assert sizes["csrc/graph/add.cc"]["except"] > 0
    assert sizes["csrc/graph/add.cc"]["eh_frame"] > 0
    assert sizes["csrc/ops/mul.cc"]["except"] == 0


def test_leaves_out_the_benchmarks_main(built: tuple[Path, Path], sizes: dict[str, Counter[str]]) -> None:
    assert "csrc/capi/bench.cc" not in sizes
    script = [sys.executable, str(ROOT / "cross" / "size.py"), *map(str, built), "--top", "1"]
    lines = subprocess.run(script, check=True, capture_output=True, text=True).stdout.splitlines()
    assert [line.split(None, 6)[-1] for line in (lines[0], *lines[-2:])] == ["file", "Sanderling", "runtime and main"]
    assert len(lines) == 4
    total = sum(counts.total() for name, counts in sizes.items() if name)
    assert int(lines[-2].split()[0]) == total
